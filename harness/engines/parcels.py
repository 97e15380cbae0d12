"""Files as pieces of bytes with digests: how run folders travel between machines that share no file system."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness import files
from harness.disk import file_errors
from harness.errors import HarnessError
from harness.evaluation.runs import RESULT, TUNING, TUNINGS, VALIDATIONS

PIECE_BYTES = 32 << 20
"""Most bytes of a piece, which is held in memory at both ends."""

Contents = Mapping[str, str]
"""The sha256 of each file by its path below the folder of runs."""


class ArrivedTorn(HarnessError):
    """A file is not what its sender has read."""


def contents(root: Path, folders: Iterable[str]) -> dict[str, str]:
    """The files of some folders below `root`, without locks and drafts."""
    found = (path for folder in folders for path in sorted((root / folder).rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): files.file_digest(path) for path in found if not _is_passing(path)}


def _is_passing(path: Path) -> bool:
    return path.name == files.LOCK or any(part.startswith(files.DRAFT) for part in path.parts)


def pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece; an empty one is one piece."""
    with file_errors(path), path.open("rb") as file:
        piece = file.read(PIECE_BYTES)
        yield piece
        while piece := file.read(PIECE_BYTES):
            yield piece


class Inbox:
    """A folder in which files arrive under their digests before they are put into their places."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, digest: str, piece: bytes) -> None:
        """Add the next piece of a file."""
        with file_errors(self._folder), (self._folder / digest).open("ab") as file:
            file.write(piece)

    def deliver(self, found: Contents, root: Path) -> None:
        """Put files into place below `root`: tunings, then runs, in each the file last that says that it is whole.

        Whoever calls holds the runs; a tuning that is there already stays.

        Raises:
            ArrivedTorn: a file is not what was sent; nothing was put into place.
        """
        for path, digest in found.items():
            if files.file_digest(self._folder / digest) != digest:
                raise ArrivedTorn(f"{path}: arrived torn")
        folders: dict[Path, dict[str, str]] = {}
        for path, digest in found.items():
            parts = Path(path).parts
            depth = 2 if parts[0] in (TUNINGS, VALIDATIONS) else 1
            folders.setdefault(Path(*parts[:depth]), {})[str(Path(*parts[depth:]))] = digest
        for folder in sorted(folders, key=lambda folder: folder.parts[0] != TUNINGS):
            if folder.parts[0] != TUNINGS:
                self._fill(root / folder, folders[folder], RESULT)
                continue
            with files.locked(root / folder, wait_for="this tuning"):
                if not (root / folder / TUNING).is_file():
                    self._fill(root / folder, folders[folder], TUNING)

    def _fill(self, folder: Path, wanted: Contents, last: str) -> None:
        """Make `wanted` the files of `folder`. Without `last` it is unfinished and can be continued at any moment."""
        with file_errors(folder):
            (folder / last).unlink(missing_ok=True)
            for name in wanted.keys() - {last}:
                self._place(folder / name, wanted[name])
            _delete_others(folder, wanted)
            if last in wanted:
                self._place(folder / last, wanted[last])

    def _place(self, path: Path, digest: str) -> None:
        # Weights are never written to again, so that those of a run and of its tuning can be one file.
        files.place(self._folder / digest, path, link="adapter" in path.parts)


def _delete_others(folder: Path, wanted: Contents) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        if path.is_dir():
            with contextlib.suppress(OSError):  # not empty
                path.rmdir()
        elif not _is_passing(path) and str(path.relative_to(folder)) not in wanted:
            path.unlink()


def whole_tunings(root: Path) -> list[str]:
    """The finished tunings below `root`, as folders below it."""
    folder = root / TUNINGS
    return sorted(f"{TUNINGS}/{path.parent.name}" for path in folder.glob(f"*/{TUNING}"))
