"""The base model, how it is talked to, and where an adapter goes on it."""
