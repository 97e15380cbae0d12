"""Assertion tests in two processes of two jails, so that no candidate ever sees an expected value.

The examiner runs the test code with stand-ins for the candidate's names. A first run records the calls that the test
makes (every answer it gets is an `Anything`, every failing assertion is passed over); the candidate's own process
answers the calls, as data; a second run of the test code gets these answers and fails where an assertion fails. A call
that was not foreseen, because it depends on an earlier answer, ends the examination as "diverged", and the candidate
is asked again with the longer list.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import random
from collections.abc import Callable
from typing import Any

from harness.sandbox import values
from harness.sandbox.answers import TEXT


def examine(code: str, given: bytes, answers: bytes, say: Callable[[str], None]) -> None:
    """Runs the test `code`; says a line for each call, and how it ended."""
    Examination(json.loads(given), answers, say).run(code)


class NeedsObjects(BaseException):
    """The test passes or uses objects that have no encoding."""


class Anything:
    """Stands for an answer that is not known yet: it equals, contains and supports nearly everything."""

    def __init__(self, examination: Examination) -> None:
        vars(self)["examination"] = examination

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        vars(self)["examination"].objects = True
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        vars(self)["examination"].objects = True
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 0

    def __int__(self) -> int:
        return 0

    __index__ = __int__

    def __float__(self) -> float:
        return 0.0

    def __str__(self) -> str:
        return ""

    def _itself(self, *_: Any) -> Any:
        return self

    def _true(self, *_: Any) -> bool:
        return True

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _itself
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _itself
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __getitem__ = _itself
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _true


class Opaque:
    """Stands for the answer of `origin` that could not be carried over: it equals nothing."""

    def __init__(self, origin: str) -> None:
        self.origin = origin


class NotYet(BaseException):
    """A call whose arguments depend on an answer that is not known yet: nothing more can be foreseen."""


class Examination:
    """One run of a test's code against answers."""

    def __init__(self, given: dict[str, Any], answers: bytes, say: Callable[[str], None]) -> None:
        self.setup: str = given["setup"]
        self.entry_point: str = given["entry_point"]
        self.calls: list[Any] = given["calls"]
        self.answers = [json.loads(line) for line in answers.splitlines()]
        self.say = say
        self.made = 0
        self.speculating = False
        self.objects = False
        self.unknown = False

    def run(self, code: str) -> None:
        """Executes `code` and says how it ended: passed, failed, raised, diverged."""
        random.seed(0)
        ended, error = "passed", ""
        try:
            tree = _Patient().visit(ast.parse(code))
            exec(compile(ast.fix_missing_locations(tree), "test.py", "exec"), self._names(tree))  # noqa: S102
        except NotYet:
            pass
        except NeedsObjects:
            self.objects = True
        except AssertionError:
            ended = "failed"
        except BaseException as problem:  # noqa: BLE001 - the candidate's exception, raised again here
            ended, error = "raised", f"{type(problem).__name__}: {problem}"
        if self.speculating:
            ended = "diverged"
        end = {"end": ended, "error": error[:TEXT], "objects": self.objects, "unknown": self.unknown}
        self.say(json.dumps(end) + "\n")

    def _names(self, tree: ast.Module) -> dict[str, Any]:
        """The test's globals: the setup's own names, and a stand-in for each name that only the candidate has."""
        names: dict[str, Any] = {"__name__": "test"}
        with contextlib.suppress(Exception):  # a prompt may stop in the middle of a statement
            exec(compile(self.setup, "setup.py", "exec"), names)  # noqa: S102
        bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not _loads(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.alias):
                bound.add((node.asname or node.name).partition(".")[0])
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id not in bound | names.keys() and not hasattr(builtins, node.id):
                names[node.id] = self._stand_in(node.id)
        names[self.entry_point] = self._stand_in(self.entry_point)
        names["_passed_over"] = lambda: self.speculating
        return names

    def _stand_in(self, name: str) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **keywords: Any) -> Any:
            return self._call(name, arguments, keywords)

        stand_in.__name__ = name
        return stand_in

    def _call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        try:
            given = [values.plain(item) for item in arguments]
            call = [name, given, [[key, values.plain(item)] for key, item in keywords.items()]]
        except values.Unknown:
            raise self._without_encoding([*arguments, *keywords.values()]) from None
        self.say(json.dumps({"call": call}) + "\n")
        number, self.made = self.made, self.made + 1
        foreseen = number < min(len(self.calls), len(self.answers)) and self.calls[number] == call
        if self.speculating or not foreseen:
            self.speculating = True
            return Anything(self)
        return self._replay(name, self.answers[number], arguments)

    def _without_encoding(self, arguments: list[Any]) -> BaseException:
        """Why a call cannot be carried over.

        The test may need objects of the candidate's; but a candidate whose answer is an object where the test asked
        for a value does not get a process that it shares with the test.
        """
        if self.speculating:
            return NotYet()
        if any(isinstance(item, Opaque) and item.origin == self.entry_point for item in arguments):
            return TypeError(f"{self.entry_point} returned an object that is no plain value")
        return NeedsObjects()

    def _replay(self, name: str, said: dict[str, Any], arguments: tuple[Any, ...]) -> Any:
        if "raised" in said:
            raised, text = said["raised"]
            kind = getattr(builtins, str(raised), None)
            if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
                raise kind(str(text))
            raise RuntimeError(f"{raised}: {text}")
        for argument, after in zip(arguments, said.get("arguments", ()), strict=False):
            _change(argument, values.revive(after))
        if "value" not in said:
            self.unknown = True
            return Opaque(name)
        return values.revive(said["value"])


def _loads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _change(argument: Any, after: Any) -> None:
    """What the candidate did to an argument in its process happens to the test's own object too."""
    if isinstance(argument, list) and isinstance(after, list):
        argument[:] = after
    elif isinstance(argument, dict | set) and isinstance(after, dict | set):
        argument.clear()
        argument.update(after)


class _Patient(ast.NodeTransformer):
    """Lets the test go on after an assertion about an answer that is not known yet."""

    _TEMPLATE = "try:\n    pass\nexcept Exception:\n    if not _passed_over():\n        raise"

    def visit_Assert(self, node: ast.Assert) -> ast.AST:  # noqa: N802 - the name that ast asks for
        attempt = ast.parse(self._TEMPLATE).body[0]
        assert isinstance(attempt, ast.Try)
        attempt.body = [node]
        return ast.copy_location(attempt, node)
