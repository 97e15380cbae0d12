"""Errors of the operating system as one line that names the path and the remedy."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import FileError

_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "make room there, or name a place on another disk",
    errno.EDQUOT: "make room there, or name a place on another disk",
    errno.EFBIG: "the disk takes no file of this size; name a place on another disk",
    errno.EROFS: "name a place that can be written to",
    errno.EACCES: "get the right to it, or name another place",
    errno.EPERM: "get the right to it, or name another place",
    errno.ENOENT: "was it moved or deleted? make its folder, or name another place",
    errno.ENOTDIR: "name a folder",
    errno.EEXIST: "move it away, or name another place",
    errno.EISDIR: "name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "its links lead in a circle; mend them",
    errno.EIO: "check the disk, then run the same command again",
    errno.ESTALE: "mount its disk again, then run the same command again",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs",
}


def describe_os_error(error: OSError, path: Path | None = None) -> str:
    """One line for an `OSError`: the path, the reason and the remedy; `path` replaces the file that the error names."""
    name = path if path is not None else error.filename
    what = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes | os.PathLike) else ""
    if (
        path is not None
        and error.errno in (errno.ENOTDIR, errno.EEXIST)
        and (file := file_on_the_way(path)) is not None
    ):
        return f"{what}{file} is a file; name a folder"
    why = " ".join((error.strerror or str(error) or type(error).__name__).split())[:300]
    remedy = _REMEDIES.get(error.errno or 0, "")
    return f"{what}{why}{'; ' if remedy else ''}{remedy}"


def file_on_the_way(folder: Path) -> Path | None:
    """The file in place of `folder` or of one of its parents; None where there is none.

    Raises:
        OSError: the folders cannot be looked into.
    """
    for place in (folder, *folder.parents):
        try:
            return None if stat.S_ISDIR(place.stat().st_mode) else place
        except (FileNotFoundError, NotADirectoryError):
            continue
    return None


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise an `OSError` of this block as a `FileError` that names `path`.

    Python names no file where a disk is full, and the temporary file where one is written first.
    """
    try:
        yield
    except OSError as error:
        raise FileError(describe_os_error(error, path)) from None


_NUMBER = re.compile(r"\(os error (\d+)\)")
"""How safetensors says what the operating system refused; it raises no `OSError`."""
_FULL = ("PytorchStreamWriter", "iostream error")
"""Parts of the messages of torch for a disk that takes nothing more, mostly since it is full."""


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """As `file_errors`, for libraries that write weights to `folder`."""
    from safetensors import SafetensorError

    try:
        with file_errors(folder):
            yield
    except (SafetensorError, RuntimeError) as error:
        number = _number(str(error))
        if number is None:
            raise
        why, remedy = " ".join(str(error).split())[:120], _REMEDIES.get(number, "")
        raise FileError(f"{folder}: weights cannot be written ({why}){'; ' if remedy else ''}{remedy}") from None


def _number(message: str) -> int | None:
    """The error of the operating system in the message of a library; None where it says none."""
    if found := _NUMBER.search(message):
        return int(found[1])
    for number in _REMEDIES:
        if os.strerror(number) in message:
            return number
    return errno.ENOSPC if any(part in message for part in _FULL) else None
