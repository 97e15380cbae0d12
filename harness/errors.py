"""Expected failures: one clear line on stderr, no traceback.

HarnessError            exit 1: what was wrong, where, and the remedy
├── UsageError          exit 2: a name, option or value on the command line or in a configuration file
├── DataError           a data file: names the file, the line and the field
├── PluginError         a plugin that cannot be used; names its distribution
├── ModelError          weights or tokenizer that cannot be loaded or do not fit the method
│   └── OutOfMemoryError     tuning does not fit in memory
├── RunError            a run folder that is torn, locked or of another schema
├── FileError           a file or folder that the operating system does not let us read or write
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


class OutOfMemoryError(ModelError):
    """Tuning does not fit in memory, however small its batches."""


class RunError(HarnessError):
    """A run folder cannot be read or continued."""


class FileError(HarnessError):
    """The operating system refuses a file or a folder: the disk is full, read-only or broken, a name does not do."""


class MissingLibrary(HarnessError):
    """An optional library is not installed."""

    def __init__(self, library: str, needed_for: str, extra: str | None = None) -> None:
        install = f"codetune-harness[{extra}]" if extra else library
        super().__init__(f"{needed_for} needs {library}: pip install '{install}'")


SHOWN = 20
"""Names that an error lists at the most; a data set has thousands of ids."""


LEAST_ALIKE = 0.65
"""How alike (`difflib`, 1 is equal) two names are at the least, one of which may be a slip for the other: 'rga' and
'rag' are, 'nope' and 'snippets' are not."""


def nearest(name: str, known: Iterable[str], least: float = LEAST_ALIKE) -> str | None:
    """The name that `name` was probably meant to be; None where none is like it. Case, - and _ make no difference.

    First letters of words count ('lr' for 'learning_rate'); a name of one letter is like no other.
    """
    plain = {other.lower().replace("-", "_"): other for other in known}
    typed = name.lower().replace("-", "_")
    initials = {"".join(word[:1] for word in other.split("_")): other for other in plain}
    if len(typed) > 1 and typed in initials:
        return plain[initials[typed]]
    longer = [other for other in plain if len(other) > 1 or other == typed]
    close = difflib.get_close_matches(typed, longer, n=1, cutoff=least)
    return plain[close[0]] if close else None


def unknown(kind: str, name: str, known: Iterable[str], remedy: str = "", where: str = "") -> UsageError:
    """The error for a mistyped name: "no method 'lroa'. Did you mean 'lora'? …".

    `where` is its place in a file.
    """
    known = sorted(known)
    close = nearest(name, known)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    hint = f" Did you mean {close!r}?" if close else f" Known: {', '.join(known[:SHOWN])}{more}." if known else ""
    return UsageError(f"{where}{': ' if where else ''}no {kind} {name!r}.{hint}{' ' + remedy if remedy else ''}")


def cache_errors(function: Callable[P, T]) -> Callable[P, T]:
    """A decorator: raise the same error at once when the function failed before with the same arguments.

    For requests to the hub: an unreachable hub costs half a minute each time, and a study has hundreds of runs.
    """
    raised: dict[str, HarnessError] = {}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if (key := repr((args, kwargs))) in raised:
            raise raised[key].with_traceback(None)
        try:
            return function(*args, **kwargs)
        except HarnessError as error:
            raised[key] = error
            raise

    return call
