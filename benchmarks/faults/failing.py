"""A disk that fails: one operation on a file, or all from there on, end with EIO; then the same command again.

The layer is Python's own: what `open`, `os` and pathlib do is seen, what a library of Rust or C++ does is not.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Said, in_child, invoke, result_of, run

_NAMED = frozenset(f"os.{one}" for one in ("rename", "remove", "mkdir", "rmdir", "link", "listdir", "scandir")) | {
    "open"
}
"""Audit events whose first argument is a path."""
_BY_NUMBER = ("read", "write", "pread", "pwrite", "fsync", "ftruncate", "sendfile")
"""Functions of `os` whose first argument is a descriptor."""


@dataclass
class Layer:
    """Counts the operations on files below `places`; at number `at` they fail, `lasting` for good on the same file."""

    places: tuple[str, ...]
    at: int = 0
    lasting: bool = False
    count: int = 0
    failed: str = ""
    """The operation that failed first, and its file."""
    _broken: str = ""
    _busy: bool = field(default=False, repr=False)

    def operation(self, what: str, path: object) -> None:
        """Count an operation, and raise where it is to fail.

        Raises:
            OSError: EIO; with the path where Python gives one.
        """
        if self._busy:
            return
        self._busy = True
        try:
            name = self._name(path)
        finally:
            self._busy = False
        if not self._inside(name):
            return
        self.count += 1
        if self.count == self.at or (self.lasting and name == self._broken):
            self._broken = name
            self.failed = self.failed or f"{what} {name}"
            why = os.strerror(errno.EIO)
            raise OSError(errno.EIO, why) if isinstance(path, int) else OSError(errno.EIO, why, name)

    def _inside(self, name: str) -> bool:
        return any(name == place or name.startswith(f"{place}/") for place in self.places)

    def _name(self, path: object) -> str:
        if isinstance(path, int):
            try:
                return str(Path(f"/proc/self/fd/{path}").readlink()).removesuffix(" (deleted)")
            except OSError:
                return ""
        return str(Path(os.fsdecode(path)).absolute()) if isinstance(path, str | bytes | os.PathLike) else ""

    def install(self) -> None:
        """Put the layer below this process, for good."""

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _NAMED and not isinstance(arguments[0], int):
                self.operation(event, arguments[0])

        sys.addaudithook(audit)
        for name in _BY_NUMBER:
            setattr(os, name, self._watched(name, getattr(os, name)))
        opened = self._opening(io.open)
        io.open = builtins.open = opened  # type: ignore[assignment]
        shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined] # it gives the error of `os.sendfile` up for a copy

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(handle: Any, *more: Any, **named: Any) -> Any:
            self.operation(name, handle)
            return call(handle, *more, **named)

        return watched

    def _opening(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def opening(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
            name = self._name(file)
            if not self._inside(name):
                return plain(file, mode, buffering, *more, **named)
            given = dict(zip(("encoding", "errors", "newline", "closefd", "opener"), more, strict=False)) | named
            raw = _Raw(self, file, mode.replace("t", "").replace("b", ""), given)
            if "b" in mode and buffering == 0:
                return raw
            buffer: Any = io.BufferedReader(raw) if "r" in mode else io.BufferedWriter(raw)
            if "+" in mode:
                buffer = io.BufferedRandom(raw)
            if "b" in mode:
                return buffer
            return io.TextIOWrapper(buffer, given.get("encoding"), given.get("errors"), given.get("newline"))

        return opening


class _Raw(io.FileIO):
    """A file whose reads and writes are operations of the layer."""

    def __init__(self, layer: Layer, file: Any, mode: str, given: dict[str, Any]) -> None:
        super().__init__(file, mode, given.get("closefd", True), given.get("opener"))
        self._layer = layer

    def readinto(self, buffer: Any) -> Any:
        self._layer.operation("read", self.fileno())
        return super().readinto(buffer)

    def readall(self) -> bytes:
        self._layer.operation("read", self.fileno())
        return super().readall()

    def write(self, data: Any) -> Any:
        self._layer.operation("write", self.fileno())
        return super().write(data)


@dataclass(frozen=True)
class Whole:
    """A run on a good disk: its words, its result, and how many operations it made."""

    words: Callable[[Path], list[str]]
    places: tuple[Path, ...]
    result: str
    operations: int

    def layer(self, root: Path, at: int = 0, *, lasting: bool = False) -> Layer:
        return Layer(tuple(map(str, (root, *self.places))), at, lasting)


def undisturbed(words: Callable[[Path], list[str]], root: Path, places: tuple[Path, ...]) -> Whole:
    """Make the run of `words` in `root` once; files in `places`, as the model and the data, count too."""
    whole = Whole(words, places, "", 0)
    said, count, _ = _with(whole.layer(root), words(root))
    if said.status:
        raise RuntimeError(said.err)
    return Whole(words, places, result_of(root), count)


def _with(layer: Layer, words: list[str]) -> tuple[Said, int, str]:
    def work() -> list[Any]:
        layer.install()
        said = invoke(words)
        return [[said.status, said.out, said.err], layer.count, layer.failed]

    said, count, failed = in_child(work)
    return Said(*said), count, failed


def fail(whole: Whole, root: Path, rng: random.Random) -> tuple[int, str, str]:
    """A run with an error at a random operation, and again without: its exit status, where and what it said, a fault.

    The fault is "" where the run ends with one line that names the file (or its folder, of a draft), or goes on to an
    equal result; and the second one ends with an equal result.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    layer = whole.layer(root, rng.randrange(1, whole.operations + 1), lasting=rng.random() < 0.5)
    first, _, failed = _with(layer, whole.words(root))
    kind = "lasting" if layer.lasting else "once"
    where = f"{kind}, operation {layer.at} of {whole.operations}, {failed}: {_last(first)}"
    if fault := _fault(first, failed, whole, root):
        return first.status, f"{where}\n{first.err[-2000:]}", fault
    if not layer.lasting and (drafts := [str(one) for one in root.rglob(".writing.*")]):
        return first.status, where, f"left behind: {drafts[0]}"
    second = run(whole.words(root))
    if second.status:
        return first.status, f"{where}\n{second.err[-600:]}", "not finished on a good disk"
    return first.status, where, "" if result_of(root) == whole.result else "another result"


def _fault(said: Said, failed: str, whole: Whole, root: Path) -> str:
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    if said.traceback:
        return "traceback"
    if not said.status:
        return "" if result_of(root) == whole.result else "another result in spite of an error"
    if said.status != 1 or len(lines) != 1:
        return "no single line"
    path = Path(failed.partition(" ")[2])
    told = said.err + said.out  # a study tells of its cells on stdout
    return "" if str(path) in told or f"{path.parent}" in told else "unnamed"


def _last(said: Said) -> str:
    return (said.err.strip().splitlines() or [""])[-1][:300]
