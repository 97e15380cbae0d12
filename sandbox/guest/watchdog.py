"""The watchdog of process 1: a child's progress and its CPU and wall limits, by process 1's own observation.

A child reports in memory that its candidate can write to. So a report counts only where it costs: a test that is said
to have ended has ended, with the output that it had when process 1 saw that (`Progress.seen`), and only so does the
next one get time of its own. The calls of an assertion test that was read have ended when their lines are in the
output, to which nothing but an end can be added. Of one that is run beside the candidate, the process that runs it
counts the calls; the candidate's has no way to the report then.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from mmap import mmap
from typing import Any

from harness.sandbox.guest import runner
from harness.sandbox.wire import protocol
from harness.sandbox.wire.notes import Notes

SUSPECT_SHARE = 0.1
"""Share of the limits after which a test that is not the first of its fork is tried again in a fork of its own."""
_PATIENCE = 5.0
"""How often the wall limit a test may take that keeps getting CPU: an overloaded machine must not change verdicts."""
_BUSY_SHARE = 0.1
_SPARE_SECONDS = 0.1
"""CPU time of a tree that is not worth another run: the interpreter's own in a process that a candidate forks."""
_STOP_SECONDS = 1.0
"""By how much a wait is longer than it was to be where somebody has stopped process 1."""
_STOPS = 5
"""Waits of one fork that do not count for that reason; of any further one what it was to be counts."""
_MESSAGE_SECONDS = 20e-6
"""What a message between a test and the candidate beside it costs both at least, so that nobody gains time by them."""
_MESSAGES_SHARE = 3.0
"""The most time that messages are given, in limits."""
_AT_ONCE = 1 << 16
"""Bytes of output that are read at once."""


class CpuUsage:
    """CPU seconds of all processes of the jail, where a control group counts them."""

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor

    def read(self) -> float:
        """Seconds so far, without those of process 1, which asks; 0 where nothing counts them."""
        if self.descriptor < 0:
            return 0.0
        words = os.pread(self.descriptor, 256, 0).split()
        total = int(words[0]) / 1e9 if len(words) == 1 else int(words[1]) / 1e6  # cpuacct.usage; cpu.stat
        return total - time.process_time()


class Progress:
    """Which test of a child runs, and since when."""

    def __init__(self, report: mmap, output: int, tests: list[int], kind: str) -> None:
        self.report, self.output, self.tests, self.kind = report, output, tests, kind
        self.by_calls = kind in ("answers", "assertions")
        """Whether each call of the test has the limits of one."""
        self.at = 0
        """Place in `tests` of the test that runs, or the number of the call."""
        self.base, self.began = 0.0, 0.0
        """CPU and wall seconds of the fork when that began."""
        self.messages, self.earlier = 0, 0
        """Messages between the two processes of an assertion test, and how many there were when that began."""
        self.seen: dict[int, tuple[int, int]] = {}
        """How tests have ended, with the end of their output: what the report said when it was read first."""
        self._counted = os.fstat(output).st_size
        self._buffer = bytearray()
        """What is read of the output of a candidate that takes long; cleared, since the next one inherits it."""

    @property
    def first(self) -> bool:
        return self.by_calls or self.at == 0

    @property
    def over(self) -> bool:
        """Whether all tests are said to have ended, although the fork has not."""
        return not self.by_calls and self.at >= len(self.tests) > 0

    def update(self, cpu: float, wall: float) -> None:
        """Sees what has ended, after `cpu` and `wall` seconds of the fork."""
        before = self.at
        if self.kind == "answers":
            self.at += self._new_lines()
        elif self.kind == "assertions":
            _, calls, _, self.messages = runner.RECORD.unpack_from(self.report, runner.RECORDS_AT)
            self.at = max(self.at, calls)
        else:
            self._new_records()
        if self.at > before:
            claimed = runner.HEADER.unpack_from(self.report)[2] / 1e9
            self.earlier = self.messages
            self.base, self.began = cpu if self.by_calls else max(self.base, min(claimed, cpu)), wall

    def _new_lines(self) -> int:
        lines = 0
        self._buffer = self._buffer or bytearray(_AT_ONCE)
        while size := os.preadv(self.output, [self._buffer], self._counted):
            self._counted += size
            lines += self._buffer.count(b"\n", 0, size)
        self._buffer[:] = bytes(_AT_ONCE)
        return lines

    def _new_records(self) -> None:
        while self.at < len(self.tests):
            test = self.tests[self.at]
            ended, _, end, _ = runner.RECORD.unpack_from(self.report, runner.RECORDS_AT + test * runner.RECORD.size)
            if not ended:
                return
            self.seen[test] = ended, end
            self.at += 1

    def rows(self, start: int, size: int, verdict: int, status: int) -> list[list[int]]:
        """The report's rows, for an output from `start` to `size`; for the test that ran last, what process 1 saw."""
        rows: list[list[int]] = []
        before = start
        for test in self.tests:
            ended, _, end, _ = runner.RECORD.unpack_from(self.report, runner.RECORDS_AT + test * runner.RECORD.size)
            ended, end = self.seen.get(test, (ended, end))
            first = int(test == self.tests[0])
            if ended:
                end = min(max(before + end, start), size)
                rows.append([test, min(ended, protocol.UNKNOWN_VALUE), start, end, 0, first])
                start = end
                continue
            if verdict or os.WIFSIGNALED(status):
                rows.append([test, verdict or protocol.KILLED, start, size, 0, first])
            elif not rows or test == runner.HEADER.unpack_from(self.report)[0]:
                # it left by itself in the middle of a test: os._exit, which is a program's right and a function's fault
                left = protocol.ENDED if self.kind == "stdin" and status == 0 else protocol.RAISED
                rows.append([test, left, start, size, 0, first])
            break
        else:
            if verdict:  # the process has not ended, whatever was said
                rows[-1][1] = verdict
        return rows


