"""The queue between jobs and jails: one jail per worker, the next job to whichever is free."""

from __future__ import annotations

import os
import selectors
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from harness.records import Execution, Limits, Outcome, Tests
from harness.sandbox.compare import Comparison
from harness.sandbox.jail import Jail, JailBroken
from harness.sandbox.judge import Suite, Verdict, judge, suites

Isolation = Literal["shared", "fresh"]
Job = tuple[str, Tests]

_WINDOW = 4096
"""Jobs that may be finished before an earlier one is; beyond it the queue waits, so that memory stays bounded."""
_RUNS_PER_JAIL = 2000
_PATIENT, _IMPATIENT = 60.0, 0.05
"""Seconds after which the guest reports between two tests: rarely, or soon where the first failure is enough."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; the same for all jobs."""

    limits: Limits
    comparison: Comparison
    stop: bool
    isolation: Isolation


@dataclass(slots=True)
class _Work:
    """One job on its way: what is known of each test, what to ask next."""

    number: int
    program: str
    parts: list[Suite]
    options: Options
    verdicts: list[list[Verdict | None]] = field(default_factory=list)
    part: int = 0
    error: str = ""
    seconds: float = 0.0
    attempts: int = 0

    def __post_init__(self) -> None:
        self.verdicts = [[None] * suite.count for suite in self.parts]

    @property
    def suite(self) -> Suite:
        return self.parts[self.part]

    def groups(self) -> list[tuple[int, int]]:
        """The tests to run next, as groups that share a process; empty when every verdict stands.

        A failure that was not the first test of its process may be the fault of the tests before it, so it is
        believed only when it has failed alone.
        """
        while self.part < len(self.parts):
            known = self.verdicts[self.part]
            failed = [at for at, v in enumerate(known) if v and self.failing(v)]
            if self.options.stop and any(v.first for v in known if v and self.failing(v)):
                return []
            doubtful = [at for at in failed if not _sure(known[at])]
            unknown = _stretches([at for at, v in enumerate(known) if v is None])
            if self.options.isolation == "fresh":
                unknown = [(at, at + 1) for start, end in unknown for at in range(start, end)]
            if doubtful and (self.options.stop or not unknown):
                return [(at, at + 1) for at in (doubtful[:1] if self.options.stop else doubtful)]
            if unknown:
                return unknown
            self.part += 1
        self.part = len(self.parts) - 1
        return []

    def failing(self, verdict: Verdict) -> bool:
        return not (verdict.strict if self.options.comparison == "strict" else verdict.outcome is Outcome.PASSED)

    def take(self, jail: Jail, answer: dict[str, Any]) -> None:
        """Enters the guest's answer."""
        known = self.verdicts[self.part]
        for row in _checked_rows(answer["results"], len(known), jail):
            known[row[0]] = judge(self.suite, row, jail.read, self.options.limits.output_bytes)
        self.seconds += float(answer["cpu"])
        self.error = _short(str(answer["error"])) or self.error
        if answer["why"] == "not-loaded":
            for part in self.verdicts:
                part[:] = [Verdict(Outcome.RAISED, False, True)] * len(part)

    def execution(self) -> Execution:
        """The verdict on the job."""
        known = [verdict for part in self.verdicts for verdict in part if verdict]
        total = sum(len(part) for part in self.verdicts)
        strict = sum(verdict.strict for verdict in known)
        good = strict if self.options.comparison == "strict" else sum(v.outcome is Outcome.PASSED for v in known)
        failures = [verdict.outcome for verdict in known if self.failing(verdict)]
        outcome = Outcome.PASSED
        if failures:
            outcome = Outcome.FAILED if failures[0] is Outcome.PASSED else failures[0]
        return Execution(
            outcome=outcome,
            passed=good,
            total=total,
            seconds=round(self.seconds, 6),
            error=self.error if outcome is not Outcome.PASSED else "",
            strict_passed=strict,
            complete=len(known) == total,
        )

    def broken(self, why: JailBroken) -> Execution:
        total = sum(len(part) for part in self.verdicts)
        return Execution(Outcome.SANDBOX_ERROR, 0, total, error=str(why)[:200], strict_passed=0, complete=False)


