"""Replaying backports that humans made, with the answer hidden, to measure the engine."""
