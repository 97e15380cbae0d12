"""The queue between jobs and jails: one jail per worker, the next job to whichever is free."""

from __future__ import annotations

import contextlib
import os
import selectors
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TypeVar

from harness.records import AssertTests, Execution, Outcome, PytestTests, SandboxTests
from harness.sandbox.jails.jail import Answer, Jail, JailDirty, JailFailed
from harness.sandbox.jails.patience import within
from harness.sandbox.judging.judge import Suite, suites
from harness.sandbox.judging.units import units
from harness.sandbox.judging.unitwork import UnitWork
from harness.sandbox.judging.work import AssertWork, CaseWork, Options, Plan, Request, Work

Job = tuple[str, SandboxTests]
Done = TypeVar("Done")

_WINDOW = 4096
"""Jobs that may be finished before an earlier one is; beyond it the queue waits, so that memory stays bounded."""
_RUNS_PER_JAIL = 2000
_LETTERS_AHEAD, _DESCRIPTORS_AHEAD = 10_000, 512
"""What may lie in sockets of busy jails: a program (up to 12 bytes a letter, the buffer holds some 200 KB), inputs."""
_MOST_LETTERS = 4 << 20
"""Longer programs fail: to compile one takes a gigabyte, and process 1 has to read it before any limit holds."""
_PATIENT, _IMPATIENT = 60.0, 0.05
"""Seconds after which the guest reports between two tests: rarely, or soon where the first failure is enough."""


class Slot:
    """One worker: a jail for candidates, and a second one in which large answers are compared.

    `core`: the only one that its jails run on; None where the kernel is to place them.
    """

    def __init__(self, core: int | None) -> None:
        self.core = core
        self.jails: dict[bool, Jail] = {}
        self.loaded: dict[bool, Suite] = {}
        self.work: Work | None = None
        self.asked = False
        """Which jail the last request is for: True for the second."""
        self.request: Request | None = None
        """What that jail is to be sent when it has started."""
        self.ahead: Work | None = None
        """What the same jail has been sent to run after `work`."""
        self.replace_jails = False
        """Whether its jails are to be replaced when they have nothing to do."""


