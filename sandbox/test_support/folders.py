"""The folders that pytest's fixtures give a test: `tmp_path`, `tmp_path_factory`, `tmpdir`."""

from __future__ import annotations

import itertools
from typing import Any


def temporary_folder(_: Any) -> Any:
    """A new folder."""
    import pathlib
    import tempfile

    return pathlib.Path(tempfile.mkdtemp())


class TempPathFactory:
    """`tmp_path_factory`."""

    def __init__(self, after: Any) -> None:
        self._base = temporary_folder(after)

    def getbasetemp(self) -> Any:
        """The folder of all folders."""
        return self._base

    def mktemp(self, basename: str, numbered: bool = True) -> Any:
        """A new folder."""
        made = self._base / basename
        if numbered:
            made = next(one for n in itertools.count() if not (one := self._base / f"{basename}{n}").exists())
        made.mkdir()
        return made


class LocalPath:
    """`tmpdir`: a path in the older style of pytest."""

    def __init__(self, path: Any) -> None:
        self._path = path
        self.strpath = str(path)
        self.basename: str = path.name

    def __fspath__(self) -> str:
        return self.strpath

    __str__ = __fspath__

    def __repr__(self) -> str:
        return f"local({self.strpath!r})"

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "__fspath__") and other.__fspath__() == self.strpath

    def __hash__(self) -> int:
        return hash(self.strpath)

    def join(self, *parts: Any) -> LocalPath:
        """A path below this one."""
        return LocalPath(self._path.joinpath(*map(str, parts)))

    __truediv__ = join

    def mkdir(self, *parts: Any) -> LocalPath:
        """Makes a folder."""
        made = self.join(*parts)
        made._path.mkdir()
        return made

    def ensure(self, *parts: Any, dir: bool = False) -> LocalPath:  # noqa: A002 - its name in pytest
        """Makes a file or a folder, with those above it, where there is none."""
        made = self.join(*parts)
        (made._path if dir else made._path.parent).mkdir(parents=True, exist_ok=True)
        if not dir:
            made._path.touch()
        return made

    def write(self, data: Any, mode: str = "w", ensure: bool = False) -> None:
        """Writes a file anew."""
        if ensure:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open(mode) as file:
            file.write(data)

    def write_text(self, data: str, encoding: str) -> None:
        """Writes a text."""
        self._path.write_text(data, encoding)

    def read(self, mode: str = "r") -> Any:
        """What is in the file."""
        with self._path.open(mode) as file:
            return file.read()

    def read_text(self, encoding: str) -> str:
        """The text that is in the file."""
        return str(self._path.read_text(encoding))

    def check(self, file: bool = False, dir: bool = False) -> bool:  # noqa: A002
        """Whether it is there, as a file or a folder where that is asked."""
        return bool(self._path.is_file() if file else self._path.is_dir() if dir else self._path.exists())

    exists = check

    def listdir(self) -> list[LocalPath]:
        """What is in the folder."""
        return [LocalPath(one) for one in sorted(self._path.iterdir())]

    def remove(self) -> None:
        """Deletes the file, or the folder with all in it."""
        import shutil

        shutil.rmtree(self._path) if self._path.is_dir() else self._path.unlink()
