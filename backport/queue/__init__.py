"""What a stable maintainer takes away: quilt queues, headers, mails."""