class Watchdog:
    """The limits of one fork, made before it: what is touched while the child lives has to be copied."""

    def __init__(self, limits: dict[str, Any], width: float, usage: CpuUsage, progress: Progress, notes: Notes) -> None:
        self.cpu, self.wall, self.width, self.usage = limits["cpu_seconds"], limits["wall_seconds"], width, usage
        self.progress = progress
        self.ran, self.looked = 0.0, time.monotonic()
        """Wall seconds of the fork, and the clock when that was noted."""
        self.stops = 0
        self.notes = notes
        notes.count(usage.read())
        # looks often enough to see a test begin that is to be suspected
        several = progress.by_calls or len(progress.tests) > 1
        self.step = min(self.cpu, self.wall) * (SUSPECT_SHARE if several else width)
        self.first_wait = 1000 * self.step

    def spent(self, clock: int) -> float:
        """CPU seconds of the child, with those of the processes it has started where they are counted."""
        return max(read_clock(clock), self.usage.read() - self.notes.counted)

    def wait(self, child: int, poll: Callable[[float], Any]) -> tuple[int, Any]:
        """Waits on for the child's end, or ends it; returns the limit that it broke, else 0, and what `poll` gave."""
        progress, clock, ready = self.progress, clock_of(child), None
        self._tick(self.first_wait)
        while not ready:
            total = self.spent(clock)
            progress.update(total, self.ran)
            cpu, wall = total - progress.base, self.ran - progress.began
            verdict = self._broken(cpu, wall) or self._block_broken(total)
            if verdict:
                os.kill(child, signal.SIGKILL)
                return verdict, ready
            share = self._share()
            left = min(self.cpu * share - cpu, max(self.wall * share - wall, 0.1), self.step)
            waited = max(left * 1000, 1)
            ready = poll(waited)
            self._tick(waited)
        return 0, ready

    def _tick(self, waited: float) -> None:
        """Adds what has passed with a wait of `waited` milliseconds.

        Where that took far longer, process 1 was stopped: with a suspended batch job or a frozen container, and the
        candidate with it. Nobody knows how much of the wait they ran, so that none of it counts; but where that goes on
        and on, as on a machine that starves process 1, the candidate's time has an end all the same.
        """
        now = time.monotonic()
        passed, self.looked = now - self.looked, now
        if passed < waited / 1000 + _STOP_SECONDS:
            self.ran += passed
        elif self.stops < _STOPS:
            self.stops += 1
        else:
            self.ran += waited / 1000

    def _share(self) -> float:
        """What the running test, or call, may take, in limits."""
        if self.progress.by_calls:
            return 1.0
        return self.width if self.progress.first or self.progress.over else self.width * SUSPECT_SHARE

    def _allowed(self, most: float, messages: int) -> float:
        """CPU seconds that are not the candidate's but of messages, which a plain run has none of; at most so many."""
        return min(_MESSAGE_SECONDS * messages, _MESSAGES_SHARE * most)

    def _broken(self, cpu: float, wall: float) -> int:
        """The limit on a test, or on a call, that is broken."""
        share, first = self._share(), self.progress.first or self.progress.over
        if cpu >= self.cpu * share + self._allowed(self.cpu, self.progress.messages - self.progress.earlier):
            return protocol.CPU_LIMIT if first else protocol.SLOW
        limit = self.wall * share
        sleeping = wall >= limit and cpu < wall * _BUSY_SHARE
        if sleeping or wall >= limit * _PATIENCE:
            return protocol.WALL_LIMIT if first else protocol.SLOW
        return 0

    def _block_broken(self, cpu: float) -> int:
        """The wider limit on all the calls of a test together.

        Tests that share a process have together what one has: the later could use what the earlier have computed.
        """
        if not self.progress.by_calls:
            return protocol.SLOW if self.progress.at and cpu >= self.cpu * self.width and not self.progress.over else 0
        if cpu >= self.cpu * self.width + self._allowed(self.cpu * self.width, self.progress.messages):
            return protocol.CPU_LIMIT
        limit = self.wall * self.width
        # a candidate that writes lines of its own in place of answers has as many calls as it likes, each with a limit
        sleeping = self.ran >= limit and cpu < self.ran * _BUSY_SHARE
        return protocol.WALL_LIMIT if sleeping or self.ran >= limit * _PATIENCE else 0

    def verdict_after_exit(self, tree: float, own: float, several: bool) -> int:
        """What is to be said of a fork that has ended, its tree having taken `tree` and the child itself `own` seconds.

        Where the processes that it started took much and `several` tests ran, nobody knows which test's work it was.
        """
        tree = max(tree, self.usage.read() - self.notes.counted)
        if several:
            return protocol.SLOW if tree - own > max(self.cpu * SUSPECT_SHARE, _SPARE_SECONDS) else 0
        return protocol.CPU_LIMIT if tree - own > _SPARE_SECONDS and tree > self.cpu * self.width else 0


def clock_of(process: int) -> int:
    """The kernel's name for the CPU clock of another process."""
    return ((~process) << 3) | 2


def read_clock(clock: int) -> float:
    """CPU seconds by that clock."""
    try:
        return time.clock_gettime(clock)
    except OSError:  # it has ended; the poll will say so
        return 0.0
