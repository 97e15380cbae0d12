"""What the supervisor and process 1 tell each other."""
