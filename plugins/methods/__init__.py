"""What is different about each way to adapt a model."""
