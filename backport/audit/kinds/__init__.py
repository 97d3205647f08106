"""What can be wrong with a backport, one question a file."""
