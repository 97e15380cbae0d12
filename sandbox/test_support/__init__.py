"""What a test finds around it: a stand-in for pytest, fixtures, assertions that are final."""
