"""harness: which way of adapting a code model is worth it, for your task, your data and your GPU?

From Python: `harness.run`, `harness.load`, `harness.compare` and `harness.leaderboard` (see `harness.api`); for a
plugin: `harness.hookimpl` and `harness.plugin`. Nothing heavy is imported before one of them is used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from harness.hookspecs import hookimpl

if TYPE_CHECKING:
    from harness.api import (
        FinishedRun,
        Leaderboard,
        RunComparison,
        RunSettings,
        Session,
        compare,
        leaderboard,
        load,
        run,
    )

# setup.cfg installs plugins/ and sandbox/ inside this package; a checkout keeps them beside it.
if not (Path(__file__).parent / "plugins").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

__all__ = [
    "FinishedRun",
    "Leaderboard",
    "RunComparison",
    "RunSettings",
    "Session",
    "__version__",
    "compare",
    "hookimpl",
    "leaderboard",
    "load",
    "run",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The names of `harness.api`, imported when one is used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("harness.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
