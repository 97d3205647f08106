"""What speaks against an answer although it fits, one question a file."""
