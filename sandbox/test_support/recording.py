"""What pytest shows a test of the warnings that were given: `recwarn` and `pytest.warns`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.sandbox.test_support.failing import Failed


class WarningsRecorder:
    """The warnings since it was made; `list` has them in order."""

    def __init__(self, found: list[Any]) -> None:
        self.list = found

    def pop(self, cls: type[Warning] = Warning) -> Any:
        """Takes out the first one of this class, or else of one that extends it."""
        exact = [one for one in self.list if one.category is cls]
        fitting = exact or [one for one in self.list if issubclass(one.category, cls)]
        if fitting:
            return self.list.pop(next(at for at, one in enumerate(self.list) if one is fitting[0]))
        raise AssertionError(f"{cls!r} not found in warning list")

    def clear(self) -> None:
        """Forgets them."""
        self.list.clear()

    def __len__(self) -> int:
        return len(self.list)

    def __getitem__(self, at: Any) -> Any:
        return self.list[at]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.list)


def recorded_warnings(after: Callable[[Callable[[], Any]], None]) -> WarningsRecorder:
    """`recwarn`: the warnings from now to the end of the test."""
    import warnings

    context = warnings.catch_warnings(record=True)
    found = context.__enter__()
    warnings.simplefilter("always")
    after(lambda: context.__exit__(None, None, None))
    return WarningsRecorder([] if found is None else found)


class Warns(WarningsRecorder):
    """`pytest.warns`, as a context: the warnings that it gives are what it saw."""

    def __init__(self, expected: Any, match: Any = None) -> None:
        super().__init__([])
        self.expected, self.match = expected, match

    def __enter__(self) -> Warns:
        self.ends: list[Callable[[], Any]] = []
        self.list = recorded_warnings(self.ends.append).list
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.ends.pop()()
        fitting = [one for one in self.list if issubclass(one.category, self.expected)]
        if kind is None and not any(self.match is None or re.search(self.match, str(one.message)) for one in fitting):
            raise Failed(f"DID NOT WARN {self.expected!r}")
