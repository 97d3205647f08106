"""Who proposes an answer for a hunk, one file each; what it may rest on is what it declares."""
