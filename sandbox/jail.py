"""One jail, seen from outside: started, proved to be one, asked, ended."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import HarnessError
from harness.records import Limits
from harness.sandbox import protocol
from harness.sandbox.cgroup import ControlGroup
from harness.sandbox.image import image, modules

RungName = Literal["full", "reduced", "unsafe"]
_BOOT = Path(__file__).with_name("boot.py")
_START_SECONDS = 60.0
_INTERPRETER_BYTES = 64 << 20
"""Address space of the bare interpreter, beside what a candidate may use."""
_UNUSED_UIDS = 0x6E000000
"""Candidates of a root-owned jail run under uids from here on, which no distribution gives to anybody."""
_NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")
_serial = itertools.count()


class JailBroken(HarnessError):
    """The jail did not start, ended, or answered what no guest answers. Never a candidate's verdict."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a guest has answered to one request, checked as far as it can be."""

    rows: Sequence[Sequence[int]]
    """A row for each test that was started: its index, how it ended, start and end of its output, CPU ns, first."""
    output: bytes
    """All that the candidate wrote."""
    why: str
    """Why there are no more rows: done, stopped, paused, not-loaded."""
    error: str
    """The first error's text."""
    cpu_seconds: float
    exhausted: bool
    """Whether the kernel has killed for lack of memory meanwhile."""


class Jail:
    """A running jail. Close it, or use it as a context manager.

    `core`: the only one that it and its candidates run on; None for all that this process may use.
    """

    def __init__(self, limits: Limits, rung: RungName = "full", core: int | None = None) -> None:
        self.limits = limits
        self.rung = rung
        self.runs = 0
        self._output = -1
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
            counted = f"pids.max={limits.processes + 2}" in self.group.limits()
            self._launcher = _launch(inside, limits, rung, counted, real_root, self._uid)
        finally:
            inside.close()
        if core is not None:
            with contextlib.suppress(OSError):  # the core was taken away meanwhile; only speed depends on it
                os.sched_setaffinity(self._launcher.pid, {core})
        try:
            self._greet()
        except (OSError, ValueError, protocol.Ended) as problem:
            self.close()
            raise JailBroken(f"the jail did not start: {problem or 'it ended at once'}") from None
        except JailBroken:
            self.close()
            raise

    def _greet(self) -> None:
        """Maps the ids, learns the guest's pid, and proves from outside what it is before it may run anything."""
        while (letter := self.socket.recv(1)) != b"P":
            if letter != b"M":
                detail = self.socket.recv(4096).decode("utf-8", "replace") if letter == b"E" else "it ended at once"
                raise JailBroken(f"the jail did not start: {detail}")
            self.group.add(self._launcher.pid)
            _map_ids(self._launcher.pid, self._uid)
            self.socket.sendall(b"m")
        digits = b""
        while (digit := self.socket.recv(1)) not in (b"\n", b""):
            digits += digit
        self.pid = int(digits)
        self._pidfd = os.pidfd_open(self.pid)
        if self.rung != "full":
            self.group.add(self.pid)
        hello = protocol.receive(self.socket)
        if hello["op"] != "hello":
            raise JailBroken(f"the jail could not be closed: {hello['why']}")
        (self._output,) = protocol.receive_descriptors(self.socket, 1)
        self.probes = hello["probes"]
        self.alone = bool(hello["alone"])
        problem = unproved(self.pid, self.rung, self.probes)
        if problem:
            raise JailBroken(f"the jail is not isolated: {problem}")
        protocol.send(self.socket, {"op": "proved"})

    def load(self, description: dict[str, Any], inputs: Sequence[bytes]) -> None:
        """Gives the guest the inputs of a problem's tests, each as a sealed memory file."""
        files = [_sealed(data) for data in inputs]
        try:
            protocol.send(self.socket, {"op": "tests", "descriptors": len(files), **description}, files)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def prepare(self, program: str, groups: Sequence[tuple[int, int]], stop: bool, pause_after: float) -> None:
        """Requests a run that begins with `go`, or never after `forget`; the one before it may be running still."""
        self._prepared = max(end for _, end in groups)
        message = {"op": "run", "program": program, "groups": groups, "stop": stop, "pause_after": pause_after}
        protocol.send(self.socket, message)

    def go(self) -> None:
        """Begins what was prepared; the answer comes with `answer` once the socket is readable."""
        self.runs += 1
        self._tests = self._prepared
        self.socket.sendall(protocol.GO)

    def forget(self) -> None:
        """Takes back what was prepared."""
        self.socket.sendall(protocol.FORGET)

    def ask(self, program: str, groups: Sequence[tuple[int, int]], stop: bool, pause_after: float) -> None:
        """Requests a run that begins at once."""
        self.prepare(program, groups, stop, pause_after)
        self.go()

    def answer(self, go: bool = False) -> Answer:
        """The guest's answer to the run that began last, with the output.

        With `go` what was prepared begins as soon as nothing more is needed of that run.

        Raises:
            JailBroken: the jail has ended, or what it says cannot be.
        """
        tests = self._tests
        try:
            if not self.socket.recv(1, socket.MSG_PEEK):  # waits
                raise protocol.Ended
            size = os.fstat(self._output).st_size
            output = os.pread(self._output, size, 0)
            exhausted = self.group.killed()
            if go:
                self.go()
            said = protocol.receive(self.socket)
            for test, _, start, end, _, _ in said["results"]:
                if not (0 <= test < tests and 0 <= start <= end <= size):
                    raise ValueError("the guest reports what cannot be")
            return Answer(said["results"], output, said["why"], str(said["error"]), float(said["cpu"]), exhausted)
        except (OSError, ValueError, KeyError, TypeError, protocol.Ended) as problem:
            raise JailBroken(f"the jail ended: {problem or 'closed'}") from None

    def close(self) -> None:
        """Ends process 1, and with it everything in the jail; returns when the kernel has taken it all down."""
        self.socket.close()
        if self._pidfd >= 0:
            # it ends by itself; without a pid namespace only the guest can end the tree, so it gets time
            _ended(self._pidfd, 1.0 if self.rung == "full" else _START_SECONDS)
            self._await_launcher(1.0)
        self._launcher.kill()
        self._launcher.wait()
        ended = True
        if self._pidfd >= 0:
            ended = _ended(self._pidfd, _START_SECONDS)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        self.group.remove()
        if not ended:
            raise JailBroken("a jail could not be ended")

    def _await_launcher(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._launcher.wait(seconds)

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ended(pidfd: int, seconds: float) -> bool:
    ready, _, _ = select.select([pidfd], [], [], seconds)
    return bool(ready)


def _launch(
    inside: socket.socket, limits: Limits, rung: RungName, counted: bool, real_root: bool, uid: int
) -> subprocess.Popen[bytes]:
    what = image()
    guest = _sealed(modules())
    config = {
        "rung": rung,
        "real_root": real_root,
        "uid": uid,
        "python": what.python,
        "trees": what.trees,
        "masked": what.masked,
        "modules": guest,
        "packages": what.packages,
        "environment": dict(what.environment),
        "scratch_bytes": limits.scratch_bytes,
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "wall_seconds": limits.wall_seconds,
            "output_bytes": limits.output_bytes,
            "processes": limits.processes + (0 if rung == "full" else _own_tasks()),
            "open_files": limits.open_files,
            "address_bytes": limits.memory_bytes + _INTERPRETER_BYTES,
            "counted": counted,
            "rung": rung,
            "readable": [*what.trees, str(_BOOT.parent)],
        },
    }
    number = inside.fileno()
    command = [what.python, "-I", "-S", "-B", "-W", "ignore", str(_BOOT), "launcher", str(number), json.dumps(config)]
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


