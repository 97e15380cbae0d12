"""Folders that are deleted with their process, or, where it was killed, by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness import files

NODE_FOLDER = "harness-node-"
"""How the names of a node's folders begin."""


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder for the duration of the block; those with the same prefix that nobody holds are deleted first."""
    delete_left(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name, files.locked(Path(name)):
        yield Path(name)


def delete_left(prefix: str, seconds: float = 0.0) -> None:
    """Delete the folders with a prefix that nobody holds; for `seconds` processes that are ending are waited for."""
    deadline = time.monotonic() + seconds
    while _some_are_held(prefix) and time.monotonic() < deadline:
        time.sleep(0.05)


def _some_are_held(prefix: str) -> bool:
    held = False
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            _delete_unless_held(path)
        except BlockingIOError:
            held = True
        except OSError:  # another user's, or deleted meanwhile
            continue
    return held


def _delete_unless_held(folder: Path) -> None:
    with (folder / files.LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
