"""Files that survive SIGKILL: JSON replaced as a whole, JSON lines appended, folders locked, digests.

Whole files are written beside their place, synced and renamed; lines are appended and synced. A torn last line is cut
off and said so; what it belonged to is done again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from harness.disk import describe_os_error, file_errors
from harness.errors import FileError, RunError
from harness.records import digest, to_json

LOCK = ".lock"
"""The file of a folder that a process holds while it works on it."""
DRAFT = ".writing."
"""How the name begins of what is being written, and of what a killed command left behind."""


SEAL = "sha256"
"""Key of an object in a file: the digest of all its other keys, by which an alteration is seen."""
MOST_BYTES, MOST_LEVELS = 1 << 28, 64
"""Limits of a JSON file: its bytes, and how deep values may lie in each other."""


def write_json(path: Path, value: Any) -> None:
    """Replace `path` with the JSON of `value`, all or nothing."""
    write_text(path, json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n")


def write_sealed(path: Path, value: Any) -> None:
    """The same for an object, under a digest that `read_json` checks."""
    write_json(path, _sealed(value))


def _sealed(value: Any) -> Any:
    plain = to_json(value)
    if type(plain) is not dict:
        return plain
    plain.pop(SEAL, None)
    return {**plain, SEAL: digest(plain)}


def _unsealed(value: Any) -> Any:
    """`value` without its seal; as it is where it has none, as in files of earlier versions.

    Raises:
        ValueError: it is not what was sealed.
    """
    if type(value) is dict and SEAL in value:
        seal = value.pop(SEAL)
        if seal != digest(value):
            raise ValueError("changed since it was written")
    return value


def write_text(path: Path, text: str) -> None:
    """Replace `path` with `text`, all or nothing.

    Raises:
        FileError: it cannot be written; what was there is still there.
    """
    with file_errors(path):
        draft = _draft(path)
        try:
            with draft.open("x", encoding="utf-8", errors="surrogatepass") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def link_folder(source: Path, target: Path) -> None:
    """Make `target` a folder with the files of `source`, all or nothing: hard links, or copies on another disk.

    Such a folder is whole wherever it is copied or packed, and takes no room twice.

    Raises:
        FileError: it cannot be made.
    """
    with file_errors(target):
        draft = _draft(target)
        try:
            shutil.copytree(source, draft, copy_function=_link_or_copy)
            draft.replace(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _sync_folder(target.parent)


def open_to_others(folder: Path) -> None:
    """Give the files below `folder`, which this process has made with `mkdir`, the mode that the user's others get.

    Some libraries write theirs for their owner alone. The mode of the folder says what the user gives; so a second
    member of a shared folder reads them as any other file.
    """
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*"):
        if file.is_file() and file.stat().st_mode & 0o777 != mode:
            file.chmod(mode)


def place(source: Path, target: Path, *, link: bool = False) -> None:
    """Make `target` a copy of a file, all or nothing; with `link` a hard link where the disk has them.

    Raises:
        FileError: it cannot be made; what was there is still there.
    """
    with file_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(target)
        try:
            (_link_or_copy if link else shutil.copyfile)(str(source), str(draft))
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without hard links
        shutil.copy2(source, target)


def _draft(path: Path) -> Path:
    """A name beside `path` for what is to replace it; the file gets the mode and group that the user's others get."""
    return path.parent / f"{DRAFT}{secrets.token_hex(8)}"


def read_json(path: Path) -> Any:
    """The JSON of `path`, without its seal.

    Raises:
        RunError: it is missing, torn, altered or cannot be read.
    """
    data = read_bytes(path)
    try:
        value = _parse(data.decode("utf-8", "surrogatepass"))
        if _too_deep(value):
            raise ValueError(f"more than {MOST_LEVELS} levels")
        return _unsealed(value)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: {_why(error)}; delete the folder to run it again") from None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of a run; a pipe or a device in its place is not waited for.

    Raises:
        RunError: it is missing, no file, larger than `MOST_BYTES`, or cannot be read.
    """
    try:
        with _open(path) as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise RunError(f"{path}: larger than {MOST_BYTES >> 20} MiB, which no file of this kind is")
            return file.read()
    except OSError as error:
        raise _unreadable(path, error) from None


def _open(path: Path) -> io.BufferedReader:
    """`path`, open for reading.

    Raises:
        RunError: it is no regular file.
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise RunError(f"{path}: not a file; move it away, or delete the folder to run it again")
    return os.fdopen(handle, "rb")


def _unreadable(path: Path, error: OSError) -> RunError:
    if isinstance(error, FileNotFoundError):
        return RunError(f"{path}: no such file")
    return RunError(describe_os_error(error, path))


_LONG_NUMBER = re.compile(r"\d{19}")
_LARGEST = 1 << 63


