"""The fixtures of a test in the style of pytest: made when an argument names them, ended in the opposite order."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.sandbox.test_support import folders, recording
from harness.sandbox.test_support.capturing import Capture, LogCapture
from harness.sandbox.test_support.failing import Failed
from harness.sandbox.test_support.patching import MonkeyPatch
from harness.sandbox.test_support.pytestlike import FOREIGN, Fixture


def arguments(function: Any) -> list[str]:
    """The names of the fixtures that a function wants: not those that `mock.patch` gives it."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [one.name for one in parameters if one.kind in kinds and one.default is inspect.Parameter.empty]
    mock: Any = sys.modules.get("unittest.mock")
    patches = [one for one in getattr(function, "patchings", ()) if not one.attribute_name and one.new is mock.DEFAULT]
    first = int(names[:1] == ["self"])
    return names[:first] + names[first + len(patches) :]


class Config:
    """`request.config`: of a run of pytest without options."""

    def getoption(self, name: str, default: Any = None, skip: bool = False) -> Any:  # noqa: ARG002
        """The default: no option is set."""
        return default

    def getini(self, name: str) -> Any:  # noqa: ARG002
        """What no file sets."""
        return ""


class Request:
    """What a fixture, `name`, may ask for the test it serves."""

    scope = "function"

    def __init__(self, call: Call, name: str | None = None) -> None:
        if name is not None and name in call.params:
            self.param = call.params[name]
        self.fixturename = name
        self.config = Config()
        self.instance = call.owner
        self.cls = None if call.owner is None else type(call.owner)
        self.function = call.test
        self.module = sys.modules.get("tests")
        self.fixturenames = [*dict.fromkeys([*call.values, *([] if name is None else [name])])]
        self.node = _node(call, self.cls)
        self.addfinalizer = call.after
        self.getfixturevalue = call.value


def _node(call: Call, owner: Any) -> Any:
    """`request.node`: the test, with the ids of its parameters."""
    plain = getattr(call.test, "__name__", "")
    name = f"{plain}[{call.label}]" if call.label else plain
    path = "::".join(["tests.py", *([owner.__name__] if owner else []), name])
    marks = list(getattr(call.test, "pytestmark", ()))

    def closest(wanted: str, default: Any = None) -> Any:
        return next((one for one in reversed(marks) if one.name == wanted), default)

    return types.SimpleNamespace(
        name=name, originalname=plain, nodeid=path, cls=owner, function=call.test, own_markers=marks,
        get_closest_marker=closest, iter_markers=lambda wanted=None: [m for m in marks if wanted in (None, m.name)],
    )  # fmt: skip


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
        label: str = "",
    ) -> None:
        self.test, self.label = test, label
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
        self.values["request"] = Request(self, name)
        function = found.function
        generates = inspect.isgeneratorfunction(function)
        if self.owner is not None and "self" in inspect.signature(function).parameters:
            function = types.MethodType(function, self.owner)
        made = self.make(function)
        if not generates:
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


BUILT_IN: dict[str, Callable[..., Any]] = {
    "monkeypatch": MonkeyPatch,
    "capsys": Capture,
    "capfd": Capture,
    "tmp_path": folders.temporary_folder,
    "tmp_path_factory": folders.TempPathFactory,
    "tmpdir": lambda after: folders.LocalPath(folders.temporary_folder(after)),
    "caplog": LogCapture,
    "recwarn": recording.recorded_warnings,
    "pytestconfig": lambda _: Config(),
    "record_property": lambda _: lambda _name, _value: None,
}
"""pytest's own fixtures, by name."""
NAMES = {
    "MonkeyPatch": MonkeyPatch,
    "CaptureFixture": Capture,
    "FixtureRequest": Request,
    "LogCaptureFixture": LogCapture,
    "TempPathFactory": folders.TempPathFactory,
    "WarningsRecorder": recording.WarningsRecorder,
}
"""What pytest calls their classes, for annotations."""
LAZY = (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType, map, filter)
"""What a test may return in place of running it."""
