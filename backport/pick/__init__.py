"""A fix into a branch of somebody's own kernel clone: no manifest, nothing copied, nothing of theirs moved."""
