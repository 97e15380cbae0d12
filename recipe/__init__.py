"""How the model and the sample that ship with harness were made."""
