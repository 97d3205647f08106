"""Adapting hunks: pure functions of bytes, one strategy a file, each result explained."""
