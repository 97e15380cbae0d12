"""One run, phase by phase: prepare, tune, generate, judge, score, summarise."""
