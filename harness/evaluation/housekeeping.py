"""What a folder of runs holds: each run with its state, age and size, and what can be deleted."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.disk import file_errors
from harness.errors import RunError
from harness.evaluation import facts, runs
from harness.evaluation.runs import (
    CHECKPOINTS,
    COMPLETIONS,
    EXECUTIONS,
    RECORDS,
    RESULT,
    RUN,
    TUNING,
    TUNINGS,
    VALIDATIONS,
)
from harness.records import digest


@dataclass(frozen=True, slots=True)
class RunState:
    """One run folder: what state it is in, whether a process works on it now, its bytes, seconds since its last write.

    Weights that a run shares with its tuning count for both.
    """

    run: str
    state: str
    running: bool
    bytes: int
    age: float


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that no run needs any more: where, what it is, and its bytes."""

    path: Path
    what: str
    bytes: int


def run_states(root: Path) -> list[RunState]:
    """Every run below `root`, finished or not, the one that was written to last first."""
    found = [_state(folder) for folder in _folders(root) if any(os.path.lexists(folder / name) for name in _OF_A_RUN)]
    return [state for _, state in sorted(found, key=lambda one: -one[0])]


_OF_A_RUN = (RUN, RESULT, RECORDS)


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _state(folder: Path) -> tuple[float, RunState]:
    """When a run was last written to, and its state; no age is less than none, although the clock may be set back."""
    stats = [path.lstat() for path in _files(folder)]
    written = max((stat.st_mtime for stat in stats), default=folder.stat().st_mtime)
    age, size = max(0.0, time.time() - written), sum(stat.st_size for stat in stats)
    return written, RunState(folder.name, _phase(folder), in_use(folder), size, age)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _phase(folder: Path) -> str:
    try:
        facts.run_facts(folder)
        if os.path.lexists(folder / RESULT):
            runs.read_row(folder)
            return "finished"
        if os.path.lexists(folder / RECORDS) or os.path.lexists(folder / EXECUTIONS):
            return "written, not scored"
        if os.path.lexists(folder / COMPLETIONS):
            lines = files.read_bytes(folder / COMPLETIONS).count(b"\n")
            return f"{lines} problems written"
    except RunError as error:
        return f"damaged: {error}"
    return "nothing written"


def in_use(folder: Path) -> bool:
    """Whether another process holds the lock of a run or tuning folder."""
    lock = folder / files.LOCK
    if not lock.is_file():
        return False
    with file_errors(lock), lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def leftovers(root: Path) -> list[Leftover]:
    """What can be deleted below `root` without losing a result; nothing of what a process works on now.

    A tuning that no run has is one of them: its runs were deleted, and it would be made again for new ones.
    """
    every = [folder for within in (root, root / TUNINGS, root / VALIDATIONS) for folder in _folders(within)]
    idle = [folder for folder in every if not in_use(folder)]
    unused = [Leftover(path, "draft of a killed command", _size(path)) for path in _drafts([root, *idle])]
    tunings = [folder for folder in idle if folder.parent == root / TUNINGS]
    used, unreadable = _tunings_in_use(root)
    for folder in tunings:
        try:
            key = _tuning_of(folder)
        except RunError as error:
            print(f"note: left as it is: {error}", file=sys.stderr)
            continue
        if key is None:
            continue  # a tuning that was interrupted is continued by its command
        if not unreadable and key not in used:
            unused.append(Leftover(folder, "tuning that no run has", _size(folder)))
        elif (folder / CHECKPOINTS).is_dir():
            unused.append(
                Leftover(folder / CHECKPOINTS, "checkpoints of a finished tuning", _size(folder / CHECKPOINTS))
            )
    return unused


def _drafts(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if path.name.startswith(files.DRAFT))


def _tunings_in_use(root: Path) -> tuple[set[str | None], bool]:
    """What the tunings of all runs depend on, and whether one run does not say; it is named, and no tuning deleted.

    Runs on validation problems are among them: what they measured is measured again without a new tuning.
    """
    used: set[str | None] = set()
    unreadable = False
    for folder in [*_folders(root), *_folders(root / VALIDATIONS)]:
        try:
            used.add(_tuning_of(folder))
        except RunError as error:
            print(f"note: {error}; until then no tuning is taken for unused", file=sys.stderr)
            unreadable = True
    return used, unreadable


def _tuning_of(folder: Path) -> str | None:
    """The digest of what the tuning of a run or tuning folder depends on; None where it has none.

    Raises:
        RunError: `tuning.json` cannot be read.
    """
    if not os.path.lexists(folder / TUNING):
        return None
    key = facts.tuning_facts(folder).key
    return None if key is None else digest(key)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def delete(leftover: Leftover) -> None:
    """Delete one leftover.

    Raises:
        FileError: the operating system refuses.
        RunError: a process has begun to work on it.
    """
    folder = leftover.path if leftover.path.is_dir() else leftover.path.parent
    with file_errors(leftover.path), files.locked(folder if (folder / files.LOCK).is_file() else folder.parent):
        if leftover.path.is_dir():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink()
