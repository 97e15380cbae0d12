"""Runs programs that a model wrote, on tests that they never see the answers of.

    from harness.sandbox import run
    for execution in run([(program, tests), ...]):
        print(execution.outcome, execution.passed, execution.total)

**Covered** (`selftest()` tries each promise on this machine; docs/sandbox.md says how each is kept):

- no verdict is forged: a candidate gives answers, the comparison happens in another process that it cannot reach
- no file of the host is read, nothing is written outside the scratch folder, nothing of the supervisor is inherited
- no network; no other process is touched; no privilege is gained
- namespaces and mounts stay; no kernel interface beyond what Python needs; no channel between processes is left behind
- no flood gets through: processes, memory, disk, output, time
- honest programs pass

**Not covered**:

- a fault of the kernel itself: candidates use the host's kernel, through the system calls of `seccomp.py`
- what can be learnt from timing, from the processor's caches and from the contents of the interpreter's own folders
- a test that has functions for the candidate, or needs more of its objects than attributes and calls, is checked in the
  candidate's process (`Execution.trust` "in-process")
- on the reduced rung, without user namespaces: no scratch folder, and without a control group the limits on memory and
  processes hold for each process instead of the tree
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.records import Execution, Limits
from harness.sandbox.calibration import Calibration, calibrate
from harness.sandbox.cgroup import cores
from harness.sandbox.compare import Comparison
from harness.sandbox.jail import JailBroken
from harness.sandbox.ladder import Layer, Refused, Rung, required, rung
from harness.sandbox.pool import Job, Pool
from harness.sandbox.selftest import selftest
from harness.sandbox.work import Isolation, Options

__all__ = [
    "Calibration",
    "Comparison",
    "Isolation",
    "JailBroken",
    "Job",
    "Layer",
    "Refused",
    "Rung",
    "calibrate",
    "run",
    "rung",
    "selftest",
]

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

    Jobs are taken as workers become free, so an endless or huge iterable is fine. `workers` jails (default: one for
    each core that this process, or its container, may use) run side by side. `comparison` decides `passed` and the
    outcome; the strict count is always in `strict_passed`. With `stop_at_first_failure` the tests after a failure are
    skipped (`complete=False`). `isolation="fresh"` gives every test a process of its own; "shared" runs the tests of a
    program in one process and repeats a failure in a fresh one before it is believed. `Execution.seconds` is CPU time.

    Raises:
        Refused: this machine cannot isolate programs, and `accept_unsafe` is not set.
        JailBroken: a jail could not be started or ended. One that breaks meanwhile costs one retry, then
            `SANDBOX_ERROR`.
    """
    options = Options(limits, comparison, stop_at_first_failure, isolation, required(accept_unsafe))
    return Pool(options, workers or cores()).run(jobs)
