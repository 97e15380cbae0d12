"""Mutants of the modules that decide numbers, against the tests that mirror them."""
