"""Expected failures: one clear line on stderr, no traceback.

HarnessError            exit 1: what was wrong, where, and the remedy
├── UsageError          exit 2: a name, option or value on the command line or in a configuration file
├── DataError           a data file: names the file, the line and the field
├── PluginError         a plugin that cannot be used; names its distribution
├── ModelError          weights or tokenizer that cannot be loaded or do not fit the method
├── RunError            a run folder that is torn, locked or of another schema
└── MissingLibrary      an optional library; names the pip command
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class HarnessError(Exception):
    """Base of every expected failure; `str(error)` is the line that the user reads."""

    exit_code = 1


class UsageError(HarnessError):
    """The command line or a configuration file asks for something that does not exist or cannot be."""

    exit_code = 2


class DataError(HarnessError):
    """A data file is missing, torn or has a row that does not fit."""


class PluginError(HarnessError):
    """A plugin cannot be used."""


class ModelError(HarnessError):
    """A model cannot be loaded, or a method cannot adapt it."""


class RunError(HarnessError):
    """A run folder cannot be read or continued."""


class MissingLibrary(HarnessError):
    """An optional library is not installed."""

    def __init__(self, library: str, needed_for: str, extra: str | None = None) -> None:
        install = f"codetune-harness[{extra}]" if extra else library
        super().__init__(f"{needed_for} needs {library}: pip install '{install}'")


SHOWN = 20
"""Names that an error lists at the most; a data set has thousands of ids."""


def unknown(kind: str, name: str, known: Iterable[str], remedy: str = "") -> UsageError:
    """The error for a mistyped name: "no method 'lroa'. Did you mean 'lora'? …"."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known[:SHOWN])}{more}." if known else ""
    return UsageError(f"no {kind} {name!r}.{hint}{' ' + remedy if remedy else ''}")


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, which raises again at once what it raised before for the same arguments.

    For what asks the hub: it takes half a minute to say that it is out of reach, and a study has hundreds of cells.
    """
    raised: dict[str, HarnessError] = {}

    @functools.wraps(function)
    def call(*words: P.args, **named: P.kwargs) -> T:
        if (key := repr((words, named))) in raised:
            raise raised[key].with_traceback(None)
        try:
            return function(*words, **named)
        except HarnessError as error:
            raised[key] = error
            raise

    return call
