"""Functions that compare, in a test that uses them without an import.

Where only the candidate has one of that name, its answer would be the verdict, or it would be told what is expected: a
test that applies it to an answer gets the library's in its place. A test that calls it with values of its own alone is
about that function. No candidate's text is read here.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import Any

_OF_NUMPY = frozenset({"allclose", "array_equal", "array_equiv"})
_NAMES = "equal allclose almost_equal array_equal array_almost_equal array_less approx_equal"
_OF_NUMPY_TESTING = frozenset(f"assert_{name}" for name in _NAMES.split())
_OF_COLLECTIONS = frozenset({"Counter", "OrderedDict", "deque"})
"""Classes in which a test compares answers whose order does not matter."""
COMPARING = ("equal", "close", "same", "approx", "compare")
"""Parts of names of functions that compare, and that the library has none of."""
_BY_TOLERANCE = frozenset({"rtol", "atol", "equal_nan"})


def applied(tree: ast.AST, free: Iterable[str], tested: str) -> dict[str, str]:
    """What the names in `free` mean that the test applies to answers: {"isclose": "math:isclose", "is_same": NOTHING}.

    `tested` are names that are what the test is about.
    """
    meant = {name: path for name in set(free) - set(tested.split()) if (path := _meant(name))}
    if not meant:
        return {}
    answers = _Answers(tree, frozenset(meant))
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        for call, others in _compared(node):
            if call.func.id in meant and any(map(answers.has, others)):  # type: ignore[attr-defined]
                keywords = {one.arg for one in call.keywords}
                found[call.func.id] = _meant(call.func.id, keywords)  # type: ignore[attr-defined]
    return found


def _compared(node: ast.AST) -> Iterable[tuple[ast.Call, list[ast.AST]]]:
    """Calls of a function by its name, each with what it is applied to: `approx(0.3)` to what it is compared with."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id != "approx":
        yield node, [*node.args, *node.keywords]
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for side in sides:
            if isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "approx":
                yield side, [one for one in sides if one is not side]


class _Answers:
    """Where a test has answers: calls of functions that are none of `names`, and variables that hold what they gave."""

    def __init__(self, tree: ast.AST, names: frozenset[str]) -> None:
        self._names = names
        self._variables: set[str] = set()
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value: Any = getattr(node, "value", None) or getattr(node, "iter", None)
            if isinstance(value, ast.AST) and self.has(value):
                kept = [one for target in targets if target is not None for one in ast.walk(target)]
                self._variables |= {one.id for one in kept if isinstance(one, ast.Name)}

    def has(self, node: ast.AST) -> bool:
        """Whether there is one in an expression."""
        return any(map(self._is_one, ast.walk(node)))

    def _is_one(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._variables
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        return not (isinstance(function, ast.Name) and (function.id in self._names or hasattr(builtins, function.id)))


NOTHING = ":"
"""In place of a function of the library's: only the candidate has one, which compares by its name."""


def _meant(name: str, keywords: Iterable[str | None] = ()) -> str:
    """The library's function of a name, as "module:name"; `NOTHING`, or "" where it compares nothing."""
    if name == "isclose":
        return "math:isclose" if _BY_TOLERANCE.isdisjoint(keywords) else "numpy:isclose"
    if name == "approx":
        return "pytest:approx"
    if name.startswith("assert") and name[6:7].isupper():
        return f"unittest:{name}"
    places = {"numpy": _OF_NUMPY, "numpy.testing": _OF_NUMPY_TESTING, "collections": _OF_COLLECTIONS}
    path = next((f"{module}:{name}" for module, names in places.items() if name in names), "")
    return path or (NOTHING if any(part in name.lower() for part in COMPARING) and name.lower() == name else "")


def of_the_library(path: str) -> Any:
    """What `applied` names.

    Raises:
        ImportError, AttributeError: it is not there.
    """
    if path == NOTHING:
        raise AttributeError(path)
    module, _, name = path.partition(":")
    if module == "pytest":
        from harness.sandbox.test_support import pytestlike

        return pytestlike.Approx
    holder = __import__(module, fromlist=[name])
    return getattr(holder.TestCase() if module == "unittest" else holder, name)
