"""Whether an output, or a returned value, is the expected one."""
