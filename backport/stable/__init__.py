"""What the stable trees ask of a patch: nomination, newer trees first, prerequisites, and the order of a series."""