def unproved(pid: int, rung: RungName, probes: dict[str, str]) -> str:
    """What the kernel's own account of process `pid` lacks of a jail on `rung`; "" when nothing.

    Read from outside, so that it holds whatever the inside says of itself (rule R1). `probes` are the forbidden
    things that a throw-away child of the guest has tried, with what the kernel said.
    """
    if rung == "unsafe":
        return ""
    allowed = [name for name, said in probes.items() if said == "allowed"]
    if allowed or not probes:
        return f"a candidate could: {', '.join(allowed) or 'nothing was tried'}"
    status = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        status[key] = value.split()
    if rung == "full" and (status["NSpid"][-1] != "1" or len(status["NSpid"]) < 2):
        return "it is not process 1 of a pid namespace of its own"
    for name in _NAMESPACES if rung == "full" else ():
        if Path(f"/proc/{pid}/ns/{name}").readlink() == Path(f"/proc/self/ns/{name}").readlink():
            return f"it shares the {name} namespace"
    if status["NoNewPrivs"] != ["1"]:
        return "no_new_privs is not set"
    if status["Seccomp"] != ["2"]:
        return "no seccomp filter is in force"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") + (("CapBnd",) if rung == "full" else ()):
        if int(status[name][0], 16):
            return f"it has capabilities ({name})"
    return ""


def _sealed(data: bytes) -> int:
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
