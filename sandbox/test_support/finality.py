"""A failed assertion of the test's own is final, whatever exception class of the candidate's the test expects there.

A candidate may give a test `BankError = Exception`: `except BankError` and `with raises(BankError)` would then pass
over the test's own `assert`. Such handlers and blocks are rewritten to note the failure; what they do is not changed.
A handler is looked at by what it waits for, which is evaluated once; a block by what it has done: it has passed over a
failure that was in it, whatever its contexts were made of. Where the test itself writes `AssertionError`, `Exception`,
or a context of its own, it says what it means.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from harness.sandbox.test_support.failing import Failed

_WAITING = re.compile("except|with|aises|__(eq|ne|lt|le|gt|ge)__")
_FILES = ("test.py", "tests.py")
"""Names of a test's text, as its code has them."""
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

    def watched(self, function: Any) -> Any:
        """`function`, which is called where an exception is expected of it."""

        def call(*given: Any, **named: Any) -> Any:
            try:
                return function(*given, **named)
            except AssertionError as problem:
                self.failed |= self.is_own(problem)
                raise

        return call

    def truthful(self, function: Any) -> Any:
        """A comparison that the test calls by its name: `NotImplemented`, which counts as true, is no answer."""

        def compare(*given: Any) -> Any:
            answer = function(*given)
            return False if answer is NotImplemented else answer

        return compare

    def around(self) -> Around:
        """A context for a `with` statement, outside all of its own; `Around.within` is the one inside them."""
        return Around(self)

    def is_own(self, problem: BaseException | None) -> bool:
        """Whether it is a failed assertion of the test's."""
        return isinstance(problem, AssertionError | Failed) and not self._foreign(problem)

    def _note(self, expected: Any, problem: BaseException | None) -> None:
        if problem is not None and self.is_own(problem):
            self.failed |= _matches(expected, problem)


class Around:
    """Sees whether a failed assertion that has left the body of a `with` statement has left the statement, too."""

    def __init__(self, owner: OwnAssertions) -> None:
        self.owner = owner
        self.left = False

    def within(self) -> _Within:
        """The innermost context."""
        return _Within(self)

    def __enter__(self) -> Around:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.owner.failed |= self.left and kind is None


class _Within:
    def __init__(self, around: Around) -> None:
        self._around = around

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, problem: Any, __: Any) -> None:
        self._around.left = self._around.owner.is_own(problem)


def _matches(expected: Any, problem: BaseException) -> bool:
    if isinstance(expected, tuple):
        return any(_matches(one, problem) for one in expected)
    return isinstance(expected, type) and issubclass(expected, BaseException) and isinstance(problem, expected)


def raised_by_the_test(problem: BaseException) -> bool:
    """Whether the test's own text has raised it, and nothing that it has called."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename in _FILES


def compiled(code: str, file: str) -> types.CodeType:
    """The text of a test, rewritten where it waits for exceptions."""
    source: Any = rewritten(ast.parse(code)) if _WAITING.search(code) else code
    return compile(source, file, "exec", dont_inherit=True)


def rewritten(tree: ast.Module) -> ast.Module:
    """The test with handlers and `with` blocks that note its own failed assertions."""
    _Rewritten(tree).visit(tree)
    return ast.fix_missing_locations(tree)


MEANT = frozenset({"AssertionError", "Exception", "BaseException"})
"""What a test writes that means to pass over failed assertions."""


_COMPARISONS = frozenset(f"__{name}__" for name in ("eq", "ne", "lt", "le", "gt", "ge"))
_CALLING = {"raises": 1, "assertRaises": 1, "assertRaisesRegex": 2}
"""Functions that wait for an exception of another one, and where among their arguments that is."""


class _Rewritten(ast.NodeTransformer):
    def __init__(self, tree: ast.Module) -> None:
        pairs = [(one.targets, one.value) for one in ast.walk(tree) if isinstance(one, ast.Assign)]
        self._own = {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)}
        self._classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self._unanswered = any(isinstance(one, ast.Name) and one.id == "NotImplemented" for one in ast.walk(tree))
        """Whether the test knows of comparisons that have no answer."""
        self._meant: set[str] = set()
        """Variables that hold such a context, or the exceptions for one."""
        self._blocks = 0
        for targets, value in pairs:
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if not self._foreign(value):
                self._classes |= names
            if self._means(value):
                self._meant |= names

    def _foreign(self, node: ast.expr) -> bool:
        """Whether an expression names classes that may be the candidate's; only names and tuples of them are seen."""
        if isinstance(node, ast.Tuple):
            return any(map(self._foreign, node.elts))
        if isinstance(node, ast.Name):
            kind = getattr(builtins, node.id, None)
            return node.id not in self._classes and not (isinstance(kind, type) and issubclass(kind, BaseException))
        return True

    def _means(self, context: ast.expr) -> bool:
        """Whether the text of a context means that failed assertions are passed over."""
        names = {node.id for node in ast.walk(context) if isinstance(node, ast.Name)}
        made = context.func if isinstance(context, ast.Call) else context
        last = getattr(made, "attr", getattr(made, "id", ""))
        return not names.isdisjoint(MEANT | self._meant) or last in self._own

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:  # noqa: N802 - the name that ast asks for
        self.generic_visit(node)
        if node.type is not None and self._foreign(node.type):
            node.type = _call(ast.Name(NAME, ast.Load()), "handled", node.type)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        at = _CALLING.get(str(getattr(node.func, "attr", getattr(node.func, "id", ""))), 0)
        plain = not any(isinstance(one, ast.Starred) for one in node.args[: at + 1])
        if 0 < at < len(node.args) and plain and self._foreign(node.args[0]) and not self._means(node.args[0]):
            node.args[at] = _call(ast.Name(NAME, ast.Load()), "watched", node.args[at])
        node.func = self._truthful(node.func)
        node.args = list(map(self._truthful, node.args))
        return node

    def _truthful(self, node: ast.expr) -> ast.expr:
        """A comparison by its name (`x.__eq__`, `getattr(x, "__eq__")`) that is called, or that something may call."""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr" and len(node.args) > 1:
            name = getattr(node.args[1], "value", None)
        else:
            name = getattr(node, "attr", None)
        named = isinstance(name, str) and name in _COMPARISONS and not self._unanswered
        return _call(ast.Name(NAME, ast.Load()), "truthful", node) if named else node

    def visit_With(self, node: ast.With) -> ast.AST:  # noqa: N802
        meant = self._is_meant(node)
        self.generic_visit(node)
        if not meant:
            outer, inner = self._contexts()
            node.items = [outer, *node.items, inner]
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:  # noqa: N802
        meant = self._is_meant(node)
        self.generic_visit(node)
        if meant:
            return node
        outer, inner = self._contexts()
        node.body = [ast.With([inner], node.body)]
        return ast.copy_location(ast.With([outer], [node]), node)

    def _is_meant(self, node: ast.With | ast.AsyncWith) -> bool:
        entered = [
            argument
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and "enter" in call.func.attr
            for argument in call.args
        ]
        return any(map(self._means, [*(item.context_expr for item in node.items), *entered]))

    def _contexts(self) -> tuple[ast.withitem, ast.withitem]:
        """The outermost and the innermost context of a statement; a variable of the test's own scope links them."""
        self._blocks += 1
        name = f"{NAME}_{self._blocks}"
        outer = ast.withitem(_call(ast.Name(NAME, ast.Load()), "around"), ast.Name(name, ast.Store()))
        return outer, ast.withitem(_call(ast.Name(name, ast.Load()), "within"))


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _call(holder: ast.expr, method: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(holder, method, ast.Load()), list(arguments), [])
