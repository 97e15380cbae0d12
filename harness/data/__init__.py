"""Where problems come from, and the rows of a file."""
