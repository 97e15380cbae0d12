"""What a test's text says without being run: literals, arithmetic on them, and builtins around an answer."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

_MOST_BITS = 1 << 14
_MOST_ITEMS = 1 << 16
_NUMBERS = frozenset({bool, int, float, complex})
_TEXTS = frozenset({str, bytes, list, tuple})
_FINITE = frozenset({list, tuple, set, frozenset, dict, str, bytes})
"""Types whose items all came with the answer, unlike a range's."""
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_VIEWS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "list": list, "set": set, "sorted": sorted}
VIEWS = frozenset(_VIEWS)
"""Builtins that a test may put around an answer and that are read."""


class Unread(Exception):
    """Only running the test can tell."""


def constant(node: ast.expr) -> Any:
    """The value of an expression of literals, with arithmetic on them, and with builtins such as `tuple([1, 2])`.

    Raises:
        ValueError: it has anything else, or is large.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VIEWS and len(node.args) == 1:
        if node.keywords:
            raise ValueError("a call that must be made")
        try:
            return seen_as(node.func.id, constant(node.args[0]))
        except Unread:
            raise ValueError("a call that must be made") from None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.literal_eval(_Folded().visit(node))


class _Folded(ast.NodeTransformer):
    """Puts the value in the place of arithmetic."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.Constant:  # noqa: N802 - the name that `ast` calls
        left, right = (ast.literal_eval(self.visit(side)) for side in (node.left, node.right))
        if type(node.op) not in _ARITHMETIC or not _small(node.op, left, right):
            raise ValueError("arithmetic that must be run")
        try:
            return ast.Constant(_ARITHMETIC[type(node.op)](left, right))
        except ArithmeticError:
            raise ValueError("arithmetic that raises") from None


def _small(kind: ast.operator, left: Any, right: Any) -> bool:
    """Whether the result takes little time and memory."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        if type(left) is type(right) is int:
            bits = max(1, left.bit_length()) * abs(right) if isinstance(kind, ast.Pow) else left.bit_length()
            return bits + right.bit_length() <= _MOST_BITS
        return True
    if isinstance(kind, ast.Add):
        return type(left) is type(right) and type(left) in _TEXTS
    if isinstance(kind, ast.Mult) and type(left) in _TEXTS and type(right) is int:
        return len(left) * right <= _MOST_ITEMS
    return False


def seen_as(name: str, value: Any) -> Any:
    """The builtin `name`, one of `VIEWS`, of an answer.

    Raises:
        Unread: the answer has no such view, or one that may have no end.
    """
    if type(value) not in _FINITE:
        raise Unread
    try:
        return _VIEWS[name](value)
    except (TypeError, ValueError, ArithmeticError, RecursionError):  # as decimals that cannot be ordered
        raise Unread from None


def distance(value: Any, other: Any) -> Any:
    """`abs(value - other)` of an answer and a number.

    Raises:
        Unread: the answer is no number, or there is no such distance.
    """
    if type(value) not in _NUMBERS:
        raise Unread
    try:
        return abs(value - other)
    except ArithmeticError:
        raise Unread from None


def bound_names(code: str) -> set[str]:
    """The names that `code` may give a value, with "*" for any; none where it cannot be parsed, and so is never run."""
    found: set[str] = set()
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
    return found
