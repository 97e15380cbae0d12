"""A grid of runs: read, run, continued."""
