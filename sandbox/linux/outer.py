"""A throw-away namespace around code that may have any fault: the sandbox's own tests, and other projects' judges.

In it the file system is read-only but for an empty `/tmp` and `/dev/shm`, there is no network, and no process outside
can be seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from harness.sandbox.linux import filesystem, kernel

UNAVAILABLE = 75
"""Exit status when no such namespace can be made here; the reason is written to the descriptor `said`."""


def throw_away(body: Callable[[], int], said: int) -> int:
    """Runs `body` as process 1 of a new pid namespace, in a fork of this process; returns its exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    outer = os.fork()
    if outer == 0:
        status = UNAVAILABLE
        try:
            _separate()
            inner = os.fork()
            if inner == 0:
                _enclose()
                status = body()
            else:
                _, waited = os.waitpid(inner, 0)
                status = os.waitstatus_to_exitcode(waited) & 0xFF
        except BaseException as problem:  # noqa: BLE001 - said by the caller, in whose name this process speaks
            if not isinstance(problem, OSError):
                status = 1
            os.write(said, f"{type(problem).__name__}: {problem}".encode())
        finally:
            os._exit(status)
    _, waited = os.waitpid(outer, 0)
    return os.waitstatus_to_exitcode(waited)


def _separate() -> None:
    uid, gid = os.getuid(), os.getgid()
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    kernel.unshare(flags if uid == 0 else flags | kernel.CLONE_NEWUSER)
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _enclose() -> None:
    kernel.die_with_parent()
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    filesystem.set_attributes("/", kernel.MS_RDONLY, recursive=True)
    kernel.mount("proc", "/proc", "proc", 0)
    for folder in ("/tmp", "/dev/shm"):
        if Path(folder).is_dir():
            kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1g")
    os.chdir("/tmp")
