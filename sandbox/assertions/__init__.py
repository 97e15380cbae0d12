"""Judges assertion tests and test files: the test in a process of its own, or in the candidate's where it must be."""
