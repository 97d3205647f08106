"""A conflict as git leaves one: what fits is staged, the rest has three sides; and what a person makes of it, kept."""