def _sure(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.first


def _stretches(numbers: list[int]) -> list[tuple[int, int]]:
    """[0, 1, 2, 5] as [(0, 3), (5, 6)]."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _checked_rows(rows: Any, count: int, jail: Jail) -> list[list[int]]:
    size = os.fstat(jail.output).st_size
    for row in rows:
        test, _, start, end, _, _ = row
        if not (0 <= test < count and 0 <= start <= end <= size):
            raise JailBroken("the guest reports what cannot be")
    return list(rows)


def _short(text: str) -> str:
    """One line without this machine's paths."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text.replace(sys.base_prefix, "<python>")[:200].strip()


class Pool:
    """The jails of one `run`."""

    def __init__(self, options: Options, workers: int) -> None:
        self.options, self.workers = options, workers
        self.jails: dict[int, Jail] = {}
        self.loaded: dict[int, Suite] = {}
        self.busy: dict[int, _Work] = {}
        self.selector = selectors.DefaultSelector()
        self.suites = lru_cache(maxsize=4 * workers)(suites)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """One execution for each job, in order."""
        todo, numbers = iter(jobs), 0
        done: dict[int, Execution] = {}
        waiting: deque[_Work] = deque()
        following, exhausted = 0, False
        try:
            while True:
                while not exhausted and len(waiting) < self.workers and numbers - following < _WINDOW:
                    job = next(todo, None)
                    if job is None:
                        exhausted = True
                        break
                    work = self._work(numbers, *job)
                    numbers += 1
                    if isinstance(work, Execution):
                        done[numbers - 1] = work
                    else:
                        waiting.append(work)
                self._assign(waiting, done)
                while following in done:
                    yield done.pop(following)
                    following += 1
                if exhausted and following == numbers:
                    return
                if self.busy:
                    self._collect(waiting, done)
        finally:
            self.close()

    def _work(self, number: int, program: str, tests: Tests) -> _Work | Execution:
        parts = self.suites(tests)
        if not program.strip():
            total = sum(suite.count for suite in parts)
            return Execution(Outcome.NO_CODE, 0, total, strict_passed=0)
        return _Work(number, program, parts, self.options)

    def _assign(self, waiting: deque[_Work], done: dict[int, Execution]) -> None:
        self._start_jails(min(self.workers, len(self.busy) + len(waiting)))
        for slot in [slot for slot in self.jails if slot not in self.busy]:
            if waiting:
                self._ask(slot, waiting.popleft(), waiting, done)

    def _start_jails(self, wanted: int) -> None:
        missing = [slot for slot in range(self.workers) if slot not in self.jails][: wanted - len(self.jails)]
        if len(missing) == 1:
            self._add(missing[0], Jail(self.options.limits))
        elif missing:
            with ThreadPoolExecutor(min(len(missing), 16)) as threads:
                futures = {slot: threads.submit(Jail, self.options.limits) for slot in missing}
                for slot, future in futures.items():
                    if future.exception() is None:
                        self._add(slot, future.result())
            for future in futures.values():
                future.result()

    def _add(self, slot: int, jail: Jail) -> None:
        self.jails[slot] = jail
        self.selector.register(jail.socket, selectors.EVENT_READ, slot)

    def _ask(self, slot: int, work: _Work, waiting: deque[_Work], done: dict[int, Execution]) -> None:
        """Sends the next request of `work`, or finishes it."""
        groups = work.groups()
        if not groups:
            self.busy.pop(slot, None)
            done[work.number] = work.execution()
            if self.jails[slot].runs >= _RUNS_PER_JAIL:
                self._drop(slot)
            return
        jail = self.jails[slot]
        self.busy[slot] = work
        try:
            if self.loaded.get(slot) is not work.suite:
                jail.load(work.suite.description, work.suite.inputs)
                self.loaded[slot] = work.suite
            jail.ask(work.program, groups, self.options.stop, _IMPATIENT if self.options.stop else _PATIENT)
        except OSError as problem:
            self._broken(slot, JailBroken(str(problem)), waiting, done)

    def _collect(self, waiting: deque[_Work], done: dict[int, Execution]) -> None:
        ready = self.selector.select(self._patience())
        if not ready:
            for slot in list(self.busy):
                self._broken(slot, JailBroken("the jail did not answer in time"), waiting, done)
        for key, _ in ready:
            slot = int(key.data)
            work = self.busy[slot]
            try:
                work.take(self.jails[slot], self.jails[slot].answer())
            except JailBroken as problem:
                self._broken(slot, problem, waiting, done)
                continue
            self._ask(slot, work, waiting, done)

    def _patience(self) -> float:
        tests = max(work.suite.count for work in self.busy.values())
        return 60 + (self.options.limits.wall_seconds + self.options.limits.cpu_seconds) * 5 * tests

    def _broken(self, slot: int, why: JailBroken, waiting: deque[_Work], done: dict[int, Execution]) -> None:
        """A jail that failed says nothing about the candidate: it is tried once more in a new one."""
        work = self.busy.pop(slot)
        self._drop(slot)
        work.attempts += 1
        if work.attempts > 1:
            done[work.number] = work.broken(why)
        else:
            fresh = _Work(work.number, work.program, work.parts, work.options, attempts=work.attempts)
            waiting.appendleft(fresh)

    def _drop(self, slot: int) -> None:
        jail = self.jails.pop(slot)
        self.loaded.pop(slot, None)
        self.selector.unregister(jail.socket)
        jail.close()

    def close(self) -> None:
        """Ends every jail."""
        for slot in list(self.jails):
            self._drop(slot)
        self.selector.close()
