"""Repairs of an adapted hunk that a check found at fault, one a file. Each is told, and makes the answer `review`."""
