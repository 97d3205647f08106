"""Commits that a fix needs first in an older tree: found, tried for real, offered, and never taken by themselves."""
