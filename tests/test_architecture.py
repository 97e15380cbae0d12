"""The house: no import goes round, arrows between rooms run one way, and nothing is longer than one reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES, FUNCTION_LINES = 400, 60


@cache
def modules() -> Mapping[str, ast.Module]:
    """Each module of the installed shape by its name, parsed."""
    found = {}
    for top, prefix in (("harness", ""), ("plugins", "harness."), ("sandbox", "harness.")):
        for path in (ROOT / top).rglob("*.py"):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            name = prefix + ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of ours that a module imports, anywhere in it, for types or for good."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def arrows() -> dict[str, set[str]]:
    # Every module imports its package; of `harness` itself that is the word `hookimpl` and the version.
    return {
        name: {other for other in imported(tree) if other in modules() and other not in (name, "harness")}
        for name, tree in modules().items()
        if name != "harness"
    }


def room(name: str) -> str:
    """The folder of a module; a module of the root is a room of its own."""
    parts = name.split(".")
    depth = 3 if parts[1:2] in (["plugins"], ["sandbox"]) else 2
    return ".".join(parts[:depth])


def test_no_import_goes_round() -> None:
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_arrows_between_rooms_run_one_way() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in arrows().items():
        rooms.setdefault(room(name), set()).update({room(other) for other in others} - {room(name)})
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("top", ["harness", "plugins", "sandbox"])
def test_no_module_and_no_function_is_longer_than_one_reads_at_once(top: str) -> None:
    for path in (ROOT / top).rglob("*.py"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                told = node.body[0].end_lineno or 0 if ast.get_docstring(node) else node.body[0].lineno - 1
                assert node.end_lineno - told <= FUNCTION_LINES, f"{path}: {node.name}"
