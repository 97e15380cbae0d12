"""The globals of a test that runs outside the candidate's process, synchronised with the candidate's module.

The candidate's process has the candidate's module; the test reads what that holds now, and sets what it sets for the
candidate. It does not tell the candidate of names that it reads itself, since these may hold what it expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Ask = Callable[..., Any]


class Namespace(dict[str, Any]):
    """`changing`: names of values that the candidate may replace; `settings`: names that the test sets and never reads.

    The interpreter asks a subclass of `dict` for every name that the test's text uses (CPython: LOAD_NAME, LOAD_GLOBAL
    and STORE_NAME go by the methods of globals that are not exactly a dict).
    """

    def __init__(self, names: dict[str, Any], changing: Iterable[str], settings: Iterable[str], ask: Ask) -> None:
        super().__init__(names)
        self._changing, self._settings, self._ask = set(changing), frozenset(settings), ask

    def __getitem__(self, name: str) -> Any:
        if name in self._changing:
            found = [value for one, value in self._ask("names", (name,)) if one == name]
            if not found:
                raise KeyError(name)
            super().__setitem__(name, found[0])
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._changing.discard(name)
        if name in self._settings:
            self._ask("rebind", (name, value))

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._changing.discard(name)
