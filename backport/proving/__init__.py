"""Proof of the rules: their worked examples, and whole trees. No answer depends on it."""
