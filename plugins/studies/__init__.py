"""Studies of papers: their grids, what they published, and their tables and figures."""
