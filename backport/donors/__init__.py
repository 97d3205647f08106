"""Forms of an upstream commit that somebody made for a newer tree: found, tried, weighed against upstream's."""
