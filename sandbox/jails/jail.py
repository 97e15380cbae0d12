"""One jail as the supervisor uses it: start, proof of isolation, requests, end."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import HarnessError
from harness.records import Limits, Outcome
from harness.sandbox.comparison.output import Output, Part, put_back, sealed, write
from harness.sandbox.jails.image import MOVED, Image, image, modules, place
from harness.sandbox.jails.patience import await_message, readable
from harness.sandbox.linux.cgroup import ControlGroup
from harness.sandbox.linux.proof import unproved
from harness.sandbox.wire import notes, protocol

LevelName = Literal["full", "reduced", "unsafe"]
_BOOT = Path(__file__).parents[1] / "boot.py"
_START_SECONDS = 60.0
_INTERPRETER_BYTES = 64 << 20
"""Address space of the bare interpreter, beside what a candidate may use."""
_UNUSED_UIDS = 0x6E000000
"""Candidates of a root-owned jail run under uids from here on, which no distribution gives to anybody."""
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDED_FROM_OUTSIDE = {code for number in _SIGNALS for code in (128 + number, -number)}
_serial = itertools.count()


class JailFailed(HarnessError):
    """The jail did not start, ended, or answered what no guest answers. Never a candidate's verdict."""


class JailDirty(JailFailed):
    """The jail still holds something of an earlier candidate, so it has not begun what was asked of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a guest has answered to one request, checked as far as it can be."""

    rows: Sequence[Sequence[int]]
    """A row for each test that was started: its index, how it ended, start and end of its output, CPU ns, first."""
    written: Output
    """All that the candidate wrote."""
    why: str
    """Why there are no more rows: done, stopped, paused, not-loaded."""
    error: str
    """The first error's text."""
    cpu_seconds: float
    exhausted: bool
    """Whether the kernel has killed for lack of memory meanwhile."""

    @property
    def output(self) -> bytes:
        """All that the candidate wrote, which may be much."""
        return self.written.read(0, self.written.size)


