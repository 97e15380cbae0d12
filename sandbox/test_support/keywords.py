"""Which keywords the functions of pytest take: a test with any other is refused before a candidate runs.

One that were passed over would change what the test asks: `raises(ValueError, check=…)` waits for less without it.
"""

from __future__ import annotations

import ast

_KEYWORDS = {
    "raises": "expected_exception match check",
    "warns": "expected_warning match",
    "deprecated_call": "match",
    "approx": "expected rel abs nan_ok",
    "fail": "reason pytrace",
    "skip": "reason allow_module_level",
    "xfail": "reason",
    "importorskip": "modname minversion reason exc_type",
    "param": "marks id",
    "fixture": "scope params autouse ids name",
}
_CALLING = {"raises": 1, "warns": 1, "deprecated_call": 0}
"""Functions that may call another one, and where it is among their arguments: the keywords are that one's then."""


def check(tree: ast.AST) -> None:
    """Refuses a call of a function of pytest's with a keyword that it does not take.

    Raises:
        ValueError: there is one; which.
    """
    modules, functions = _imported(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = functions.get(node.func.id, "") if isinstance(node.func, ast.Name) else ""
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            name = node.func.attr if node.func.value.id in modules else ""
        if name not in _KEYWORDS or _calls(name, node):
            continue
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in _KEYWORDS[name].split():
                raise ValueError(f"pytest.{name}({keyword.arg}=…) is not offered to tests in the sandbox")


def _calls(name: str, node: ast.Call) -> bool:
    return name in _CALLING and len(node.args) > _CALLING[name]


def _imported(tree: ast.AST) -> tuple[set[str], dict[str, str]]:
    """The names that the file gives pytest itself, and functions of it."""
    modules: set[str] = set()
    functions: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {one.asname or one.name for one in node.names if one.name == "pytest"}
        elif isinstance(node, ast.ImportFrom) and node.module == "pytest":
            functions |= {one.asname or one.name: one.name for one in node.names}
    return modules, functions
