"""What pytest's fixture `monkeypatch` changes for a test, and takes back."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any


class MonkeyPatch:
    """`monkeypatch`: changes that end with the test."""

    def __init__(self, after: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._ends: list[Callable[[], None]] = []
        self.after = self._ends.append
        if after:
            after(self.undo)

    def undo(self) -> None:
        """Takes all of its changes back, the last first."""
        while self._ends:
            self._ends.pop()()

    @classmethod
    @contextlib.contextmanager
    def context(cls) -> Iterator[MonkeyPatch]:
        """One whose changes end with a `with` block."""
        made = cls()
        try:
            yield made
        finally:
            made.undo()

    def setattr(self, target: Any, name: Any, *value: Any, raising: bool = True) -> None:
        """Sets an attribute of an object, or of what a dotted path names."""
        if isinstance(target, str):
            path, _, last = target.rpartition(".")
            target, name, value = _resolve(path), last, (name,)
        missing = object()
        before = (
            inspect.getattr_static(target, name, missing) if inspect.isclass(target) else getattr(target, name, missing)
        )
        if raising and before is missing:
            raise AttributeError(f"{target!r} has no attribute {name!r}")
        self.after(lambda: delattr(target, name) if before is missing else setattr(target, name, before))
        setattr(target, name, *value)

    def delattr(self, target: Any, name: str = "", raising: bool = True) -> None:
        """Deletes an attribute of an object, or of what a dotted path names."""
        if isinstance(target, str):
            path, _, name = target.rpartition(".")
            target = _resolve(path)
        if raising or hasattr(target, name):
            before = inspect.getattr_static(target, name) if inspect.isclass(target) else getattr(target, name)
            self.after(lambda: setattr(target, name, before))
            delattr(target, name)

    def setitem(self, mapping: Any, key: Any, value: Any) -> None:
        """Sets an item."""
        had, before = key in mapping, mapping.get(key)
        self.after(lambda: mapping.__setitem__(key, before) if had else mapping.pop(key, None))
        mapping[key] = value

    def delitem(self, mapping: Any, key: Any, raising: bool = True) -> None:
        """Deletes an item."""
        if raising or key in mapping:
            before = mapping.pop(key)
            self.after(lambda: mapping.__setitem__(key, before))

    def setenv(self, name: str, value: Any, prepend: str | None = None) -> None:
        """Sets a variable of the environment; `prepend` stands between it and what was there."""
        import os

        before = f"{prepend}{os.environ[name]}" if prepend and name in os.environ else ""
        self.setitem(os.environ, name, f"{value}{before}")

    def syspath_prepend(self, path: Any) -> None:
        """Has modules looked for in this folder first."""
        import importlib

        before = sys.path[:]
        self.after(lambda: sys.path.__setitem__(slice(None), before))
        sys.path.insert(0, str(path))
        importlib.invalidate_caches()

    def delenv(self, name: str, raising: bool = True) -> None:
        """Deletes a variable of the environment."""
        import os

        self.delitem(os.environ, name, raising)

    def chdir(self, path: Any) -> None:
        """Changes the working folder."""
        import os

        before = os.getcwd()  # noqa: PTH109 - what is restored as it was
        self.after(lambda: os.chdir(before))
        os.chdir(path)


def _resolve(path: str) -> Any:
    __import__(path.partition(".")[0])
    found = sys.modules[path.partition(".")[0]]
    for part in path.split(".")[1:]:
        found = getattr(found, part)
    return found