def _parse(text: str) -> Any:
    """The value of a JSON text whose whole numbers fit 64 bits.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is too deep for the parser.
    """
    return json.loads(text, parse_int=_whole_number) if _LONG_NUMBER.search(text) else json.loads(text)


def _whole_number(text: str) -> int:
    if len(text) > 20 or not -_LARGEST <= int(text) < 2 * _LARGEST:
        raise ValueError(f"the number {text[:20]}… is too large")
    return int(text)


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for one in level
            if type(one) in (dict, list)
            for inner in (one.values() if type(one) is dict else one)
        ]
        if not level:
            return False
    return True


def _why(error: ValueError | RecursionError) -> str:
    """What is wrong with a text that should be JSON."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return f"not JSON ({error})"
    return "not JSON (too many levels)" if isinstance(error, RecursionError) else str(error)


def line(value: Any) -> str:
    """`value` as one JSON line."""
    return json.dumps(to_json(value), ensure_ascii=False) + "\n"


def sealed_line(value: Any) -> str:
    """The same for an object, under a digest that `lines` checks."""
    return line(_sealed(value))


def append(path: Path, value: Any) -> None:
    """Add a JSON line to `path`, in one write, synced; an object is sealed, and a torn last line cut off first.

    Raises:
        FileError: it cannot be written; a torn line is cut off again, now or by whoever reads it with `repair`.
    """
    data = memoryview(sealed_line(value).encode("utf-8", "surrogatepass"))
    with file_errors(path), contextlib.ExitStack() as stack:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        stack.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX)  # two studies may share a log
        _cut_torn_line(handle, path)
        before = os.fstat(handle).st_size
        try:
            while data:  # a disk that is nearly full takes a part of it
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, before)
            raise


def _cut_torn_line(handle: int, path: Path) -> None:
    """Cut off what stands behind the last end of a line: a crash tore it."""
    end = size = os.fstat(handle).st_size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        part = os.pread(handle, min(end, 1 << 16), max(0, end - (1 << 16)))
        end = end - len(part) + part.rfind(b"\n") + 1
    if end < size:
        print(f"note: {path}: a torn last line was cut off; what it held is done again", file=sys.stderr)
        os.ftruncate(handle, end)
        os.fsync(handle)


def _repair(path: Path) -> None:
    try:
        with _open(path), contextlib.ExitStack() as stack:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            _cut_torn_line(handle, path)
    except OSError as error:
        raise _unreadable(path, error) from None


def lines(path: Path, *, repair: bool = False) -> Iterator[Any]:
    """The JSON lines of `path`, without their seals; nothing when it does not exist.

    A last line without its end was torn by a crash: with `repair` it is cut off the file, else it is an error.

    Raises:
        RunError: the file cannot be read, or a line is not JSON or altered; names file and line.
    """
    if not os.path.lexists(path):
        return
    if repair:
        _repair(path)
    try:
        with _open(path) as file:
            for number, data in enumerate(file, 1):
                if not data.endswith(b"\n"):
                    raise RunError(f"{path}: the last line is torn; run the same command again to mend it")
                yield _line_value(data, f"{path}, line {number}")
    except OSError as error:
        raise _unreadable(path, error) from None


def _line_value(data: bytes, where: str) -> Any:
    try:
        return _unsealed(_parse(data.decode("utf-8", "surrogatepass")))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where}: {_why(error)}; delete that line to do it again") from None


@contextlib.contextmanager
def locked(folder: Path, *, wait_for: str = "") -> Iterator[None]:
    """Hold `folder` for this process; two commands never write one run at the same time.

    Where another process holds it, that is an error; or, with `wait_for` (what the other is making), it is waited for.

    Raises:
        RunError: another process holds it.
        FileError: the folder cannot be made, or its disk has no locks.
    """
    with file_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    with file:
        try:
            _lock(file, folder, wait_for)
        except BlockingIOError:
            raise RunError(f"{folder}: another process is making this; try again when it has ended") from None
        except OSError as error:  # some network disks have no locks
            raise FileError(describe_os_error(error, folder)) from None
        yield


def _lock(file: IO[str], folder: Path, wait_for: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait_for:
            raise
        print(f"note: {folder}: another process is making {wait_for}; waiting for it", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_digest(path: Path, count: int | None = None) -> str:
    """sha256 (hex) of the bytes of `path`; of the first `count` where that is given.

    Raises:
        RunError: it is missing or cannot be read.
    """
    try:
        with _open(path) as file:
            if count is None:
                return hashlib.file_digest(file, "sha256").hexdigest()
            return hashlib.sha256(file.read(count)).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def stamp(path: Path) -> dict[str, Any]:
    """By what a file is known again: its bytes and sha256.

    Raises:
        RunError: it is missing or cannot be read.
    """
    found = file_digest(path)
    return {"bytes": path.stat().st_size, "sha256": found}
