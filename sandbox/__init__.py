"""Runs untrusted programs on tests: `for execution in run(jobs): …`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from harness.records import Execution, Limits
from harness.sandbox.compare import Comparison
from harness.sandbox.jail import JailBroken
from harness.sandbox.ladder import Layer, Refused, required, rung
from harness.sandbox.pool import Job, Pool
from harness.sandbox.selftest import selftest
from harness.sandbox.work import Isolation, Options

__all__ = ["Comparison", "Isolation", "JailBroken", "Job", "Layer", "Refused", "run", "rung", "selftest"]

_DEFAULT_LIMITS = Limits()


def run(
    jobs: Iterable[Job],
    limits: Limits = _DEFAULT_LIMITS,
    *,
    workers: int | None = None,
    comparison: Comparison = "apps",
    stop_at_first_failure: bool = False,
    isolation: Isolation = "shared",
    accept_unsafe: bool = False,
) -> Iterator[Execution]:
    """Judges each job, a pair (program text, its tests), and yields one `Execution` for each, in order.

    Jobs are taken as workers become free, so an endless or huge iterable is fine. `workers` jails (default: the CPUs
    this process may use) run side by side. `comparison` decides `passed` and the outcome; the strict count is always
    in `strict_passed`. With `stop_at_first_failure` the tests after a failure are skipped (`complete=False`).
    `isolation="fresh"` gives every test a process of its own; "shared" runs the tests of a program in one process and
    repeats a failure in a fresh one before it is believed. `Execution.seconds` is CPU time.

    Raises:
        Refused: this machine cannot isolate programs, and `accept_unsafe` is not set.
        JailBroken: no jail could be started. A jail that breaks later costs one retry, then `SANDBOX_ERROR`.
    """
    options = Options(limits, comparison, stop_at_first_failure, isolation, required(accept_unsafe))
    return Pool(options, workers or len(os.sched_getaffinity(0))).run(jobs)
