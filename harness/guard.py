"""What a plugin may not do to the others while it is imported or asked: write to stdout, or replace code.

stdout is data; what a plugin prints there is kept off it. A function or class of harness, of `builtins` or of a few
modules of the standard library that every command relies on is put back when a plugin replaced it, and so is the
working directory. Not covered: what a plugin changes in other libraries, what compiled code writes to the descriptor of
stdout, and what the plugin does later, when its own methods run.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_OTHERS = (builtins, json, os, random, subprocess)
_CODE = (types.FunctionType, types.BuiltinFunctionType, type, property, classmethod, staticmethod)


@dataclass
class Manners:
    """What was seen: the text printed on stdout, and the names of what was replaced (all put back)."""

    printed: str = ""
    replaced: list[str] = field(default_factory=list)
    moved: bool = False
    """Whether the working directory was changed."""


@contextlib.contextmanager
def watched() -> Iterator[Manners]:
    """Run the body with stdout kept apart; afterwards the code it replaced is what it was before."""
    seen, aside, before = Manners(), io.StringIO(), _code()
    stdout, stderr, hook, place = sys.stdout, sys.stderr, sys.excepthook, _place()
    sys.stdout = aside
    try:
        yield seen
    finally:
        if sys.stdout is not aside:
            seen.replaced.append("sys.stdout")
        if sys.stderr is not stderr:
            seen.replaced.append("sys.stderr")
        if sys.excepthook is not hook:
            seen.replaced.append("sys.excepthook")
        sys.stdout, sys.stderr, sys.excepthook = stdout, stderr, hook
        for (label, name), (owner, value) in before.items():
            if vars(owner).get(name) is not value:
                setattr(owner, name, value)
                seen.replaced.append(f"{label}.{name}")
        seen.printed = aside.getvalue()
        if place is not None and _place() != place:
            seen.moved = True
            os.chdir(place)


def _place() -> str | None:
    """The working directory; None where it was removed under our feet."""
    try:
        return os.getcwd()  # noqa: PTH109 - as it is, links unresolved
    except FileNotFoundError:
        return None


def _code() -> dict[tuple[str, str], tuple[Any, Any]]:
    """(owner's name, name) -> (owner, value) of the functions and classes that are watched."""
    found: dict[tuple[str, str], tuple[Any, Any]] = {}
    ours = [m for name, m in list(sys.modules.items()) if name == "harness" or name.startswith("harness.")]
    for module in [*ours, *_OTHERS]:
        for name, value in vars(module).items():
            if not isinstance(value, _CODE):
                continue
            found[module.__name__, name] = (module, value)
            if isinstance(value, type) and value.__module__ == module.__name__ and module in ours:
                for inner, attribute in vars(value).items():
                    if isinstance(attribute, _CODE):
                        found[f"{module.__name__}.{name}", inner] = (value, attribute)
    return found
