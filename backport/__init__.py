"""Carry an upstream Linux kernel patch to every older stable branch, and prove what happened."""

__version__ = "0.1.0"
