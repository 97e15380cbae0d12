"""The built-in sample: families of problems, and the build that deals them into splits."""
