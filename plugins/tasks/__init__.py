"""Data, prompt, and how to judge."""
