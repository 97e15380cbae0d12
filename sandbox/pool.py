"""The queue between jobs and jails: one jail per worker, the next job to whichever is free."""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from harness.records import AssertTests, Execution, Outcome, Tests
from harness.sandbox.jail import Jail, JailBroken
from harness.sandbox.judge import Suite, suites
from harness.sandbox.work import AssertWork, CaseWork, Options, Plan, Work

Job = tuple[str, Tests]

_WINDOW = 4096
"""Jobs that may be finished before an earlier one is; beyond it the queue waits, so that memory stays bounded."""
_RUNS_PER_JAIL = 2000
_PATIENT, _IMPATIENT = 60.0, 0.05
"""Seconds after which the guest reports between two tests: rarely, or soon where the first failure is enough."""


class Slot:
    """One worker: a jail for candidates, and for assertion tests a second one for the test code."""

    def __init__(self) -> None:
        self.jails: dict[bool, Jail] = {}
        self.loaded: dict[bool, Suite] = {}
        self.work: Work | None = None
        self.asked = False
        """Which jail has the last request: True for the examiner's."""


class Pool:
    """The jails of one `run`."""

    def __init__(self, options: Options, workers: int) -> None:
        self.options = options
        self.slots = [Slot() for _ in range(workers)]
        self.selector = selectors.DefaultSelector()
        self.waiting: deque[Work] = deque()
        self.done: dict[int, Execution] = {}
        self._suites = lru_cache(maxsize=4 * workers)(suites)
        self._plan = lru_cache(maxsize=4 * workers)(Plan)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """One execution for each job, in order."""
        todo, taken, given = iter(jobs), 0, 0
        exhausted = False
        try:
            while True:
                while not exhausted and len(self.waiting) < len(self.slots) and taken - given < _WINDOW:
                    job = next(todo, None)
                    if job is None:
                        exhausted = True
                    else:
                        self._enter(taken, *job)
                        taken += 1
                self._assign()
                while given in self.done:
                    yield self.done.pop(given)
                    given += 1
                if exhausted and given == taken:
                    return
                self._collect()
        finally:
            self.close()

    def _enter(self, number: int, program: str, tests: Tests) -> None:
        if not program.strip():
            self.done[number] = Execution(
                Outcome.NO_CODE, 0, 1 if isinstance(tests, AssertTests) else len(tests.cases), strict_passed=0
            )
        elif isinstance(tests, AssertTests):
            self.waiting.append(AssertWork(number, program, self._plan(tests)))
        else:
            self.waiting.append(CaseWork(number, program, self._suites(tests), self.options))

    def _assign(self) -> None:
        free = [slot for slot in self.slots if slot.work is None][: len(self.waiting)]
        self._start([slot for slot in free if not slot.jails], examiner=False)
        for slot in free:
            if self.waiting:
                self._continue(slot, self.waiting.popleft())

    def _start(self, slots: list[Slot], examiner: bool) -> None:
        """Starts a jail for each of several slots, side by side."""
        if not slots:
            return
        with ThreadPoolExecutor(min(len(slots), 16)) as threads:
            futures = [threads.submit(Jail, self.options.limits, self.options.rung) for _ in slots]
        for slot, future in zip(slots, futures, strict=True):
            if future.exception() is None:
                self._add(slot, examiner, future.result())
        for future in futures:
            future.result()

    def _add(self, slot: Slot, examiner: bool, jail: Jail) -> None:
        slot.jails[examiner] = jail
        self.selector.register(jail.socket, selectors.EVENT_READ, slot)

    def _continue(self, slot: Slot, work: Work) -> None:
        """Sends the next request of `work`, or finishes it."""
        request = work.next()
        if request is None:
            slot.work = None
            self.done[work.number] = work.execution()
            if any(jail.runs >= _RUNS_PER_JAIL for jail in slot.jails.values()):
                self._drop(slot)
            return
        slot.work, slot.asked = work, request.examiner
        try:
            if request.examiner not in slot.jails:  # the other slots will soon need one too
                self._start([other for other in self.slots if request.examiner not in other.jails], request.examiner)
            jail = slot.jails[request.examiner]
            if slot.loaded.get(request.examiner) is not request.suite:
                jail.load(request.suite.description, request.suite.inputs)
                slot.loaded[request.examiner] = request.suite
            pause = _IMPATIENT if self.options.stop else _PATIENT
            jail.ask(request.program, request.groups, self.options.stop, pause)
        except (OSError, JailBroken) as problem:
            self._broken(slot, work, JailBroken(str(problem)))

    def _collect(self) -> None:
        busy = [slot for slot in self.slots if slot.work]
        if not busy:
            return
        ready = self.selector.select(self._patience())
        slots = [key.data for key, _ in ready]
        for slot in slots or busy:
            work, jail = slot.work, slot.jails.get(slot.asked)
            if work is None or jail is None:
                self._drop(slot)  # a jail that ended while nothing was asked of it
                continue
            try:
                if not slots:
                    raise JailBroken("the jail did not answer in time")
                work.take(jail, jail.answer())
            except JailBroken as problem:
                self._broken(slot, work, problem)
            else:
                self._continue(slot, work)

    def _patience(self) -> float:
        """Longer than any well-behaved guest can take: it enforces the limits itself."""
        tests = max([part.count for slot in self.slots for part in slot.loaded.values()], default=1)
        return 60.0 + (self.options.limits.wall_seconds + self.options.limits.cpu_seconds) * 5 * tests

    def _broken(self, slot: Slot, work: Work, why: JailBroken) -> None:
        """A jail that failed says nothing about the candidate: it is tried once more in a new one."""
        slot.work = None
        self._drop(slot)
        work.attempts += 1
        if work.attempts > 1:
            self.done[work.number] = work.broken(why)
        else:
            self.waiting.appendleft(work.again())

    def _drop(self, slot: Slot) -> None:
        jails = list(slot.jails.values())
        slot.jails.clear()
        slot.loaded.clear()
        for jail in jails:
            self.selector.unregister(jail.socket)
            jail.close()

    def close(self) -> None:
        """Ends every jail."""
        for slot in self.slots:
            self._drop(slot)
        self.selector.close()
