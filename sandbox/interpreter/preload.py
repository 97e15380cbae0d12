"""Modules that process 1 imports before it forks, and the names that programs find without an import."""

from __future__ import annotations

import _sitebuiltins
import atexit
import bisect  # noqa: F401 - for programs
import builtins
import collections
import copy  # noqa: F401 - for programs
import functools
import heapq
import itertools
import math
import operator  # noqa: F401 - for programs
import random
import re  # noqa: F401 - for programs
import string  # noqa: F401 - for programs
import sys
import threading
import time
import typing
from types import ModuleType
from typing import Any

from harness.sandbox.interpreter import ownfiles, recursion

FILE = ownfiles.FILE
PLAIN = ModuleType("builtins")
"""The builtin names without those that `preload` adds: for a program that is judged as others judge it."""
vars(PLAIN).update(vars(builtins))


_SEE = "See https://www.python.org/psf/license/"


class Late:
    """Stands for a module that few programs use until one does: each would make every fork dearer."""

    def __init__(self, module: str) -> None:
        vars(self)["module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(__import__(vars(self)["module"]), name)


given: list[str] = []
"""The names that a program did not import."""


def take_back() -> None:
    """For a program that is no candidate of an APPS problem: a name that it did not import is a NameError."""
    for name in given:
        del vars(builtins)[name]


def preload() -> None:
    """Gives programs the names that the APPS checker puts before every program; their modules are imported above."""
    names: dict[str, Any] = {
        "np": Late("numpy"),
        "fractions": Late("fractions"),
        "sys": sys,
        "time": time,
        "itertools": itertools,
        "collections": collections,
    }
    names |= {"math": math, "random": random, "heapq": heapq}
    for module, wanted in (
        (itertools, "accumulate product permutations combinations"),
        (collections, "Counter OrderedDict deque defaultdict ChainMap"),
        (functools, "lru_cache"),
        (math, "sqrt sin cos tan ceil fabs floor gcd exp log log2"),
        (typing, "List Tuple Dict Set Optional Any"),
        (heapq, " ".join(heapq.__all__)),
    ):
        names |= {name: getattr(module, name) for name in wanted.split()}
    given.extend(names)
    ownfiles.install()
    recursion.install()
    vars(PLAIN)["open"] = builtins.open
    names["exit"] = names["quit"] = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    vars(builtins).update(names)
    added = {name: _sitebuiltins._Printer(name, _SEE) for name in ("copyright", "credits", "license")}
    for found in (vars(builtins), vars(PLAIN)):
        found.update(added, exit=names["exit"], quit=names["quit"], help=_sitebuiltins._Helper())
    random.seed(0)  # every program starts alike, so that a second run gives the first one's verdict
    sys.set_int_max_str_digits(0)
    sys.argv = [FILE]
    sys.path = [*(path for path in sys.path if path != "/guest"), "/packages"]
    compile("", FILE, "exec")  # the first call makes the types of syntax trees, which takes a millisecond
    threading.stack_size(16 << 20)
    atexit._clear()
