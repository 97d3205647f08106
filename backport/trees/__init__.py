"""The tree store and the sources that fill it."""
