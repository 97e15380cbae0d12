"""What crosses between the process of a test and that of a candidate: calls, copies and proxies."""
