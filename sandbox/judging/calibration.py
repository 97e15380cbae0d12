"""Limits that fit this machine, found by running references here."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from harness.records import Limits, Outcome, StdinTests
from harness.sandbox.jails.isolation import required
from harness.sandbox.judging.pool import Job, Pool
from harness.sandbox.judging.work import Options

_MARGIN = 4.0
"""How much slower than the slowest reference a right answer may be (evalplus's factor for its own references)."""
_YARDSTICK = "total = 0\nfor number in range(10**6):\n    total += number * number % 7\nprint(total)\n"
_YARDSTICK_SECONDS = 0.06
"""CPU seconds of the yardstick on the machine where the default limits were chosen (one core of a 2-core VM)."""
_ROUNDS = 5
_GENEROUS_SECONDS = 60.0
"""CPU seconds for one test of a reference."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured, for the record: the limits, how slow this machine is, how slow its slowest reference.

    `slowness` is this machine's CPU time for a fixed program over the one where the default limits were chosen;
    `load` is wall over CPU time of the same program: far above 1, something else is running here.
    """

    limits: Limits
    slowness: float
    load: float
    slowest_reference: float | None
    references: int
    failed: int


def calibrate(references: Iterable[Job] = (), limits: Limits | None = None) -> Calibration:
    """Scales `limits` (default: `Limits()`) to this machine; never below them.

    `references` are programs that must pass: the CPU limit becomes at least four times the slowest of them. One that
    fails here for another reason than time is counted in `failed` and says nothing about time.
    """
    base = limits or Limits()
    generous = dataclasses.replace(base, cpu_seconds=_GENEROUS_SECONDS, wall_seconds=3 * _GENEROUS_SECONDS)
    seconds, load = _yardstick(generous)
    slowness = seconds / _YARDSTICK_SECONDS
    jobs = list(references)
    executions = list(Pool(Options(generous, "apps", False, "fresh", required(False)), 1).run(jobs)) if jobs else []
    passed = [e.seconds / max(1, e.total) for e in executions if e.outcome is Outcome.PASSED]
    slowest = max(passed, default=None)
    cpu = round(max(base.cpu_seconds, base.cpu_seconds * slowness, _MARGIN * (slowest or 0.0)), 1)
    wall = round(base.wall_seconds * cpu / base.cpu_seconds, 1)
    fitted = dataclasses.replace(base, cpu_seconds=cpu, wall_seconds=wall)
    return Calibration(fitted, round(slowness, 2), round(load, 2), slowest, len(jobs), len(jobs) - len(passed))


def _yardstick(limits: Limits) -> tuple[float, float]:
    """Median CPU seconds of a fixed program, and wall over CPU time while it ran."""
    tests = StdinTests((("", "1999998\n"),))
    pool = Pool(Options(limits, "apps", False, "fresh", required(False)), 1)
    executions = pool.run([(_YARDSTICK, tests)] * (_ROUNDS + 1))
    next(executions)  # the jail starts with the first
    began = time.monotonic()
    seconds = [execution.seconds for execution in executions]
    return statistics.median(seconds), (time.monotonic() - began) / sum(seconds)
