"""The engine: pure functions of bytes; one proposer, check or repair a file, and every answer is explained."""
