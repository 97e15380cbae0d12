"""A disk that is full: a run on a file system of memory with little room, and again with enough.

The file system is mounted in a mount namespace of the child, so that nothing of it is seen outside or left behind.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import in_child, result_of, run

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000


def fill(words: Callable[[Path], list[str]], root: Path, kilobytes: int, wanted: str) -> tuple[int, str, str]:
    """The exit status and error text of a run in `kilobytes`, and what went wrong with it ("": nothing)."""
    root.mkdir(exist_ok=True)
    status, err, fault = in_child(lambda: _fill(words, root, kilobytes, wanted))
    return status, err, fault


def _fill(words: Callable[[Path], list[str]], root: Path, kilobytes: int, wanted: str) -> list[Any]:
    _enter_namespace()
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "harness-faults", str(root))
    first = run(words(root))
    lines = [line for line in first.err.splitlines() if line.startswith("error: ")]
    if first.traceback or (first.status and (first.status != 1 or len(lines) != 1)):
        return [first.status, first.err[-600:], "no single line"]
    _mount("-o", "remount,size=64m", str(root))
    second = run(words(root))
    if second.status:
        return [first.status, second.err[-600:], "not finished with room"]
    return [first.status, "\n".join(lines), "" if result_of(root) == wanted else "another result"]


def _enter_namespace() -> None:
    libc, user, group = ctypes.CDLL(None, use_errno=True), os.geteuid(), os.getegid()
    if libc.unshare(_NEW_MOUNTS | (_NEW_USER if user else 0)):
        raise OSError(ctypes.get_errno(), "no mount namespace here")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount("--make-rprivate", "/")


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)