class Jail:
    """A running jail. Close it, or use it as a context manager.

    `core`: the only one that it and its candidates run on; None for all that this process may use. `shown`: files
    and folders of the host that it shows beside the interpreter. `programs`: whether programs may be started in it.
    `folder`: where it has no scratch folder, the one in which programs may read and write the files that are there.
    """

    def __init__(
        self,
        limits: Limits,
        level: LevelName = "full",
        core: int | None = None,
        shown: Sequence[str] = (),
        programs: bool = False,
        folder: str = "",
    ) -> None:
        self.limits = limits
        self.level = level
        self.folder = folder
        self.runs = 0
        self._outputs: list[int] = []
        """The output of the run that began last, then of the one that was prepared."""
        self._codes: list[int] = []
        """The same for the files with a program and its compiled code."""
        self._saved = os.memfd_create("saved", os.MFD_CLOEXEC)
        """An error's text, and what earlier forks of a run have printed; no candidate has it."""
        self._tests = self._prepared = 0
        self._pidfd = -1
        self.probes: dict[str, str] = {}
        self.alone = False
        """Whether a candidate can start no process, since nothing here would count them."""
        memory = limits.memory_bytes + limits.scratch_bytes + 3 * limits.output_bytes + 2 * _INTERPRETER_BYTES
        self.group = ControlGroup(memory, limits.processes + 2)
        self.socket, inside = socket.socketpair()
        self.socket.settimeout(_START_SECONDS)
        try:
            real_root, self._uid = _identity()
            held = self.group.limits()
            self._launcher = _launch(inside, limits, level, held, real_root, self._uid, (shown, programs, folder))
        except OSError as problem:
            self.socket.close()
            self.group.remove()
            remedy = "install Python where this user may read and start it"
            raise JailFailed(f"{image().python} could not be started ({problem.strerror}): {remedy}") from None
        finally:
            inside.close()
        if core is not None:
            with contextlib.suppress(OSError):  # the core was taken away meanwhile; only speed depends on it
                os.sched_setaffinity(self._launcher.pid, {core})
        try:
            self._handshake()
        except (OSError, ValueError, protocol.Closed) as problem:
            self.close()
            raise JailFailed(f"the jail did not start: {problem or 'it ended at once'}") from None
        except JailFailed:
            self.close()
            raise

    def _handshake(self) -> None:
        """Maps the ids, learns the guest's pid, and proves from outside what it is before it may run anything."""
        while (letter := self._first_letter()) != b"P":
            if letter != b"M":
                detail = self.socket.recv(4096).decode("utf-8", "replace") if letter == b"E" else "it ended at once"
                raise JailFailed(f"the jail did not start: {detail}")
            self.group.add(self._launcher.pid)
            _map_ids(self._launcher.pid, self._uid)
            self.socket.sendall(b"m")
        digits = b""
        while (digit := self.socket.recv(1)) not in (b"\n", b""):
            digits += digit
        self.pid = int(digits)
        self._pidfd = os.pidfd_open(self.pid)
        if self.level != "full":
            self.group.add(self.pid)
        await_message(self.socket, _START_SECONDS)
        hello = protocol.receive(self.socket)
        if hello["op"] != "hello":
            raise JailFailed(f"the jail could not be closed: {hello['why']}")
        self.probes = hello["probes"]
        self.alone = bool(hello["alone"])
        problem = unproved(self.pid, self.level, self.probes)
        if problem:
            raise JailFailed(f"the jail is not isolated: {problem}")
        usage = self.group.usage()
        protocol.send(self.socket, {"op": "proved", "usage": len(usage)}, [self._saved, *usage])
        for descriptor in usage:
            os.close(descriptor)

    def _first_letter(self) -> bytes:
        await_message(self.socket, _START_SECONDS)
        return self.socket.recv(1)

    def load(self, description: dict[str, Any], inputs: Sequence[bytes | Part]) -> None:
        """Gives the guest the inputs of a problem's tests, each as a sealed memory file, or as the one that it is in.

        Where one is a part of a file, it is for the guest to know which.
        """
        protocol.send(self.socket, {"op": "tests", "descriptors": len(inputs), **description})
        for start in range(0, len(inputs), protocol.DESCRIPTORS_AT_ONCE):
            self._send_inputs(inputs[start : start + protocol.DESCRIPTORS_AT_ONCE])

    def _send_inputs(self, inputs: Sequence[bytes | Part]) -> None:
        """Sends some of the files, of which this process then keeps none that it has made."""
        own: list[int] = []
        try:
            files: list[int] = []
            for data in inputs:
                if isinstance(data, Part) and data.whole.descriptor >= 0:
                    files.append(data.whole.descriptor)
                    continue
                own.append(sealed(data.whole.data if isinstance(data, Part) else data))
                files.append(own[-1])
            protocol.send_descriptors(self.socket, files)
        finally:
            for descriptor in own:
                os.close(descriptor)

    def prepare(self, program: str, groups: Sequence[tuple[int, int]], stop: bool, pause_after: float) -> None:
        """Requests a run that begins with `go`, or never after `forget`; the one before it may be running still."""
        self._prepared = max(end for _, end in groups)
        text = program.encode("utf-8", "surrogatepass")
        message = {"op": "run", "bytes": len(text), "groups": groups, "stop": stop, "pause_after": pause_after}
        # without leave to seal it: a candidate can fill it and no more; the code is sealed before the candidate runs
        output = os.memfd_create("output", os.MFD_CLOEXEC)
        code = os.memfd_create("code", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        fcntl.fcntl(output, fcntl.F_SETFL, os.O_APPEND)
        self._outputs.append(output)
        self._codes.append(code)
        write(code, text)
        protocol.send(self.socket, message, [output, code])

    def go(self) -> None:
        """Begins what was prepared; the answer comes with `answer` once the socket is readable."""
        self.runs += 1
        self._tests = self._prepared
        for ended in self._outputs[:-1]:
            os.close(ended)
        for ended in self._codes[:-1]:
            os.close(ended)
        self._outputs, self._codes = self._outputs[-1:], self._codes[-1:]
        self.socket.sendall(protocol.GO)

    def forget(self) -> None:
        """Takes back what was prepared."""
        os.close(self._outputs.pop())
        os.close(self._codes.pop())
        self.socket.sendall(protocol.FORGET)

    def ask(self, program: str, groups: Sequence[tuple[int, int]], stop: bool, pause_after: float) -> None:
        """Requests a run that begins at once."""
        self.prepare(program, groups, stop, pause_after)
        self.go()

    def answer(self, go: bool = False) -> Answer:
        """The guest's answer to the run that began last, with the output.

        With `go` what was prepared begins as soon as nothing more is needed of that run.

        Raises:
            JailFailed: the jail has ended, or what it says cannot be.
        """
        tests = self._tests
        try:
            if not self.socket.recv(1, socket.MSG_PEEK):  # waits
                raise protocol.Closed
            error = os.pread(self._saved, protocol.ERROR_BYTES, 0).rstrip(b"\0").decode("utf-8", "replace")
            put_back(self._saved, protocol.ERROR_BYTES, self._outputs[0])
            size = os.fstat(self._outputs[0]).st_size
            output = Output(self._outputs[0], size)
            exhausted = self.group.killed()
            if go:
                self.go()
            said = protocol.receive(self.socket, protocol.MAX_ANSWER)
            if said["op"] == "dirty":
                raise JailDirty("the jail could not be emptied after the last candidate")
            noted = notes.received(self.socket)
            for test, _, start, end, _, _ in noted.rows:
                if not (0 <= test < tests and 0 <= start <= end <= size):
                    raise ValueError("the guest reports what cannot be")
            return Answer(noted.rows, output, said["why"], error or noted.error, noted.cpu, exhausted)
        except (OSError, ValueError, KeyError, TypeError, protocol.Closed) as problem:
            raise JailFailed(f"the jail ended: {problem or 'closed'}") from None

    def failure_cause(self) -> Outcome | None:
        """How what ran in the jail has ended it: by its memory, or by an end that process 1 came to itself.

        None where it lives, or was ended from outside, which says nothing about a candidate.
        """
        if self.group.killed():
            return Outcome.OUT_OF_MEMORY
        if not readable(self._pidfd, 1.0):
            return None
        self._await_launcher(1.0)
        status = self._launcher.returncode
        return Outcome.RAISED if status and status not in _ENDED_FROM_OUTSIDE else None

    def close(self) -> None:
        """Ends process 1, and with it everything in the jail; returns when the kernel has taken it all down."""
        self.socket.close()
        if self._pidfd >= 0:
            # it ends by itself; without a pid namespace only the guest can end the tree, so it gets time
            readable(self._pidfd, 1.0 if self.level == "full" else _START_SECONDS)
            self._await_launcher(1.0)
        self._launcher.kill()
        self._launcher.wait()
        ended = self._pidfd < 0 or readable(self._pidfd, _START_SECONDS)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        for descriptor in (*self._outputs, *self._codes, *([self._saved] if self._saved >= 0 else [])):
            os.close(descriptor)
        self._outputs, self._codes, self._saved = [], [], -1
        self.group.remove()
        if not ended:
            raise JailFailed("a jail could not be ended")

    def _await_launcher(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._launcher.wait(seconds)

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _address_bytes(limits: Limits, held: Sequence[str]) -> int:
    """Of a command whose group holds its memory none: node reserves gigabytes of addresses that it never touches."""
    grouped = any(limit.startswith("memory") for limit in held)
    return resource.RLIM_INFINITY if grouped else limits.memory_bytes + _INTERPRETER_BYTES


def _launch(
    inside: socket.socket,
    limits: Limits,
    level: LevelName,
    held: Sequence[str],
    real_root: bool,
    uid: int,
    more: tuple[Sequence[str], bool, str],
) -> subprocess.Popen[bytes]:
    what = image()
    guest = sealed(modules())
    shown, programs, folder = more
    config = {
        "level": level,
        "real_root": real_root,
        "uid": uid,
        "python": place(what.python) if level == "full" else what.python,
        "moved": MOVED,
        "trees": (*what.trees, *shown),
        "masked": what.masked,
        "modules": guest,
        "packages": what.packages,
        "environment": _environment(what, level),
        "scratch_bytes": limits.scratch_bytes,
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "wall_seconds": limits.wall_seconds,
            "output_bytes": limits.output_bytes,
            "processes": limits.processes + (0 if level == "full" else _own_tasks()),
            "open_files": limits.open_files,
            "address_bytes": _address_bytes(limits, held if programs else ()),
            "counted": f"pids.max={limits.processes + 2}" in held,
            "level": level,
            "programs": programs,
            "folder": folder,
            "readable": [*what.trees, *shown, str(_BOOT.parent)],
        },
    }
    number = inside.fileno()
    options = ["-I", "-S", "-B", "-W", "ignore", str(_BOOT), "jails.launcher"]
    command = [what.python, *options, str(number), json.dumps(config)]
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            pass_fds=(number, guest),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(what.environment),
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(guest)


def _environment(what: Image, level: LevelName) -> dict[str, str]:
    """The guest's: libraries lie elsewhere where the jail shows them elsewhere."""
    found = dict(what.environment)
    if level == "full":
        found["LD_LIBRARY_PATH"] = ":".join(map(place, found["LD_LIBRARY_PATH"].split(":")))
    return found


def _own_tasks() -> int:
    """Threads that this user has now: without a user namespace the limit on processes counts them too."""
    count, mine = 0, os.getuid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == mine:
                count += len(list((folder / "task").iterdir()))
        except OSError:
            continue  # it has ended meanwhile
    return count


def _identity() -> tuple[bool, int]:
    """Whether this process has root's powers over its mounts, and the uid that a jail's namespace 0 becomes outside."""
    if os.geteuid() != 0:
        return False, os.geteuid()
    wanted = _UNUSED_UIDS + (os.getpid() << 7) % (1 << 24) + next(_serial) % 128
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = (int(field) for field in line.split())
        if first <= wanted < first + count:
            return True, wanted
    return False, 0


def _map_ids(pid: int, uid: int) -> None:
    folder = Path(f"/proc/{pid}")
    gid = uid if os.geteuid() == 0 else os.getegid()
    (folder / "setgroups").write_text("deny")
    (folder / "gid_map").write_text(f"0 {gid} 1\n")
    (folder / "uid_map").write_text(f"0 {uid} 1\n")
