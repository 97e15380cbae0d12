"""Process 1 of a jail and its children: runs one candidate after another, under limits."""
