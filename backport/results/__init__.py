"""What happened, kept: SQLite store, cache by content, changes between runs."""
