"""What the history of a tree tells, where there is one; without it every answer is "unknown", with the reason."""
