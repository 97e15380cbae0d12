"""The supervisor: jobs, workers, requests to jails, and verdicts."""
