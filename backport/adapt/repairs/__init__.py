"""What mends an adapted hunk that a check found at fault, a way a file. Every one of them is told, and for review."""
