"""A control group around a jail, where one may be made: memory and processes of the whole tree are limited together.

Works with version 1 (a folder for each controller) and version 2 (one folder). Of version 2 the root is tried, then the
group beside the own one, and one inside it: systemd hands these over to a user (a user's services and scopes). Where no
group can be made, the limits of single processes are what is left, and `isolation_level()` says so.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import sys
import time
from contextvars import ContextVar
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_STALE_SECONDS = 3600
"""When a group is left over whose owner cannot be looked for: another pid namespace made it, or an older version."""
_OURS = re.compile(r"harness-(\d+)\.(\d+)\.(\d+)-[0-9a-f]{8}")
"""Number, start and pid namespace of the process that made a group."""
_CONTROLLERS = "+memory +pids"


class ControlGroup:
    """A group with a limit on memory and on processes; empty of folders where none could be made."""

    def __init__(self, memory_bytes: int, processes: int) -> None:
        name = f"harness-{os.getpid()}.{_started(os.getpid())}.{_pid_space()}-{os.urandom(4).hex()}"
        self.folders: list[Path] = []
        self._events: Path | None = None
        self._kills = 0
        if (_ROOT / "cgroup.controllers").exists():
            limits = {"memory.max": memory_bytes, "memory.swap.max": 0, "pids.max": processes}
            for parent in dict.fromkeys([_ROOT, _own().parent, _own()]):
                if not self.folders and parent.is_relative_to(_ROOT):
                    self._make_below(parent, name, limits)
            self._watch("memory.events")
        else:
            self._make(_ROOT / "memory" / name, {"memory.limit_in_bytes": memory_bytes})
            self._watch("memory.oom_control")
            self._make(_ROOT / "pids" / name, {"pids.max": processes})
            self._make(_ROOT / "cpuacct" / name, {})

    def _make_below(self, parent: Path, name: str, limits: dict[str, int]) -> None:
        """A group of version 2, if processes may be moved into it and a limit is in force there."""
        members = parent / "cgroup.procs"
        if members.exists() and not os.access(members, os.W_OK):
            return
        self._make(parent / name, limits)
        if self.folders and not self.limits():
            with contextlib.suppress(OSError):  # refused where processes are in `parent` itself, or it is not ours
                (parent / "cgroup.subtree_control").write_text(_CONTROLLERS)
            self._limit(parent / name, limits)
        if self.folders and not self.limits():
            self.remove()

    def _make(self, folder: Path, limits: dict[str, int]) -> None:
        try:
            folder.mkdir()
        except OSError:
            return
        _remove_stale(folder.parent)
        self.folders.append(folder)
        self._limit(folder, limits)

    def _limit(self, folder: Path, limits: dict[str, int]) -> None:
        for file, value in limits.items():
            with contextlib.suppress(OSError):  # a controller that is not handed down; `limits` says what is in force
                (folder / file).write_text(str(value))

    def _watch(self, name: str) -> None:
        if self.folders and (self.folders[0] / name).exists():
            self._events = self.folders[0] / name

    def limits(self) -> list[str]:
        """Which limits are in force, as the kernel reads them back."""
        names = ("memory.max", "memory.limit_in_bytes", "pids.max")
        files = [folder / name for folder in self.folders for name in names if (folder / name).exists()]
        return [f"{file.name}={file.read_text().strip()}" for file in files]

    def usage(self) -> list[int]:
        """A descriptor of the file that says how much CPU time the group has had; none where none counts it."""
        files = [folder / name for folder in self.folders for name in ("cpuacct.usage", "cpu.stat")]
        return [os.open(file, os.O_RDONLY | os.O_CLOEXEC) for file in files if file.exists()][:1]

    def add(self, pid: int) -> None:
        """Puts a process, and so all that it will fork, into the group."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def killed(self) -> bool:
        """Whether the kernel has killed for lack of memory since this was asked last."""
        if self._events is None:
            return False
        lines = [line.split() for line in self._events.read_text().splitlines()]
        kills = sum(int(line[1]) for line in lines if line[0] == "oom_kill")
        before, self._kills = self._kills, kills
        return kills > before

    def remove(self) -> None:
        """Removes the group. Its processes have ended; the kernel may need a moment to notice."""
        for folder in self.folders:
            for _ in range(200):
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.005)
        self.folders = []


SHARE: ContextVar[int | None] = ContextVar("share", default=None)
"""Cores that whoever runs several judges on this machine leaves to this one; None for all of them."""


def cores() -> int:
    """How many cores' worth of time this process gets: those that it may run on, or its container's share if less."""
    return min(_allowed(), SHARE.get() or sys.maxsize)


def _allowed() -> int:
    allowed = len(os.sched_getaffinity(0))
    if (_ROOT / "cgroup.controllers").exists():
        files = [_ROOT / "cpu.max"]
    else:
        files = [_ROOT / "cpu" / "cpu.cfs_quota_us", _ROOT / "cpu" / "cpu.cfs_period_us"]
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
    except FileNotFoundError:  # no controller, or the host's own root: no share is set
        return allowed
    if quota in ("max", "-1"):
        return allowed
    return min(allowed, math.ceil(int(quota) / int(period)))


def _own() -> Path:
    """The folder of the group of version 2 that this process is in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return _ROOT / line[3:].lstrip("/")
    return _ROOT


def _pid_space() -> int:
    """The pid namespace of this process, in which the numbers of processes mean something.

    Asked anew each time: a process that is forked into another namespace would keep its parent's answer.
    """
    return Path("/proc/self/ns/pid").stat().st_ino


def _started(pid: int) -> int:
    """When a process was started, in ticks since the machine was; 0 where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _remove_stale(parent: Path) -> None:
    """Removes groups of supervisors that were killed; the kernel refuses where something is in one."""
    for folder in parent.glob("harness-*-*"):
        with contextlib.suppress(OSError):
            if _is_stale(folder):
                folder.rmdir()


def _is_stale(folder: Path) -> bool:
    """Whether a group is one of ours whose owner has ended."""
    marks = _OURS.fullmatch(folder.name)
    if marks and int(marks[3]) == _pid_space():
        return _started(int(marks[1])) != int(marks[2])
    return time.time() - folder.stat().st_mtime > _STALE_SECONDS
