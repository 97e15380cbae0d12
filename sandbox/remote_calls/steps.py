"""Steps of the candidate's iterators, for the process of the test; and whether an object has the items that it says.

A test that asks an object for its length and then looks at each of its items has seen nothing of one that says 3 and
has none. So where the two differ, the candidate's word has decided.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

_WALK = "__walk__"
"""Where an iterator's proxy has the object that it goes through, and how many items it has given."""


class Steps:
    """`ask` asks the candidate's process; `judge` is told where the candidate's word has decided."""

    def __init__(self, ask: Callable[..., Any], judge: Callable[[], None]) -> None:
        self._ask, self._judge = ask, judge
        self._drawn: dict[int, deque[Any]] = {}
        """Items that iterators have given beforehand; the last of each is the exception that ended it, if any."""

    def begin(self, owner: Any, iterator: Any) -> Any:
        """`iterator`, which goes through `owner`, an object with a length."""
        if iterator is not owner and type(iterator).__dict__.get("__next__"):
            object.__setattr__(iterator, _WALK, [owner, 0])
        return iterator

    def next(self, iterator: Any) -> Any:
        """The next item; raises what ended the iterator."""
        try:
            walk = object.__getattribute__(iterator, _WALK)
        except AttributeError:
            return self._next(iterator)
        try:
            item = self._next(iterator)
        except StopIteration:
            object.__delattr__(iterator, _WALK)
            self._compare(*walk)
            raise
        walk[1] += 1
        return item

    def missing(self, owner: Any, at: Any) -> None:
        """There is no item at `at`, says an object with a length."""
        if isinstance(at, int) and at >= 0:
            self._compare(owner, at, exactly=False)

    def forget(self, iterator: Any) -> None:
        """Nobody has `iterator` any more."""
        self._drawn.pop(id(iterator), None)

    def _compare(self, owner: Any, count: int, exactly: bool = True) -> None:
        try:
            length = self._ask("operator", ("__len__", owner))
        except Exception:  # noqa: BLE001 - whatever the candidate raises: it has no length then
            return
        if not isinstance(length, int) or length > count or (exactly and length != count):
            self._judge()

    def _next(self, iterator: Any) -> Any:
        drawn = self._drawn.get(id(iterator))
        if not drawn:
            return self._ask("operator", ("__next__", iterator))
        if len(drawn) > 1:
            return drawn.popleft()
        error = drawn.pop()
        if error is not None:
            self._drawn.pop(id(iterator))
            raise error
        del self._drawn[id(iterator)]
        self.draw(iterator)
        return self._next(iterator)

    def draw(self, iterator: Any) -> int:
        """Has an iterator drawn to its end: only what will take all of it asks for a hint of its length."""
        if id(iterator) in self._drawn:
            return len(self._drawn[id(iterator)])
        items, error = self._ask("draw", (iterator,))
        self._drawn[id(iterator)] = deque([*items, error])
        return len(items)
