"""Backports that went wrong, in trees that people run: what landed elsewhere, lost a part, or was never finished."""
