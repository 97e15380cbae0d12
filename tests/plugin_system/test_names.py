"""The core knows no plugin by name: what it does for one, it does for any that is installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from harness.plugin_system.loading import OURS
from harness.plugin_system.registry import KINDS, Registry

ROOT = Path(__file__).parents[2] / "harness"
LIST = ROOT / "plugin_system" / "registry.py"
"""Where the built-in modules are listed."""
LIBRARIES = {"peft"}
"""Names of plugins that are those of libraries, too."""
KNOWN = {("testing/tasks.py", "exact_match"), ("plugin_system/scaffold.py", "my")}
"""The contract of a task holds the task's own references against it; a plugin's name for an example begins with my."""


def texts(file: Path) -> Iterator[str]:
    """Every text in a module's code, and the modules that it imports."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_module_of_the_core_has_the_name_of_a_built_in_plugin() -> None:
    registry = Registry(warn=lambda _: None)
    entries = [entry for kind in KINDS for entry in registry.entries(kind).values()]
    names = {entry.name for entry in entries if entry.origin.distribution == OURS} - LIBRARIES
    assert len(names) > 25
    found = {
        (str(file.relative_to(ROOT)), text)
        for file in ROOT.rglob("*.py")
        if file != LIST
        for text in texts(file)
        if text in names or text.startswith("harness.plugins.")
    }
    assert found == KNOWN
