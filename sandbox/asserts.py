"""Assertion tests in two processes of two jails, so that no candidate ever sees an expected value.

The examiner runs the test code with stand-ins for the candidate's names. A first run records the calls that the test
makes (every answer it gets is an `Anything`, every failing assertion is passed over); the candidate's own process
answers the calls, as data; a second run of the test code gets these answers and fails where an assertion fails. A call
that was not foreseen, because it depends on an earlier answer, ends the examination as "diverged", and the candidate
is asked again with the longer list.

Objects of the candidate's stay in its process: reading and setting their attributes, calling them and passing them on
are calls like the others, which name the earlier result that they are about.
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
from harness.sandbox.answers import TEXT, TYPES


def examine(code: str, given: bytes, answers: bytes, say: Callable[[str], None]) -> None:
    """Runs the test `code`; says a line for each call, and how it ended."""
    Examination(json.loads(given), answers, say).run(code)


class NeedsObjects(BaseException):
    """The test passes objects that have no encoding, or asks what only the candidate's process knows."""


class Theirs(values.Marked):
    """Stands for something of the candidate's: its attributes and calls are the candidate's to answer."""

    def __init__(self, examination: Examination, mark: dict[str, Any] | None) -> None:
        super().__init__(mark)
        vars(self)["__examination__"] = examination

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return vars(self)["__examination__"].use(".get", (self, name), {})

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["__examination__"].use(".set", (self, name, value), {})

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return vars(self)["__examination__"].use(".call", (self, *arguments), keywords)


class StandIn(Theirs):
    """A name of the candidate's: a function or a class."""

    def __init__(self, examination: Examination, name: str) -> None:
        super().__init__(examination, {"name": name})
        vars(self)["__name__"] = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return vars(self)["__examination__"].call(vars(self)["__name__"], arguments, keywords)

    def __instancecheck__(self, _: object) -> bool:
        raise NeedsObjects


class Anything(Theirs):
    """An answer that is not known yet: it equals, contains and supports nearly everything."""

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

    def _another(self, *_: Any) -> Any:
        return Anything(vars(self)["__examination__"], None)

    def _true(self, *_: Any) -> bool:
        return True

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _another
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _another
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _another
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __getitem__ = _another
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _true


class Opaque(Theirs):
    """An answer that could not be carried over: it equals nothing."""

    def _refuse(self, *_: Any) -> Any:
        vars(self)["__examination__"].stuck = True
        raise TypeError("an object of the candidate's, no plain value")

    def __eq__(self, _: object) -> bool:
        vars(self)["__examination__"].stuck = True
        return False

    def __bool__(self) -> bool:
        vars(self)["__examination__"].stuck = True
        return True

    __hash__ = object.__hash__
    __iter__ = __len__ = __contains__ = __getitem__ = __int__ = __index__ = __float__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __enter__ = __exit__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __str__ = __repr__ = __abs__ = __neg__ = __round__ = _refuse


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
        """Whether the test needs the candidate's process."""
        self.used = False
        """Whether the test takes answers for objects."""
        self.stuck = False
        """Whether it took an object for a value."""

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
        end = {"end": ended, "error": error[:TEXT], "objects": self.objects, "used": self.used, "stuck": self.stuck}
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
                names[node.id] = StandIn(self, node.id)
        names[self.entry_point] = StandIn(self, self.entry_point)
        names["_passed_over"] = lambda: self.speculating
        return names

    def use(self, operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The answer to what the test does with something of the candidate's."""
        self.used = True
        return self.call(operation, arguments, keywords)

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The candidate's answer to a call, or an `Anything`."""
        try:
            given = [_carried(item) for item in arguments]
            call = [name, given, [[key, _carried(item)] for key, item in keywords.items()]]
        except values.Unknown:
            raise (NotYet if self.speculating else NeedsObjects) from None
        self.say(json.dumps({"call": call}) + "\n")
        number, self.made = self.made, self.made + 1
        foreseen = number < min(len(self.calls), len(self.answers)) and self._same(self.calls[number], call)
        if self.speculating or not foreseen:
            self.speculating = True
            return Anything(self, {"result": number})
        return self._replay(number, arguments)

    def _same(self, foreseen: Any, made: Any) -> bool:
        """Whether a call is the one that was foreseen, which may name results that are known by now."""
        if foreseen == made:
            return True
        if isinstance(foreseen, list) and isinstance(made, list):
            return len(foreseen) == len(made) and all(map(self._same, foreseen, made))
        if not (isinstance(foreseen, dict) and "result" in foreseen):
            return False
        said = self.answers[foreseen["result"]]
        known = json.dumps(said.get("value"))
        # an iterator was used up when it was carried over
        return "value" in said and '"iterator"' not in known and known == json.dumps(made)

    def _replay(self, number: int, arguments: tuple[Any, ...]) -> Any:
        said = self.answers[number]
        if "raised" in said:
            raised, text = said["raised"]
            kind = getattr(builtins, str(raised), None)
            if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
                raise kind(str(text))
            raise RuntimeError(f"{raised}: {text}")
        for argument, after in zip(arguments, said.get("arguments", ()), strict=False):
            _change(argument, values.revive(after))
        if "value" not in said:
            return Opaque(self, {"result": number})
        return values.revive(said["value"])


def _carried(item: Any) -> Any:
    """The encoding of an argument: a value, an earlier result, a type (which a candidate's answer cannot be)."""
    if isinstance(item, type) and item in TYPES.values():
        return {"type": item.__name__}
    return values.plain(item)


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
