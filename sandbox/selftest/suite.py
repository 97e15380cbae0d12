"""The self-test: runs the shipped attacks and honest programs on this machine."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator

from harness.records import Execution, Limits, Outcome, StdinTests
from harness.sandbox.jails.isolation import required
from harness.sandbox.judging.pool import Pool
from harness.sandbox.judging.programs import execute, release
from harness.sandbox.judging.work import Options
from harness.sandbox.linux.cgroup import cores
from harness.sandbox.selftest.attacks import Attack, attacks
from harness.sandbox.selftest.leftovers import EXECUTED

_LIMITS = Limits(cpu_seconds=0.5, wall_seconds=1.0, memory_bytes=256 << 20, scratch_bytes=16 << 20)
_NO_TESTS = StdinTests(())
_AFTER = ("print(int(input()) ** 2)", StdinTests((("7\n", "49"),)))


def selftest() -> Iterator[tuple[str, bool, str]]:
    """Runs the shipped attacks; yields (promise, whether it holds, what was tried or what broke it)."""
    return summary(trials())


def summary(results: Iterable[tuple[Attack, Execution]]) -> Iterator[tuple[str, bool, str]]:
    """One line for each promise among `results`."""
    failures: dict[str, list[str]] = defaultdict(list)
    tried: dict[str, int] = defaultdict(int)
    for attack, execution in results:
        tried[attack.promise] += 1
        failures[attack.promise] += broken(attack, execution)
    for promise, count in tried.items():
        bad = failures[promise]
        yield promise, not bad, "; ".join(bad) or f"{count} programs"


def trials() -> Iterator[tuple[Attack, Execution]]:
    """Each attack with its execution; after each an honest program runs in the same jail and must pass."""
    every = attacks(f"canary-{secrets.token_hex(8)}")
    options = Options(_LIMITS, "apps", False, "shared", required(False))
    single = [attack for attack in every if not attack.before]
    jobs = [job for attack in single for job in ((attack.program, attack.tests), _AFTER)]
    executions = Pool(options, cores()).run(jobs)
    for attack in single:
        execution, after = next(executions), next(executions)
        yield attack, execution if after.outcome is Outcome.PASSED else after
    paired = [attack for attack in every if attack.before]
    executions = Pool(options, 1).run([(text, one.tests) for one in paired for text in (one.before, one.program)])
    for attack in paired:
        next(executions)
        yield attack, next(executions)
    yield from _executed()


def _executed() -> Iterator[tuple[Attack, Execution]]:
    """The same of programs that `execute` runs, which share its jails."""
    release()
    for name, (before, program) in EXECUTED.items():
        execute(before, limits=_LIMITS)
        done = execute(program, limits=_LIMITS)
        attack = Attack("nothing of a candidate reaches the next", name, program, _NO_TESTS, (Outcome.PASSED,), before)
        yield attack, Execution(done.outcome, 0, 0, done.seconds, done.error)
    release()


def broken(attack: Attack, execution: Execution) -> list[str]:
    """What an execution says against the promise of its attack; empty where it holds."""
    if execution.outcome in attack.holds:
        return []
    return [f"{attack.name}: {execution.outcome.value} {execution.error}".strip()]
