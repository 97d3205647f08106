"""What a stable maintainer takes away: quilt queues, submissions, FAILED notices, reply tables. Nothing is sent."""
