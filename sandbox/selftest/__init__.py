"""Attacks and honest programs that are tried on this machine."""
