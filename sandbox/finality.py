"""A failed assertion of the test's own is final, whatever exception class of the candidate's the test expects there.

A candidate may give a test `BankError = Exception`: `except BankError` and `with raises(BankError)` would then pass
over the test's own `assert`. Such handlers and blocks are rewritten to note the failure; what they do is not changed.
Where the test itself writes `AssertionError`, or another name of the interpreter's, it says what it means.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from collections.abc import Callable
from typing import Any

from harness.sandbox.pytestlike import Failed

NAME = "_harness_own_assertion"
"""The name by which a rewritten test has its `OwnAssertions`."""


class OwnAssertions:
    """Notes in `failed` that an assertion of the test's own was passed over.

    `foreign`: whether an exception is the candidate's, for which the test may wait.
    """

    def __init__(self, foreign: Callable[[BaseException], bool]) -> None:
        self.failed = False
        self._foreign = foreign

    def handled(self, expected: Any) -> Any:
        """`expected`, what `except` waits for, while there is an exception."""
        self._note(expected, sys.exception())
        return expected

    def block(self, *expected: Any) -> _Block:
        """A context for the body of a `with` statement whose contexts were given `expected`."""
        return _Block(self, expected)

    def _note(self, expected: Any, problem: BaseException | None) -> None:
        if isinstance(problem, AssertionError | Failed) and not self._foreign(problem):
            self.failed |= _matches(expected, problem)


class _Block:
    def __init__(self, owner: OwnAssertions, expected: tuple[Any, ...]) -> None:
        self._owner, self._expected = owner, expected

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, problem: Any, __: Any) -> None:
        self._owner._note(self._expected, problem)  # noqa: SLF001 - the two are one


def _matches(expected: Any, problem: BaseException) -> bool:
    if isinstance(expected, tuple):
        return any(_matches(one, problem) for one in expected)
    return isinstance(expected, type) and issubclass(expected, BaseException) and isinstance(problem, expected)


def compiled(code: str, file: str) -> types.CodeType:
    """The text of a test, rewritten where it waits for exceptions."""
    source: Any = rewritten(ast.parse(code)) if "except" in code or "with" in code else code
    return compile(source, file, "exec", dont_inherit=True)


def rewritten(tree: ast.Module) -> ast.Module:
    """The test with handlers and `with` blocks that note its own failed assertions."""
    _Rewritten(tree).visit(tree)
    return ast.fix_missing_locations(tree)


class _Rewritten(ast.NodeTransformer):
    def __init__(self, tree: ast.Module) -> None:
        pairs = [(one.targets, one.value) for one in ast.walk(tree) if isinstance(one, ast.Assign)]
        self._own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        for targets, value in pairs:
            if not self._foreign(value):
                self._own |= {target.id for target in targets if isinstance(target, ast.Name)}

    def _foreign(self, node: ast.expr) -> bool:
        """Whether an expression names classes that may be the candidate's; only names and tuples of them are seen."""
        if isinstance(node, ast.Tuple):
            return any(map(self._foreign, node.elts))
        if isinstance(node, ast.Name):
            kind = getattr(builtins, node.id, None)
            return node.id not in self._own and not (isinstance(kind, type) and issubclass(kind, BaseException))
        return True

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:  # noqa: N802 - the name that ast asks for
        self.generic_visit(node)
        if node.type is not None and self._foreign(node.type):
            node.type = _call("handled", node.type)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        given = [argument for call in calls for argument in (*call.args, *(one.value for one in call.keywords))]
        named = [one for one in given if isinstance(one, ast.Name | ast.Attribute | ast.Tuple) and self._foreign(one)]
        if named:
            node.items.append(ast.withitem(_call("block", *named)))
        return node


def _call(method: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(NAME, ast.Load()), method, ast.Load()), list(arguments), [])
