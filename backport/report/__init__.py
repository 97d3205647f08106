"""Formats for people and machines: one file each."""
