"""Process 1 of a jail (its init process): forks a child for each candidate, enforces its limits, and cleans up.

It never runs a line of a candidate, shares no memory with it but one page-sized report that it reads as untrusted
bytes, and holds no expected output: those stay with the supervisor.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # typeshed has the public module alone
import contextlib
import errno
import fcntl
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from _socket import socket
from collections.abc import Sequence
from mmap import MAP_SHARED, mmap
from typing import Any

from harness.sandbox.guest import runner, standalone, watchdog
from harness.sandbox.guest.saved import SavedOutput, reset
from harness.sandbox.guest.warmup import WARM_UP_ROUNDS, warm_up
from harness.sandbox.interpreter import ownfiles, recursion
from harness.sandbox.interpreter.preload import preload
from harness.sandbox.linux import hugepages, kernel, landlock, probes, seccomp
from harness.sandbox.linux.scratch import Scratch
from harness.sandbox.wire import protocol
from harness.sandbox.wire.notes import Notes

CONTROL = 3
_SIGINT = int(signal.SIGINT)
"""Set in each child without the enumerations of `signal`, which lie on a dozen pages of process 1."""
_FRAMES_OF_RUN = 1
"""Frames between `_fork` and `Batch._run`."""
_FORK_ATTEMPTS, _FORK_PAUSE = 50, 0.02
"""How often, and after how many seconds, a fork is tried again for which the kernel had no room."""


def main(arguments: list[str]) -> None:
    """`arguments[0]` holds the limits as JSON."""
    try:
        guest = Guest(json.loads(arguments[0]))
    except (OSError, ImportError) as problem:
        protocol.send(socket(fileno=CONTROL), {"op": "failed", "why": str(problem)})
        os._exit(1)
    guest.serve()


class Guest:
    """The state of process 1."""

    def __init__(self, limits: dict[str, Any]) -> None:
        # process 1 ignores what it has no handler for, and its children inherit that there is none
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.limits = limits
        self.at_fork: list[dict[str, Any]] = getattr(sys.modules["harness.sandbox"], "at_fork", [])
        self.control = socket(fileno=CONTROL)
        # of no file: a descriptor of one would be inherited, and what a candidate does to that lasts
        self.report = mmap(-1, runner.REPORT_BYTES, MAP_SHARED)
        self.output, self.code, self.mode, self.saved = -1, -1, 0, SavedOutput()
        self.inputs: list[int] = []
        self.modes: list[int] = []
        self.given: Sequence[int] = ()
        """The inputs that the last child has got, by their places: all, or those of its tests."""
        self.tests: dict[str, Any] = {}
        preload()
        hugepages.move_code()
        warm_up(self.report)
        self.full = limits["level"] == "full"
        self._lock_down()
        # elsewhere there is no scratch folder: none could be emptied safely
        self.scratch = Scratch() if self.full else None
        self.dirty = False
        """Whether the scratch folder could not be emptied: no other candidate may run here."""
        self.own = [CONTROL, *([self.scratch.descriptor] if self.scratch else [])]
        self.notes = Notes()
        self.usage = watchdog.CpuUsage()
        self._set_child_limits()
        runner.open_streams()
        self.number = os.getpid()
        os.register_at_fork(before=self._register_hooks)
        self.poller = select.poll()
        self.poller.register(CONTROL, 0)
        self.trusted = False
        self.assertions_ready = False
        self.counted = False
        """Whether the frames that are below a candidate's have been counted."""

    def _lock_down(self) -> None:
        """Drops privileges and installs the filters; children inherit both and cannot undo them."""
        folder = self.limits["folder"]
        os.chdir("/tmp" if self.full else folder or "/")
        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
            resource.setrlimit(limit, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1:] * 2)  # for inputs
        memory = self.limits["address_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if not self.full:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.drop_capabilities(bounding=self.full or os.geteuid() == 0)
        self.alone = not (self.limits["counted"] or probes.processes_are_limited())
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        readable = ["/"] if self.full else [*self.limits["readable"], "/dev/zero", "/dev/urandom"]
        self.unproved = (OSError,) if self.limits["level"] == "unsafe" else ()
        with contextlib.suppress(*self.unproved):
            writable = ["/tmp", "/dev/null"] if self.full else ["/dev/null"]
            landlock.restrict(readable, writable, [folder] if folder else [], self.limits["programs"])
        with contextlib.suppress(*self.unproved):
            more = seccomp.JAIL if self.full and not self.alone else seccomp.FURTHER
            seccomp.install(more + seccomp.PROGRAMS * self.limits["programs"])

    def serve(self) -> None:
        """Answers the supervisor until it closes the socket."""
        hello = {"op": "hello", "probes": probes.tried(self.full, self.limits["programs"]), "alone": self.alone}
        protocol.send(self.control, hello)
        gc.collect()
        gc.freeze()
        gc.disable()
        while True:
            try:
                self._handle(protocol.receive(self.control))
            except protocol.Closed:
                os._exit(0)

    def _handle(self, message: dict[str, Any]) -> None:
        operation = message["op"]
        if operation == "proved":
            # R1: only now, when both sides have seen that this is process 1 of a namespace of its own
            self.trusted = not self.full or (os.getpid() == 1 and os.getppid() == 0)
            saved, *counting = protocol.receive_descriptors(self.control, 1 + message["usage"])
            self.own += [saved, *counting]
            self.saved = SavedOutput(saved)
            self.usage = watchdog.CpuUsage(*counting)
        elif operation == "tests":
            self._take_tests(message)
        elif operation == "run":
            self.output, self.code = protocol.receive_descriptors(self.control, 2)
            self.mode = os.fstat(self.output).st_mode
            if self.control.recv(1) == protocol.GO:
                protocol.send(self.control, {"op": "dirty"}) if self.dirty else self._answer(message)
            os.close(self.output)
            os.close(self.code)
        elif operation == "execute":
            descriptors = protocol.receive_descriptors(self.control, message["descriptors"])
            protocol.send(self.control, standalone.serve(self, message, descriptors))

    def _take_tests(self, message: dict[str, Any]) -> None:
        for descriptor in self.inputs:
            os.close(descriptor)
        self.inputs = protocol.receive_descriptors(self.control, message["descriptors"])
        self.modes = [os.fstat(descriptor).st_mode for descriptor in self.inputs]
        self.given, self.all_inputs = (), range(len(self.inputs))
        first, last = (self.inputs[0], self.inputs[-1]) if self.inputs else (0, -1)
        self.separable = message["kind"] == "stdin" and self.inputs == list(range(first, last + 1))
        self._set_child_limits()
        self.tests = message
        if message["kind"] == "assertions":
            self._prepare_assertions()
        elif message["kind"] == "comparison":
            __import__("harness.sandbox.comparison.compare")  # once here instead of in every fork
        if message.get("collects"):
            __import__("harness.sandbox.assertions.collector")

    def _set_child_limits(self) -> None:
        """Makes the limits of the next children; the inputs are none of the files that these have opened."""
        limits = self.limits
        cpu = int(limits["cpu_seconds"] * protocol.MAX_TESTS) + 1
        files = limits["open_files"] + len(self.inputs)
        self.child_limits = (
            (resource.RLIMIT_CPU, (cpu, cpu + 1)),
            (resource.RLIMIT_NPROC, (limits["processes"], limits["processes"])),
            (resource.RLIMIT_NOFILE, (files, files)),
        )

    def _prepare_assertions(self) -> None:
        """Imports and warms up, once in process 1, what every child that runs an assertion test needs."""
        from harness.sandbox.assertions import asserts

        if not self.assertions_ready:
            asserts.warm_up(WARM_UP_ROUNDS)
            gc.freeze()
        self.assertions_ready = True

    def reset_shared_state(self) -> None:
        """Resets what consecutive candidates share."""
        self.report[:] = runner.BLANK_REPORT
        self.saved.clear()
        self.notes.clear()
        self._reset_descriptors()

    def _reset_descriptors(self) -> None:
        """Resets what consecutive forks share: offsets, flags, modes and times."""
        fcntl.fcntl(2, fcntl.F_SETFL, 0)
        for number in self.given:
            reset(self.inputs[number], self.modes[number], 0)
        if self.scratch:
            self.scratch.stamp()

    def _answer(self, message: dict[str, Any]) -> None:
        """Runs one program and says how that went."""
        why = self._run(message)
        self.saved.finish(self.output, self.report)
        protocol.send(self.control, {"op": "done", "why": why})
        self.notes.send(self.control)

    def _run(self, message: dict[str, Any]) -> str:
        """Runs one program on groups of tests, a fork or more for each; returns why that is over."""
        budget = time.monotonic() + message["pause_after"]
        self.reset_shared_state()
        request = {**self.tests, **message, "output_bytes": self.limits["output_bytes"], "until": budget}
        batch = runner.Batch(request, self.inputs, self.output, self.code, self.report, opened=True)
        ownfiles.text = lambda: batch.program
        again = False
        for group in message["groups"]:
            waiting, alone = list(range(*group)), False
            while waiting:
                if self.notes.rows and self._paused(budget):
                    return "paused"
                done, slow, why = self._next(batch, waiting[:1] if alone else waiting, again)
                if why:
                    return why
                again = True
                alone |= slow
                waiting = waiting[done:]
        return "done"

    def _paused(self, budget: float) -> bool:
        """Whether the supervisor is to look at the answers before there are more."""
        spent = self.saved.printed() + os.fstat(self.output).st_size
        return time.monotonic() > budget or spent > 2 * self.limits["output_bytes"]

    def _next(self, batch: runner.Batch, tests: list[int], again: bool) -> tuple[int, bool, str]:
        """Runs `tests` in one child, which is not the run's first if `again`.

        Returns how many are done with, whether one was too slow beside others, and why the run is over; no more stays.
        """
        if again:
            self.saved.part(self.output, self.report)
            self._reset_descriptors()
            for descriptor, flags in ((self.output, os.O_APPEND), (self.code, 0)):
                reset(descriptor, self.mode, flags)
        done = self._fork(batch, tests)
        slow = bool(done) and done[-1][1] == protocol.SLOW
        if slow:
            # the one before it has said that it had ended, which it may have said too early
            del done[-2:]
        self.notes.add(done)
        if batch.stop and any(row[1] != protocol.ENDED for row in done):
            return len(done), slow, "stopped"
        return len(done), slow, "not-loaded" if done and done[0][1] == protocol.NOT_LOADED else ""

    def _fork(self, batch: runner.Batch, tests: list[int]) -> list[list[int]]:
        """Runs `tests` in one child; returns a row for each that was started: test, how, start, end, CPU ns, first."""
        runner.HEADER.pack_into(self.report, 0, tests[0], 0, 0)
        if not self.trusted:
            os._exit(71)
        if not self.counted:
            recursion.count_frames(_FRAMES_OF_RUN)
            self.counted = True
        progress = watchdog.Progress(self.report, self.output, tests, batch.kind)
        watching = watchdog.Watchdog(self.limits, self.tests.get("width", 1.0), self.usage, progress, self.notes)
        self.given = tests if self.separable else self.all_inputs
        child = self._forked()
        if child == 0:
            self._become_child(batch)
            batch.run(tests)
        verdict = self._wait(child, watching)
        own = watchdog.read_clock(watchdog.clock_of(child))
        if not self.full:
            self._kill_group(child)  # before its number is free for another process
        _, status, spent = os.wait4(child, 0)
        if os.WIFSIGNALED(status) and not verdict:
            self.notes.killed(os.WTERMSIG(status))
        cpu = spent.ru_utime + spent.ru_stime + self._clean_up()
        self.notes.spent(cpu, spent.ru_maxrss)
        late = watching.verdict_after_exit(cpu, own, len(tests) > 1) if not verdict else 0
        start = self.saved.printed()
        size = start + os.fstat(self.output).st_size
        if late:
            return [[tests[0], late, start, size, int(cpu * 1e9), 1]]
        return progress.rows(start, size, verdict, status)

    def _forked(self) -> int:
        """Forks; retries while the kernel still releases the memory and processes of the last candidate."""
        for _ in range(_FORK_ATTEMPTS):
            try:
                return os.fork()
            except (BlockingIOError, MemoryError):
                time.sleep(_FORK_PAUSE)
            except OSError as problem:
                if problem.errno != errno.ENOMEM:
                    raise
                time.sleep(_FORK_PAUSE)
        return os.fork()

    def _become_child(self, batch: runner.Batch | None = None) -> None:
        """In the child: closes what is not the candidate's, sets the limits that process 1 must not have.

        Where a test is run beside the candidate, `batch` makes two processes of it.
        """
        for descriptor in self.own:
            os.close(descriptor)
        if len(self.given) < len(self.inputs):
            os.closerange(self.inputs[0], self.inputs[self.given[0]])
            os.closerange(self.inputs[self.given[-1]] + 1, self.inputs[-1] + 1)
        if not self.full:
            with contextlib.suppress(*self.unproved):
                os.setpgid(0, 0)
        if batch and batch.kind == "assertions":
            self.number = os.getpid()  # the fork of a test's own process is none of a candidate's, and needs no hooks
            batch.split(self._forked)
            self.number = 0
        if not (batch and batch.pipe_to_candidate):  # the process that runs the test ends by a signal
            _signal.signal(_SIGINT, _signal.default_int_handler)
        for limit, value in self.child_limits:
            resource.setrlimit(limit, value)
        if self.full and not self.alone:
            return
        with contextlib.suppress(*self.unproved):
            if self.alone:
                seccomp.install(seccomp.no_processes(last=self.full))
            if not self.full:
                seccomp.install(seccomp.stay_in_group(os.getpid()))

    def _register_hooks(self) -> None:
        """Before a fork: what modules want done in a child is for children of a candidate, not for process 1's."""
        if os.getpid() != self.number:  # that of process 1, or of a child that is not yet its candidate's
            while self.at_fork:
                os.register_at_fork(**self.at_fork.pop(0))

    def _wait(self, child: int, watching: watchdog.Watchdog) -> int:
        """Waits for the child's end, or ends it; returns the limit that it broke, else 0."""
        descriptor = os.pidfd_open(child)
        self.poller.register(descriptor, select.POLLIN)
        try:
            verdict, ready = 0, self.poller.poll(watching.first_wait)
            if not ready:
                verdict, ready = watching.wait(child, self.poller.poll)
            if ready and ready[0][0] == CONTROL:
                if not self.full:
                    self._kill_group(child)
                    self._clean_up()  # killed is not yet gone, and a closed jail leaves nothing
                os._exit(0)  # the supervisor is gone
            return verdict
        finally:
            self.poller.unregister(descriptor)
            os.close(descriptor)

    def _clean_up(self) -> float:
        """Kills the processes that a candidate left, empties the scratch folder; returns their CPU seconds."""
        spent = self._kill_others()
        if self.scratch and not self.scratch.untouched():
            self._empty_scratch(self.scratch)
        return spent

    def _kill_others(self) -> float:
        """Ends every process but this one; returns the CPU seconds that they have taken."""
        spent = 0.0
        if self.full and not (self.trusted and os.getpid() == 1):
            os._exit(71)
        try:
            while True:
                # without a namespace the group has been killed before; its orphans end here
                reaped, _, used = os.wait4(-1, os.WNOHANG if self.full else 0)
                if reaped == 0:
                    os.kill(-1, signal.SIGKILL)
                    _, _, used = os.wait4(-1, 0)
                spent += used.ru_utime + used.ru_stime
        except ChildProcessError:
            return spent

    def _empty_scratch(self, scratch: Scratch) -> None:
        """Empties the scratch folder in a child: a candidate's file names must not stay in the memory of process 1."""
        child = self._forked()
        if child == 0:
            os._exit(0 if scratch.clean() else 1)
        _, status = os.waitpid(child, 0)
        self.dirty |= status != 0

    def _kill_group(self, child: int) -> None:
        """Ends the process group that `child` leads and that nothing in it can leave; `child` is not reaped yet."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # before or after its setpgid
            os.killpg(child, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
