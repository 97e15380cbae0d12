"""Folders that are deleted with their process, or, where it was killed, by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness import files

NODE_FOLDER = "harness-node-"
"""How the names of a node's folders begin."""
_SECONDS_WITHOUT_LOCK = 2.0
"""How long a process may take from making its folder to locking it."""


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder for the duration of the block; those with the same prefix that nobody holds are deleted first."""
    delete_left(prefix)
    folder, lock = _locked_folder(prefix)
    with folder, lock:
        yield Path(folder.name)


def _locked_folder(prefix: str) -> tuple[tempfile.TemporaryDirectory[str], IO[bytes]]:
    """A new folder and its lock; until that is held, another process may take the folder for one that was left."""
    while True:
        folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        path = Path(folder.name) / files.LOCK
        with contextlib.suppress(FileNotFoundError):  # the folder was deleted
            lock = path.open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever looks at it holds it for a moment
            if path.exists():
                return folder, lock
            lock.close()
        folder.cleanup()


def delete_left(prefix: str, seconds: float = 0.0) -> None:
    """Delete the folders with a prefix that nobody holds; for `seconds` processes that are ending are waited for."""
    deadline = time.monotonic() + seconds
    while _some_are_held(prefix) and time.monotonic() < deadline:
        time.sleep(0.05)


def _some_are_held(prefix: str) -> bool:
    # Each is looked at, also after one that is held.
    return sum(map(_delete_unless_held, Path(tempfile.gettempdir()).glob(f"{prefix}*"))) > 0


def _delete_unless_held(folder: Path) -> bool:
    """Whether somebody holds the folder; it is deleted otherwise."""
    with contextlib.suppress(OSError):  # another user's, or deleted meanwhile
        try:
            lock = (folder / files.LOCK).open("rb")
        except FileNotFoundError:  # its process is about to make one, or was killed before it did
            if time.time() - folder.stat().st_mtime < _SECONDS_WITHOUT_LOCK:
                return True
            shutil.rmtree(folder)
            return False
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            shutil.rmtree(folder)
    return False
