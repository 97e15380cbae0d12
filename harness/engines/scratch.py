"""Folders that are deleted with their process, or, where it was killed, by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import files


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder for the duration of the block; those with the same prefix that nobody holds are deleted first."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # held, another user's, or deleted meanwhile
            _delete_unless_held(path)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name, files.locked(Path(name)):
        yield Path(name)


def _delete_unless_held(folder: Path) -> None:
    with (folder / files.LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
