"""Process 1 of a jail: forks a child for each candidate, watches it, ends it, cleans up after it.

It never runs a line of a candidate, shares no memory with it but one page-sized report that it reads as untrusted
bytes, and holds no expected output: those stay with the supervisor.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import resource
import select
import signal
import stat
import sys
import time
from _socket import socket
from mmap import MAP_SHARED, mmap
from typing import Any

from harness.sandbox import hugepages, kernel, landlock, probes, protocol, runner, seccomp
from harness.sandbox.preload import preload

CONTROL = 3
_SUSPECT_SHARE = 0.1
"""Share of the CPU limit after which a test that is not the first of its fork is tried again in a fork of its own."""
_PATIENCE = 5.0
"""How often the wall limit a test may take that keeps getting CPU: an overloaded machine must not change verdicts."""
_BUSY_SHARE = 0.1


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
        self.report_file = os.memfd_create("report", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.report_file, runner.REPORT_BYTES)
        _seal(self.report_file, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self.report = mmap(self.report_file, runner.REPORT_BYTES, MAP_SHARED)
        self.output = _appendable("output")
        self.code = _appendable("code")
        self.inputs: list[int] = []
        self.tests: dict[str, Any] = {}
        preload()
        hugepages.move_code()
        self._rehearse()
        self.full = limits["rung"] == "full"
        self.scratch = self.scratch_device = -1
        self._lock_down()
        if self.full:  # elsewhere there is no scratch folder: none could be emptied safely
            self.scratch = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self.scratch_device = os.fstat(self.scratch).st_dev
            self.empty = self._scratch_state()
        self.own = [found for found in (CONTROL, self.scratch, self.report_file) if found >= 0]
        cpu = int(limits["cpu_seconds"] * protocol.MAX_TESTS) + 1
        self.child_limits = (
            (resource.RLIMIT_CPU, (cpu, cpu + 1)),
            (resource.RLIMIT_NPROC, (limits["processes"], limits["processes"])),
            (resource.RLIMIT_NOFILE, (limits["open_files"], limits["open_files"])),
        )
        runner.open_streams()
        self.number = os.getpid()
        os.register_at_fork(before=self._register_hooks)
        self.poller = select.poll()
        self.poller.register(CONTROL, 0)
        self.trusted = False
        self.signal = 0

    def _lock_down(self) -> None:
        """Gives up everything that is not needed; what is forked from here on can never get it back."""
        os.chdir("/tmp" if self.full else "/")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
        memory = self.limits["address_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if not self.full:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.drop_capabilities(bounding=self.full or os.geteuid() == 0)
        self.alone = not (self.limits["counted"] or probes.processes_are_limited())
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        readable = ["/"] if self.full else [*self.limits["readable"], "/dev/zero", "/dev/urandom"]
        with contextlib.suppress(*((OSError,) if self.limits["rung"] == "unsafe" else ())):
            landlock.restrict(readable, ["/tmp", "/dev/null"] if self.full else ["/dev/null"])
        with contextlib.suppress(*((OSError,) if self.limits["rung"] == "unsafe" else ())):
            seccomp.install(seccomp.JAIL if self.full and not self.alone else seccomp.FURTHER)

    def _rehearse(self) -> None:
        """Runs programs of our own right here, with all that a child does around a candidate's.

        The interpreter fills its caches, specialises its code and binds its libraries' symbols on the way. Done once
        in process 1, none of it is done again in every child, each time on pages that have to be copied first.
        """
        main = sys.modules["__main__"]
        for kind, (program, given) in runner.REHEARSALS.items():
            os.ftruncate(self.code, 0)
            source = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
            os.write(source, given)
            request = {
                "kind": kind,
                "program": program,
                "entry_point": "answer",
                "output_bytes": 1 << 60,
                "stop": False,
            }
            batch = runner.Batch({**request, "until": 0.0}, [source], self.output, self.code, self.report, opened=False)
            for _ in range(runner.REHEARSED):
                os.ftruncate(self.output, 0)
                batch.rehearse()
            os.close(source)
        for descriptor in (0, 1):
            os.dup2(2, descriptor)
        sys.modules["__main__"] = main
        sys.modules.pop("solution")

    def serve(self) -> None:
        """Answers the supervisor until it closes the socket."""
        hello = {"op": "hello", "probes": probes.tried(self.full), "alone": self.alone}
        protocol.send(self.control, hello, [self.output])
        gc.collect()
        gc.freeze()
        gc.disable()
        while True:
            try:
                message = protocol.receive(self.control)
            except protocol.Ended:
                os._exit(0)
            operation = message["op"]
            if operation == "proved":
                # R1: only now, when both sides have seen that this is process 1 of a namespace of its own
                self.trusted = not self.full or (os.getpid() == 1 and os.getppid() == 0)
            elif operation == "tests":
                self._take_tests(message)
            elif operation == "run" and self.control.recv(1) == protocol.GO:
                protocol.send(self.control, self._run(message))

    def _take_tests(self, message: dict[str, Any]) -> None:
        for descriptor in self.inputs:
            os.close(descriptor)
        self.inputs = protocol.receive_descriptors(self.control, message["descriptors"])
        self.tests = message
        if message["kind"] == "assertions":
            __import__("harness.sandbox.asserts")  # once here instead of in every fork

    def _run(self, message: dict[str, Any]) -> dict[str, Any]:
        """Runs one program on groups of tests, one fork a group, more where a fork ends early."""
        budget = time.monotonic() + message["pause_after"]
        os.ftruncate(self.output, 0)
        os.ftruncate(self.code, 0)
        self.report[: runner.RECORDS_AT] = bytes(runner.RECORDS_AT)
        request = {**self.tests, **message, "output_bytes": self.limits["output_bytes"], "until": budget}
        batch = runner.Batch(request, self.inputs, self.output, self.code, self.report, opened=True)
        results: list[list[int]] = []
        usage = {"cpu": 0.0, "rss": 0}
        for group in message["groups"]:
            waiting = list(range(*group))
            alone = False
            while waiting:
                if results and (time.monotonic() > budget or self._spent() > 2 * self.limits["output_bytes"]):
                    return self._answer(results, usage, "paused")
                part = waiting[:1] if alone else waiting
                done = self._fork(batch, part, usage)
                if done and done[-1][1] == protocol.SLOW:
                    done.pop()
                    alone = True
                results += done
                waiting = waiting[len(done) :]
                if message["stop"] and any(row[1] != protocol.ENDED for row in done):
                    return self._answer(results, usage, "stopped")
                if done and done[0][1] == protocol.NOT_LOADED:
                    return self._answer(results, usage, "not-loaded")
        return self._answer(results, usage, "done")

    def _answer(self, results: list[list[int]], usage: dict[str, Any], why: str) -> dict[str, Any]:
        length = min(runner.HEADER.unpack_from(self.report)[1], runner.ERROR_BYTES)
        text = self.report[runner.ERROR_AT : runner.ERROR_AT + length].decode("utf-8", "replace")
        killed = any(row[1] == protocol.KILLED for row in results)
        text = text or (f"killed by signal {self.signal}" if killed else "")
        return {"op": "done", "why": why, "results": results, "error": text, **usage}

    def _spent(self) -> int:
        return os.fstat(self.output).st_size

    def _fork(self, batch: runner.Batch, tests: list[int], usage: dict[str, Any]) -> list[list[int]]:
        """Runs `tests` in one child; returns a row for each that was started: test, how, start, end, CPU ns, first."""
        start = self._spent()
        first, last = runner.RECORDS_AT + tests[0] * runner.RECORD.size, tests[-1] - tests[0] + 1
        self.report[first : first + last * runner.RECORD.size] = bytes(last * runner.RECORD.size)
        runner.HEADER.pack_into(self.report, 0, tests[0], runner.HEADER.unpack_from(self.report)[1], 0)
        if not self.trusted:
            os._exit(71)
        child = os.fork()
        if child == 0:
            self._become_child()
            batch.run(tests)
        verdict = self._watch(child, tests)
        if not self.full:
            self._kill_group(child)  # before its number is free for another process
        _, status, spent = os.wait4(child, 0)
        if os.WIFSIGNALED(status) and not verdict:
            self.signal = os.WTERMSIG(status)
        usage["cpu"] += spent.ru_utime + spent.ru_stime
        usage["rss"] = max(usage["rss"], spent.ru_maxrss)
        self._sweep()
        return self._rows(batch, tests, start, verdict, status)

    def _become_child(self) -> None:
        """In the child: closes what is not the candidate's, sets the limits that process 1 must not have."""
        for descriptor in self.own:
            os.close(descriptor)
        for limit, value in self.child_limits:
            resource.setrlimit(limit, value)
        with contextlib.suppress(*((OSError,) if self.limits["rung"] == "unsafe" else ())):
            if self.alone:
                seccomp.install(seccomp.no_processes(last=self.full))
            if not self.full:
                os.setpgid(0, 0)
                seccomp.install(seccomp.stay_in_group(os.getpid()))

    def _register_hooks(self) -> None:
        """Before a fork: what modules want done in a child is for children of a candidate, not for process 1's."""
        if os.getpid() != self.number:
            while self.at_fork:
                os.register_at_fork(**self.at_fork.pop(0))

    def _watch(self, child: int, tests: list[int]) -> int:
        """Waits for the child's end, or ends it; returns the limit that it broke, else 0."""
        test, base, began = tests[0], 0.0, time.monotonic()
        # looks often enough to see a test begin that is to be suspected
        step = min(self.limits["cpu_seconds"], self.limits["wall_seconds"]) * (_SUSPECT_SHARE if tests[1:] else 1.0)
        descriptor = os.pidfd_open(child)
        self.poller.register(descriptor, select.POLLIN)
        try:
            # first of all: what is touched while the child lives has to be copied
            ready = self.poller.poll(1000 * step)
            clock = ((~child) << 3) | 2  # the kernel's name for the CPU clock of another process
            while not ready:
                now, _, began_cpu = runner.HEADER.unpack_from(self.report)
                if test < now <= tests[-1]:
                    test, began = now, time.monotonic()
                    base = max(base, min(began_cpu / 1e9, _read_clock(clock)))
                cpu, wall = _read_clock(clock) - base, time.monotonic() - began
                verdict = self._over(cpu, wall, test == tests[0])
                if verdict:
                    os.kill(child, signal.SIGKILL)
                    return verdict
                share = 1.0 if test == tests[0] else _SUSPECT_SHARE
                wall_left = max(self.limits["wall_seconds"] * share - wall, 0.1)
                left = min(self.limits["cpu_seconds"] * share - cpu, wall_left, step)
                ready = self.poller.poll(max(left * 1000, 1))
            if ready[0][0] == CONTROL:
                if not self.full:
                    self._kill_group(child)
                    self._sweep()  # killed is not yet gone, and a closed jail leaves nothing
                os._exit(0)  # the supervisor is gone
            return 0
        finally:
            self.poller.unregister(descriptor)
            os.close(descriptor)

    def _over(self, cpu: float, wall: float, first: bool) -> int:
        share = 1.0 if first else _SUSPECT_SHARE
        if cpu >= self.limits["cpu_seconds"] * share:
            return protocol.CPU_LIMIT if first else protocol.SLOW
        limit = self.limits["wall_seconds"] * share
        sleeping = wall >= limit and cpu < wall * _BUSY_SHARE
        if sleeping or wall >= limit * _PATIENCE:
            return protocol.WALL_LIMIT if first else protocol.SLOW
        return 0

    def _rows(self, batch: runner.Batch, tests: list[int], start: int, verdict: int, status: int) -> list[list[int]]:
        """What the report says, bounded, and for the test at which the child ended what process 1 itself saw."""
        rows: list[list[int]] = []
        size = self._spent()
        for test in tests:
            ended, _, end, cpu = runner.RECORD.unpack_from(self.report, runner.RECORDS_AT + test * runner.RECORD.size)
            first = int(test == tests[0])
            if ended:
                end = min(max(end, start), size)
                rows.append([test, min(ended, protocol.UNKNOWN_VALUE), start, end, cpu, first])
                start = end
                continue
            if verdict or os.WIFSIGNALED(status):
                rows.append([test, verdict or protocol.KILLED, start, size, cpu, first])
            elif not rows or test == runner.HEADER.unpack_from(self.report)[0]:
                # it left by itself in the middle of a test: os._exit, which is a program's right and a function's fault
                left = protocol.ENDED if batch.kind == "stdin" and status == 0 else protocol.RAISED
                rows.append([test, left, start, size, cpu, first])
            break
        return rows

    def _sweep(self) -> None:
        """Ends whatever a candidate left running, and empties the scratch folder if it was touched."""
        if not self.full:
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-1, 0)  # the group has been killed; its orphans end here
            return
        if not (self.trusted and os.getpid() == 1):
            os._exit(71)
        while True:
            try:
                reaped, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if reaped == 0:
                os.kill(-1, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(-1, 0)
        if self._scratch_state() != self.empty:
            self._wipe()

    def _kill_group(self, child: int) -> None:
        """Ends the process group that `child` leads and that nothing in it can leave; `child` is not reaped yet."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # before or after its setpgid
            os.killpg(child, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)

    def _scratch_state(self) -> tuple[int, int, int]:
        now = os.fstatvfs(self.scratch)
        return now.f_bfree, now.f_ffree, os.fstat(self.scratch).st_mode

    def _wipe(self) -> None:
        """Empties `/tmp`. R2: only by descriptors, only on its own device, never through a link.

        Folders inside folders are moved to the top first, so that depth costs neither descriptors nor stack.
        """
        os.fchmod(self.scratch, 0o700)
        serial = 0
        while names := os.listdir(self.scratch):  # noqa: PTH208
            for name in names:
                found = os.lstat(name, dir_fd=self.scratch)
                if not stat.S_ISDIR(found.st_mode):
                    os.unlink(name, dir_fd=self.scratch)
                    continue
                os.chmod(name, 0o700, dir_fd=self.scratch)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                folder = os.open(name, flags, dir_fd=self.scratch)
                if os.fstat(folder).st_dev != self.scratch_device:
                    os._exit(72)
                for inner in os.listdir(folder):  # noqa: PTH208
                    serial += 1
                    if stat.S_ISDIR(os.lstat(inner, dir_fd=folder).st_mode):
                        os.chmod(inner, 0o700, dir_fd=folder)
                        os.rename(inner, f".{os.getpid()}.{serial}.wipe", src_dir_fd=folder, dst_dir_fd=self.scratch)
                    else:
                        os.unlink(inner, dir_fd=folder)
                os.close(folder)
                os.rmdir(name, dir_fd=self.scratch)


def _read_clock(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:  # it has ended; the poll will say so
        return 0.0


def _seal(descriptor: int, seals: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)


def _appendable(name: str) -> int:
    """A memory file that a candidate can fill but never seal."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    _seal(descriptor, 0)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor
