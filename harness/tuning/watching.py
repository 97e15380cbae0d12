"""A metric that is looked at while an adapter is tuned (`--watch`): when, and within which time.

At a validation each adapter in turn writes for a few problems. All looks together take at most a tenth of the time of
the tuning: one for which there is no time yet is left out, and one that takes too long is broken off. How long a look
takes is not known before the first one, which may take some of the time of later ones. A look changes nothing of the
tuning: random numbers are afterwards what they were before it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.modeling.base import Base
from harness.records import Watched
from harness.tuning.rng_state import kept_rng_state

SHARE = 0.1
"""Of the time of a tuning, its looks included: what looks may take."""
_AHEAD = 3
"""Times the time that there is for a look until now, which it may take if the whole tuning has as much."""
Look = Callable[[Base, Callable[[], None]], Watched | None]
"""(base, check_time): writes with the adapter that is on the base, and measures. None where nothing could be measured.

It calls `check_time` before each step of its work, which raises `OutOfTime`, and lets that through.
"""


class OutOfTime(Exception):
    """A look has used the time that there was for it."""


class Suspendable:
    """Context managers, made by `make`, that are left for a while within their block."""

    def __init__(self, make: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
        self._make, self._entered = make, contextlib.ExitStack()

    def __enter__(self) -> None:
        self._entered.enter_context(self._make())

    def __exit__(self, *error: Any) -> bool | None:
        return self._entered.__exit__(*error)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Context manager: within it things are as they are outside of the block."""
        self._entered.close()
        yield
        self._entered.enter_context(self._make())


class Watch:
    """The looks of one tuning at its adapters: one for each, None for an adapter that is not looked at."""

    def __init__(self, looks: Sequence[Look | None], base: Base, training: Suspendable) -> None:
        """`training` is entered while `base` is trained; for a look it is left, so that the model writes as always."""
        self._looks, self._base, self._training = looks, base, training
        self._next = 0
        self._seconds = 0.0
        self._needed = 0.0
        """Seconds that a look needs, as far as is known."""

    def __bool__(self) -> bool:
        return any(look is not None for look in self._looks)

    def take(self, tuned: float, whole: float, enter: Callable[[int], Any] = lambda _: None) -> list[Watched | None]:
        """What each adapter is like now; None where there was no time for it.

        `tuned` are the seconds that the tuning has taken without its looks, `whole` those that it is expected to take
        to its end. `enter` puts an adapter, by its number, on the base. An adapter that had to wait is the first one
        the next time.
        """
        found: list[Watched | None] = [None] * len(self._looks)
        if self._left(tuned) <= self._needed:
            return found
        with kept_rng_state(), self._training.suspended():
            self._base.model.eval()
            for number, look in self._turns():
                if (left := self._left(tuned)) <= self._needed:
                    self._next = number
                    break
                enter(number)
                found[number] = self._take(look, max(left, min(self._left(whole), _AHEAD * left)))
            self._base.model.train()
        return found

    def _left(self, tuned: float) -> float:
        """Seconds for further looks."""
        return tuned * SHARE / (1 - SHARE) - self._seconds

    def _turns(self) -> Iterator[tuple[int, Look]]:
        count = len(self._looks)
        for number in ((self._next + turn) % count for turn in range(count)):
            if (look := self._looks[number]) is not None:
                yield number, look

    def _take(self, look: Look, left: float) -> Watched | None:
        """One look, broken off when `left` seconds are over."""
        start = time.monotonic()

        def check_time() -> None:
            if time.monotonic() - start >= left:
                raise OutOfTime

        watched, needs = None, 2.0  # times as long as was not enough
        with contextlib.suppress(OutOfTime):
            watched, needs = look(self._base, check_time), 1.0
        seconds = time.monotonic() - start
        self._seconds, self._needed = self._seconds + seconds, needs * seconds
        return watched
