"""What speaks against an answer although it fits, a question a file."""
