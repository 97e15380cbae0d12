"""The model and the sample problems that ship in the package."""
