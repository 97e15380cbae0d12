"""Runs programs that a model wrote, on tests that they never see the answers of.

    from harness.sandbox import run
    for execution in run([(program, tests), ...]):
        print(execution.outcome, execution.passed, execution.total)

`execute` runs one program with files of its own, for tasks that judge in another way.

**Covered** (`selftest()` tries each promise on this machine; docs/sandbox.md says how each is kept):

- no verdict is forged: a candidate gives answers, the comparison happens in another process that it cannot reach
- no file of the host is read, nothing is written outside the scratch folder, nothing of the supervisor is inherited
- no network; no other process is touched; no privilege is gained
- namespaces and mounts stay; no kernel interface beyond what Python needs; no channel between processes is left behind
- no answer harms whoever compares it: what takes long is compared in a jail, under limits
- no candidate goes unmeasured by its own doing
- nothing of a candidate reaches the next
- no flood gets through: processes, memory, disk, output, time
- honest programs pass

**Not covered**:

- a fault of the kernel itself: candidates use the host's kernel, through the system calls of `seccomp.py`
- what can be learnt from timing, from the processor's caches, from the kernel's counters (numbers of processes and of
  files go on where the last candidate left them) and from the contents of the interpreter's own folders
- a test about its own process (patches, signatures, coroutines, objects of its own classes), or about a class whose own
  operators decide, is checked in the candidate's process (`Execution.trust` "in-process")
- a task's own judge (`execute`): what it shows to a program and believes of its output is the task's to decide
- on the reduced level, without user namespaces: no scratch folder, and without a control group the limits on memory and
  processes hold for each process instead of the tree
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.records import Execution, Limits
from harness.sandbox.comparison.compare import Comparison
from harness.sandbox.jails.isolation import IsolationLevel, Layer, Refused, isolation_level, required
from harness.sandbox.jails.jail import JailFailed
from harness.sandbox.judging.calibration import Calibration, calibrate
from harness.sandbox.judging.pool import Job, Pool
from harness.sandbox.judging.programs import Finished, execute, map_jobs, release
from harness.sandbox.judging.work import Isolation, Options
from harness.sandbox.linux.cgroup import cores
from harness.sandbox.selftest.suite import selftest

__all__ = [
    "Calibration",
    "Comparison",
    "Finished",
    "Isolation",
    "IsolationLevel",
    "JailFailed",
    "Job",
    "Layer",
    "Refused",
    "calibrate",
    "execute",
    "isolation_level",
    "map_jobs",
    "release",
    "run",
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
    program in one process and repeats a failure in a fresh one before it is believed; where that passes, all tests are
    run again as "fresh" does (`Execution.unstable`). `Execution.seconds` is CPU time.

    Raises:
        Refused: this machine cannot isolate programs, and `accept_unsafe` is not set.
        JailFailed: a jail could not be started or ended. One that breaks meanwhile costs one retry, then
            `SANDBOX_ERROR`.
    """
    options = Options(limits, comparison, stop_at_first_failure, isolation, required(accept_unsafe))
    return Pool(options, workers or cores()).run(jobs)
