"""One jail as the supervisor has it: what it shows, how it starts, the proof that it isolates."""
