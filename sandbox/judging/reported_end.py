"""What the process that runs a test says of its end, read as bytes that a candidate might have written."""

from __future__ import annotations

import json

from harness.records import Outcome

ENDS = {"passed": Outcome.PASSED, "failed": Outcome.FAILED, "raised": Outcome.RAISED, "objects": Outcome.RAISED}
"""What a process that runs a test says of its end."""


def read_end(output: bytes) -> tuple[str, str, bool] | None:
    """The end, the error and whether the candidate judged, as `AssertRun.run` says them; None for anything else.

    Should a candidate ever write these bytes, they choose no verdict on the sandbox and end no run.
    """
    try:
        said = json.loads(output)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.keys() != {"end", "error", "judged"}:
        return None
    ended, error, judged = said["end"], said["error"], said["judged"]
    fits = isinstance(ended, str) and isinstance(error, str) and isinstance(judged, bool)
    return (ended, error, judged) if fits and ended in ENDS else None
