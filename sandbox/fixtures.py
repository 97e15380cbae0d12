"""The fixtures of a test in the style of pytest: made when an argument names them, ended in the opposite order."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.sandbox import folders, pytestlike
from harness.sandbox.pytestlike import FOREIGN, Failed, Fixture


def arguments(function: Any) -> list[str]:
    """The names of the fixtures that a function wants: not those that `mock.patch` gives it."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [one.name for one in parameters if one.kind in kinds and one.default is inspect.Parameter.empty]
    mock: Any = sys.modules.get("unittest.mock")
    patches = [one for one in getattr(function, "patchings", ()) if not one.attribute_name and one.new is mock.DEFAULT]
    first = int(names[:1] == ["self"])
    return names[:first] + names[first + len(patches) :]


class Request:
    """What a fixture may ask for the test it serves."""

    def __init__(self, call: Call, param: Any = None) -> None:
        self.param = param
        self.instance = call.owner
        self.cls = None if call.owner is None else type(call.owner)
        self.function = call.test
        self.module = sys.modules.get("tests")
        self.fixturenames = list(call.values)
        name = getattr(call.test, "__name__", "")
        self.node = types.SimpleNamespace(name=name, originalname=name, nodeid=f"tests.py::{name}", cls=self.cls)
        self.addfinalizer = call.after
        self.getfixturevalue = call.value


class Call:
    """One call of a test: makes its fixtures, each once, and ends them in the opposite order."""

    def __init__(
        self,
        fixtures: Mapping[str, Fixture],
        share: Callable[[], Any],
        owner: Any,
        given: Mapping[str, Any],
        params: Mapping[str, Any],
        test: Any = None,
    ) -> None:
        self.test = test
        self.fixtures, self.share = fixtures, share
        self.owner, self.params = owner, params
        self.values: dict[str, Any] = dict(given)
        self.ends: list[Callable[[], Any]] = []
        self.after = self.ends.append

    def run(self, act: Callable[..., Any], used: Sequence[str]) -> None:
        """Runs a test with all that belongs around it."""
        try:
            for name in used:
                self.value(name)
            made = self.make(act)
            if type(made) in LAZY:
                raise Failed("the test has returned what nobody runs")
        except BaseException as problem:
            if type(problem).__module__.startswith(FOREIGN):
                raise  # nothing more can be known of this run, so nothing is to be done any more
            self.end()
            raise
        self.end()

    def end(self) -> None:
        """Runs what was left to be done at the end, the last first."""
        while self.ends:
            self.ends.pop()()

    def make(self, function: Callable[..., Any]) -> Any:
        """Calls `function` with the fixtures that its arguments name."""
        wanted = {name: self.value(name) for name in arguments(function) if name != "self"}
        made = function(**wanted)
        if inspect.iscoroutine(made):
            import asyncio

            return asyncio.run(made)
        return made

    def value(self, name: str) -> Any:
        """The value of a parameter or a fixture."""
        if name not in self.values:
            self.values[name] = self._made(name)
        return self.values[name]

    def _made(self, name: str) -> Any:
        if name == "request":
            return Request(self)
        found = self.fixtures.get(name)
        if found is None:
            return self._builtin(name)
        self.values["request"] = Request(self, self.params.get(name))
        function = found.function
        if self.owner is not None and "self" in inspect.signature(function).parameters:
            function = types.MethodType(function, self.owner)
        made = self.make(function)
        if not inspect.isgenerator(made):
            return made
        value = next(made)
        self.after(functools.partial(next, made, None))
        return value

    def _builtin(self, name: str) -> Any:
        """pytest's own fixtures that act on the process, so that the candidate must be in it."""
        if name not in BUILT_IN:
            raise LookupError(f"fixture {name!r} is not known")
        self.share()
        return BUILT_IN[name](self.after)


class Captured(NamedTuple):
    """What `readouterr` gives."""

    out: str
    err: str


class Capture:
    """`capsys`."""

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        return types.GenericAlias(cls, item)

    def __init__(self, after: Callable[[Callable[[], None]], None]) -> None:
        import io

        self.made = io.StringIO
        self.out, self.err = io.StringIO(), io.StringIO()
        self.before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.out, self.err

        def restore() -> None:
            sys.stdout, sys.stderr = self.before

        after(restore)

    @contextlib.contextmanager
    def disabled(self) -> Iterator[None]:
        """What is printed in the block is not captured."""
        now = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.before
        try:
            yield
        finally:
            sys.stdout, sys.stderr = now

    def readouterr(self) -> Any:
        """What was printed since the last time."""
        said = Captured(self.out.getvalue(), self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return said


class LogCapture:
    """`caplog`: what the test's loggers have said."""

    def __init__(self, after: Callable[[Callable[[], None]], None]) -> None:
        import logging

        self.records: list[Any] = []
        self.handler = logging.Handler()
        vars(self.handler)["emit"] = self.records.append
        self.formatter = logging.Formatter("%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s")
        self.after, self.root = after, logging.getLogger()
        self.root.addHandler(self.handler)
        after(lambda: self.root.removeHandler(self.handler))

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "".join(f"{self.formatter.format(record)}\n" for record in self.records)

    @property
    def messages(self) -> list[str]:
        """The messages alone."""
        return [record.getMessage() for record in self.records]

    @property
    def record_tuples(self) -> list[tuple[str, int, str]]:
        """Logger, level and message of each."""
        return [(record.name, record.levelno, record.getMessage()) for record in self.records]

    def clear(self) -> None:
        """Forgets what was said."""
        self.records.clear()

    def set_level(self, level: Any, logger: str | None = None) -> None:
        """Sets the level of a logger until the test ends."""
        import logging

        one = logging.getLogger(logger)
        before = one.level
        self.after(lambda: one.setLevel(before))
        one.setLevel(level)

    @contextlib.contextmanager
    def at_level(self, level: Any, logger: str | None = None) -> Iterator[None]:
        """Sets the level of a logger for a `with` block."""
        import logging

        one = logging.getLogger(logger)
        before = one.level
        one.setLevel(level)
        try:
            yield
        finally:
            one.setLevel(before)


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

    def setenv(self, name: str, value: Any) -> None:
        """Sets a variable of the environment."""
        import os

        self.setitem(os.environ, name, str(value))

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


BUILT_IN: dict[str, Callable[..., Any]] = {
    "monkeypatch": MonkeyPatch,
    "capsys": Capture,
    "capfd": Capture,
    "tmp_path": folders.temporary_folder,
    "tmp_path_factory": folders.TempPathFactory,
    "tmpdir": lambda after: folders.LocalPath(folders.temporary_folder(after)),
    "caplog": LogCapture,
    "recwarn": pytestlike.recorded_warnings,
}
"""pytest's own fixtures, by name."""
NAMES = {
    "MonkeyPatch": MonkeyPatch,
    "CaptureFixture": Capture,
    "FixtureRequest": Request,
    "LogCaptureFixture": LogCapture,
    "TempPathFactory": folders.TempPathFactory,
}
"""What pytest calls their classes, for annotations."""
LAZY = (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType, map, filter)
"""What a test may return in place of running it."""
