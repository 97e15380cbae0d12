"""A control group around a jail, where one may be made: memory and processes of the whole tree are limited together.

Works with version 1 (a folder for each controller) and version 2 (one folder); where no group can be made, the limits
of single processes are what is left, and `rung()` says so.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_STALE_SECONDS = 3600


class ControlGroup:
    """A group with a limit on memory and on processes; empty of folders where none could be made."""

    def __init__(self, memory_bytes: int, processes: int) -> None:
        name = f"harness-{os.getpid()}-{os.urandom(4).hex()}"
        self.folders: list[Path] = []
        self._events: Path | None = None
        self._kills = 0
        if (_ROOT / "cgroup.controllers").exists():
            self._make(_ROOT / name, {"memory.max": memory_bytes, "memory.swap.max": 0, "pids.max": processes})
            self._watch("memory.events")
        else:
            self._make(_ROOT / "memory" / name, {"memory.limit_in_bytes": memory_bytes})
            self._watch("memory.oom_control")
            self._make(_ROOT / "pids" / name, {"pids.max": processes})

    def _make(self, folder: Path, limits: dict[str, int]) -> None:
        try:
            folder.mkdir()
        except OSError:
            return
        _remove_stale(folder.parent)
        self.folders.append(folder)
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


def cores() -> int:
    """How many cores' worth of time this process gets: those that it may run on, or its container's share if less."""
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


def _remove_stale(parent: Path) -> None:
    """Removes groups of supervisors that were killed: ours by name, an hour old, and empty, or the kernel refuses."""
    for folder in parent.glob("harness-*-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                folder.rmdir()
