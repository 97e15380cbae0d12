"""One module per command; `harness.cli` imports the one that is used."""
