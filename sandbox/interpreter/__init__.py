"""What makes a child look like a plain interpreter: modules, files, recursion, the end of a program."""
