"""Assertion tests that need no examiner: every assertion compares a call on literals with a literal.

Most of HumanEval and MBPP is `assert f(1, 2) == 3`. Such a test is read, not run: the calls and the expected values
are taken from its syntax tree, and the supervisor compares.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.sandbox import values


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion: the call as the candidate's process gets it, and what its value must equal.

    `kind` is "equal", "true" or "false"; `wanted` counts for the first only.
    """

    call: list[Any]
    kind: str
    wanted: Any = None

    def holds(self, value: Any) -> bool:
        """Whether the assertion is true of `value`, a plain value."""
        if self.kind == "equal":
            return bool(value == self.wanted)
        return bool(value) == (self.kind == "true")


def checks(code: str, entry_point: str) -> list[Check] | None:
    """The assertions of `code`, or None where it does anything that only running it can tell."""
    try:
        found = _statements(ast.parse(code).body, entry_point)
        understood = all(_is_check(node, name) for node, name in found)
        return [_check(node, entry_point) for node, _ in found] if found and understood else None
    except (SyntaxError, ValueError, TypeError, RecursionError, values.Unknown):
        return None


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
            ast.literal_eval(statement.value)  # data about the test, such as HumanEval's METADATA
            if any(not isinstance(target, ast.Name) or target.id == name for target in statement.targets):
                raise ValueError("an assignment to more than a name")
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


def _is_check(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq) and _is_call(node.left, name)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _is_call(node.operand, name)
    return _is_call(node, name)


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _check(node: ast.expr, entry_point: str) -> Check:
    if isinstance(node, ast.Compare):
        return Check(_call(node.left, entry_point), "equal", ast.literal_eval(node.comparators[0]))
    if isinstance(node, ast.UnaryOp):
        return Check(_call(node.operand, entry_point), "false")
    return Check(_call(node, entry_point), "true")


def _call(node: ast.expr, entry_point: str) -> list[Any]:
    assert isinstance(node, ast.Call)
    arguments = [values.plain(ast.literal_eval(item)) for item in node.args]
    keywords = [[item.arg, values.plain(ast.literal_eval(item.value))] for item in node.keywords if item.arg]
    if len(keywords) != len(node.keywords):
        raise ValueError("arguments that must be unpacked")
    return [entry_point, arguments, keywords]
