"""A wall clock that somebody sets to and fro while a command runs. The machine's own is left alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Said, in_child, invoke

DAY = 86_400.0
_STAYS = 0.05
"""Seconds after which the clock is set again: by a day forward, then back, then right."""


def jump() -> None:
    """Let `time.time` of this process jump from now on."""
    right, start = time.time, time.monotonic()

    def now() -> float:
        return right() + (DAY, -DAY, 0.0)[int((time.monotonic() - start) / _STAYS) % 3]

    time.time = now
    time.time_ns = lambda: int(now() * 1e9)


def run(words: list[str], before: Callable[[], None] = jump) -> tuple[Said, float]:
    """A command under such a clock, in a fork; and the seconds that it took by one that nobody sets."""

    def work() -> list[Any]:
        before()
        start = time.monotonic()
        said = invoke(words)
        return [[said.status, said.out, said.err], time.monotonic() - start]

    said, seconds = in_child(work)
    return Said(*said), seconds


def durations(root: Path) -> list[float]:
    """The seconds of each phase of the runs below `root`."""
    found = sorted(root.glob("*/costs.jsonl"))
    return [json.loads(line)["seconds"] for path in found for line in path.read_text("utf-8").splitlines()]