class Pool:
    """The jails of one `run`."""

    def __init__(self, options: Options, workers: int) -> None:
        self.options = options
        self.slots = [Slot(core) for core in _places(workers)]
        self.selector = selectors.DefaultSelector()
        self.helpers = ThreadPoolExecutor(min(workers, 16))
        self.starting: dict[Future[Jail], tuple[Slot, bool]] = {}
        self.ending: list[Future[None]] = []
        self.wakeup = -1
        """Readable when a helper has done something."""
        self.waiting: deque[Work] = deque()
        self.answered: deque[tuple[Work, Answer]] = deque()
        self.done: dict[int, Execution] = {}
        self._suites = lru_cache(maxsize=4 * workers)(suites)
        self._plan = lru_cache(maxsize=4 * workers)(Plan)
        self._units = lru_cache(maxsize=4 * workers)(self._planned)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """One execution for each job, in order.

        Every turn does one small thing and then looks after the jails, so that one that has answered waits for its
        next request no longer than that.
        """
        todo, taken, given = iter(jobs), 0, 0
        exhausted = False
        self.wakeup = os.eventfd(0)
        self.selector.register(self.wakeup, selectors.EVENT_READ)
        try:
            while True:
                idle = False
                if not exhausted and self._has_room() and taken - given < _WINDOW:
                    job = next(todo, None)
                    if job is None:
                        exhausted = True
                    else:
                        self._enter(taken, *job)
                        taken += 1
                elif self.answered:
                    self._judge(*self.answered.popleft())
                elif self._prepare():
                    pass
                elif given in self.done:
                    yield self.done.pop(given)
                    given += 1
                elif exhausted and given == taken:
                    return
                elif exhausted and self._recall():
                    pass
                else:
                    idle = True
                self._collect(idle)
                self._assign()
        finally:
            self.close()

    def _has_room(self) -> bool:
        return len(self.waiting) < len(self.slots) >= len(self.answered)

    def _enter(self, number: int, program: str, tests: SandboxTests) -> None:
        if isinstance(tests, PytestTests) or (isinstance(tests, AssertTests) and tests.each):
            self._enter_units(number, program, tests)
            return
        refused = _refused(program, 1 if isinstance(tests, AssertTests) else len(tests.cases))
        if refused:
            self.done[number] = refused
        elif isinstance(tests, AssertTests):
            self.waiting.append(AssertWork(number, program, self._plan(tests)))
        else:
            self.waiting.append(CaseWork(number, program, self._suites(tests), self.options))

    def _planned(self, tests: PytestTests | AssertTests) -> tuple[list[Plan], str]:
        """A plan for each single test, and why there is none."""
        found = units(tests, self.options.level == "unsafe")
        return [Plan(one, found.file, found.share) for one in found.tests], found.why

    def _enter_units(self, number: int, program: str, tests: PytestTests | AssertTests) -> None:
        plans, why = self._units(tests)
        if why:
            self.done[number] = Execution(Outcome.SANDBOX_ERROR, 0, 0, error=why, strict_passed=0, complete=False)
        elif refused := _refused(program, len(plans)):
            self.done[number] = refused
        else:
            self.waiting.append(UnitWork(number, program, plans, self.options.stop))

    def _judge(self, work: Work, answer: Answer) -> None:
        work.take(answer)
        if self._next(work):
            self.waiting.appendleft(work)

    def _assign(self) -> None:
        for slot in self.slots:
            self._give(slot)

    def _next(self, work: Work) -> Request | None:
        """What to ask for `work` next; None when it is done."""
        request = work.next()
        if request is None:
            self.done[work.number] = work.execution()
        return request

    def _give(self, slot: Slot) -> None:
        """Gives the slot, if it is free, what waits longest."""
        while self.waiting and slot.work is None:
            work = self.waiting.popleft()
            if request := self._next(work):
                self._ask(slot, work, request)

    def _ask(self, slot: Slot, work: Work, request: Request) -> None:
        slot.work, slot.asked = work, request.comparison
        if request.comparison in slot.jails:
            self._begin(slot, request)
        else:
            slot.request = request
            self._start(slot, request.comparison)

    def _begin(self, slot: Slot, request: Request) -> None:
        try:
            self._send(slot, request).go()
        except (OSError, JailFailed) as problem:
            self._broken(slot, JailFailed(str(problem)))

    def _start(self, slot: Slot, comparison: bool) -> None:
        """Has a jail started, which takes as long as many programs do; the others go on meanwhile."""
        if (slot, comparison) not in self.starting.values():
            future = self._help(partial(Jail, self.options.limits, self.options.level, slot.core))
            self.starting[future] = slot, comparison

    def _help(self, task: Callable[[], Done]) -> Future[Done]:
        """Has a helper do what takes its time; `_take_helper_results` hears of it."""
        future = self.helpers.submit(task)
        future.add_done_callback(lambda _: os.eventfd_write(self.wakeup, 1))
        return future

    def _take_helper_results(self) -> None:
        """Sees what helpers have done; a jail that could not be started, or not be ended, ends the run."""
        os.eventfd_read(self.wakeup)
        for ended in [future for future in self.ending if future.done()]:
            self.ending.remove(ended)
            ended.result()
        for started in [future for future in self.starting if future.done()]:
            jail = started.result()
            slot, comparison = self.starting.pop(started)
            slot.jails[comparison] = jail
            self.selector.register(jail.socket, selectors.EVENT_READ, (slot, jail))
            if slot.request and slot.request.comparison == comparison:
                request, slot.request = slot.request, None
                self._begin(slot, request)

    def _send(self, slot: Slot, request: Request) -> Jail:
        jail = slot.jails[request.comparison]
        if slot.loaded.get(request.comparison) is not request.suite:
            jail.load(request.suite.description, request.suite.inputs)
            slot.loaded[request.comparison] = request.suite
        pause = _IMPATIENT if self.options.stop else _PATIENT
        jail.prepare(request.program, request.groups, self.options.stop, pause)
        return jail

    def _prepare(self) -> bool:
        """Sends a busy jail what it will run next, if anything waits; whether it did."""
        for slot in self.slots:
            if self.waiting and slot.work and not (slot.request or slot.ahead or slot.asked or slot.replace_jails):
                request = self._next(self.waiting[0])
                if request is None:
                    self.waiting.popleft()
                    return True
                if request.comparison or not self._fits(request):
                    return False
                try:
                    self._send(slot, request)
                    slot.ahead = self.waiting.popleft()
                except OSError:  # if it was not for the jail, a new one will say the same; half a message may be sent
                    slot.replace_jails = True
                return True
        return False

    def _fits(self, request: Request) -> bool:
        """Whether a jail can be sent it that does not read yet: bytes and descriptors on their way are limited."""
        inputs = len(request.suite.inputs)
        return len(request.program) < _LETTERS_AHEAD and inputs * len(self.slots) < _DESCRIPTORS_AHEAD

    def _recall(self) -> bool:
        """Takes work back from a busy jail for one that has none; whether there was any."""
        if self.waiting or all(slot.work for slot in self.slots):
            return False
        for slot in self.slots:
            if slot.ahead:
                with contextlib.suppress(OSError):  # it has ended, and then nothing runs there
                    slot.jails[False].forget()
                self.waiting.append(slot.ahead)
                slot.ahead = None
                return True
        return False

    def _collect(self, wait: bool) -> None:
        """Takes the answers that are there; they are judged when their jails have something else to do."""
        busy = [slot for slot in self.slots if slot.work and not slot.request]
        select = self.selector.select
        ready = within(self._patience(), select) if wait and busy else select(None if wait else 0)
        if not ready and wait:
            for slot in busy:
                self._broken(slot, JailFailed("the jail did not answer in time"))
        for key, _ in ready:
            if key.data is None:
                self._take_helper_results()
            else:
                self._take(*key.data)

    def _take(self, slot: Slot, jail: Jail) -> None:
        if jail not in slot.jails.values():
            return  # dropped a moment ago, with another of its slot
        try:
            if slot.work is None or jail is not slot.jails.get(slot.asked):
                raise JailFailed("the jail ended while nothing was asked of it")
            work, answer = slot.work, jail.answer(go=slot.ahead is not None)
        except JailFailed as problem:
            self._broken(slot, problem)
            return
        slot.work, slot.ahead = slot.ahead, None
        self.answered.append((work, answer))
        slot.replace_jails |= any(jail.runs >= _RUNS_PER_JAIL for jail in slot.jails.values())
        if slot.replace_jails and not slot.work:
            self._drop(slot)

    def _patience(self) -> float:
        """Longer than any well-behaved guest can take: it enforces the limits itself."""
        parts = [part for slot in self.slots for part in slot.loaded.values()]
        tests = max([part.count * part.description.get("width", 1.0) for part in parts], default=1.0)
        return 60.0 + (self.options.limits.wall_seconds + self.options.limits.cpu_seconds) * 5 * tests

    def _broken(self, slot: Slot, why: JailFailed) -> None:
        """A jail that failed says nothing about the candidate yet: it is tried once more in a new one.

        Where that one fails too, by what ran in it and not from outside, the candidate has failed.
        """
        work, slot.work = slot.work, None
        jail = slot.jails.get(slot.asked)
        if work is not None and not isinstance(why, JailDirty):
            work.attempts += 1
        cause = jail.failure_cause() if work and work.attempts > 1 and jail else None
        self._drop(slot)
        if work is None:
            return
        if work.attempts > 1:
            self.done[work.number] = work.broken(why, cause or Outcome.SANDBOX_ERROR)
        else:
            self.waiting.appendleft(work.again())

    def _drop(self, slot: Slot) -> None:
        if slot.ahead:
            self.waiting.appendleft(slot.ahead)
        slot.ahead = slot.request = None
        slot.replace_jails = False
        jails = list(slot.jails.values())
        slot.jails.clear()
        slot.loaded.clear()
        for jail in jails:
            self.selector.unregister(jail.socket)
            self.ending.append(self._help(jail.close))

    def close(self) -> None:
        """Ends every jail. Without helpers: where the interpreter ends in the middle of a run, they end first."""
        self.helpers.shutdown()
        with contextlib.ExitStack() as stack:  # whatever one of them says, the others are ended
            stack.callback(os.close, self.wakeup)
            stack.callback(self.selector.close)
            for ended in self.ending:
                stack.callback(ended.result)
            for started in self.starting:
                if started.exception() is None:
                    stack.callback(started.result().close)
            for slot in self.slots:
                for jail in slot.jails.values():
                    stack.callback(jail.close)


def _refused(program: str, total: int) -> Execution | None:
    """The verdict on a program that is not run."""
    if not program.strip():
        return Execution(Outcome.NO_CODE, 0, total, strict_passed=0)
    if len(program) > _MOST_LETTERS:
        error = f"a program of more than {_MOST_LETTERS} letters"
        return Execution(Outcome.OUT_OF_MEMORY, 0, total, error=error, strict_passed=0)
    return None


def _places(workers: int) -> Sequence[int | None]:
    """A core for each worker.

    Left to itself the kernel starts a candidate on whichever core is idle, away from the caches that process 1 has
    filled, and moves both to and fro. Where there is one worker for each core that this process may use, nothing is
    lost by holding each to its own: other programs can be moved instead. With fewer workers a held jail might share
    its core with another program while one stands idle, with more the last of them would.
    """
    cores = sorted(os.sched_getaffinity(0))
    return cores if len(cores) == workers else [None] * workers
