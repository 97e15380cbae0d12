"""Assertion tests that are parsed instead of run: every assertion compares a call on literals with a literal.

Most of HumanEval and MBPP is `assert f(1, 2) == 3`. Such a test is read, not run: the calls and the expected values
are taken from its syntax tree, and the supervisor compares. `f(1) is None`, `tuple(f(1)) == (2, 3)` and
`abs(f(1) - 2 / 3) < 1e-6` are read as well: to run a test takes two more processes.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.sandbox.comparison import values
from harness.sandbox.comparison.compare import same
from harness.sandbox.static_analysis.analysis import ABOUT
from harness.sandbox.static_analysis.constants import VIEWS, bound_names, constant, distance, seen_as

_READ_BUILTINS = VIEWS | {"abs"}


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion: the call as the candidate's process gets it, and what its value must equal.

    `kind` is "equal", "is", "near", "true" or "false"; `wanted` counts for the first three: for "near" it is a number
    and the distance from it that the value must stay below. `view`: the builtin through which the test sees the value.
    """

    call: list[Any]
    kind: str
    wanted: Any = None
    view: str = ""

    def holds(self, value: Any) -> bool:
        """Whether the assertion is true of `value`, a plain value.

        Raises:
            Unread: only running the test can tell.
        """
        if self.view:
            value = seen_as(self.view, value)
        if self.kind == "equal":
            return same(value, self.wanted)
        if self.kind == "is":
            return value is self.wanted
        if self.kind == "near":
            return bool(distance(value, self.wanted[0]) < self.wanted[1])
        return bool(value) == (self.kind == "true")


def checks(code: str, entry_point: str, setup: str = "") -> list[Check] | None:
    """The assertions of `code`, or None where it does anything that only running it can tell."""
    try:
        found = _statements(ast.parse(code).body, entry_point)
        read = [_check(node, name, entry_point) for node, name in found]
    except (SyntaxError, ValueError, TypeError, RecursionError, values.Unknown):
        return None
    used = _builtins_used(code)
    if used:
        bound = bound_names(code) | bound_names(setup) | set(entry_point.split())
        if "*" in bound or used & bound:
            return None
    return read or None


def _builtins_used(code: str) -> set[str]:
    """The builtins that the reading above takes for the interpreter's."""
    if not any(name in code for name in _READ_BUILTINS):
        return set()
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)} & _READ_BUILTINS


def _statements(body: Sequence[ast.stmt], name: str) -> list[tuple[ast.expr, str]]:
    """The asserted expressions in order, with the name by which each calls the candidate.

    Raises:
        ValueError: a statement that is not understood.
    """
    found: list[tuple[ast.expr, str]] = []
    functions: dict[str, ast.FunctionDef] = {}
    for statement in body:
        if isinstance(statement, ast.Assert):
            if not isinstance(statement.test, ast.Constant) or not statement.test.value:
                found.append((statement.test, name))
        elif isinstance(statement, ast.FunctionDef) and len(statement.args.args) == 1 and not statement.decorator_list:
            if statement.name == name:
                raise ValueError("the test defines the candidate's name itself")
            functions[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            ast.literal_eval(statement.value)
            # any other name may be one that the candidate's functions read
            if any(not isinstance(target, ast.Name) or target.id != ABOUT for target in statement.targets):
                raise ValueError("an assignment that must be done")
        elif isinstance(statement, ast.Expr) and _calls_with(statement.value, functions, name):
            function = functions[statement.value.func.id]  # type: ignore[attr-defined]
            found += _statements(function.body, function.args.args[0].arg)
        elif not (isinstance(statement, ast.Pass) or _is_docstring(statement)):
            raise ValueError("a statement that must be run")
    return found


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _calls_with(node: ast.expr, functions: dict[str, ast.FunctionDef], name: str) -> bool:
    """Whether `node` is `check(candidate)`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions):
        return False
    return len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Name) and node.args[0].id == name


def _check(node: ast.expr, name: str, entry_point: str) -> Check:
    """The assertion of `node`, which calls the candidate by `name`.

    Raises:
        ValueError: it is none that can be read.
    """
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node.left, node.ops[0], node.comparators[0], name, entry_point)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Check(_call(node.operand, name, entry_point), "false")
    return Check(_call(node, name, entry_point), "true")


def _comparison(left: ast.expr, how: ast.cmpop, right: ast.expr, name: str, entry_point: str) -> Check:
    if isinstance(how, ast.Is) and _is_singleton(right):
        return Check(_call(left, name, entry_point), "is", constant(right))
    if isinstance(how, ast.Lt) and (seen := _around(left, {"abs"})) and isinstance(seen[1], ast.BinOp):
        near = constant(seen[1].right), constant(right)
        if isinstance(seen[1].op, ast.Sub) and all(type(one) in (int, float) for one in near):
            return Check(_call(seen[1].left, name, entry_point), "near", near)
    if not isinstance(how, ast.Eq):
        raise ValueError("a comparison that must be run")
    if seen := _around(left, VIEWS):
        return Check(_call(seen[1], name, entry_point), "equal", constant(right), seen[0])
    return Check(_call(left, name, entry_point), "equal", constant(right))


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _around(node: ast.expr, functions: Collection[str]) -> tuple[str, ast.expr] | None:
    """Which of `functions` is called, and with what single argument."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions):
        return None
    return (node.func.id, node.args[0]) if len(node.args) == 1 and not node.keywords else None


def _call(node: ast.expr, name: str, entry_point: str) -> list[Any]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name):
        raise ValueError("no call of the candidate")
    arguments = [values.plain(constant(item)) for item in node.args]
    keywords = [[item.arg, values.plain(constant(item.value))] for item in node.keywords if item.arg]
    if len(keywords) != len(node.keywords):
        raise ValueError("arguments that must be unpacked")
    return [entry_point, arguments, keywords]
