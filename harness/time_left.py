"""How long a phase may still take: the work that is left, at the speed so far.

Every phase counts its own work, in a unit that takes about the same time each: tuning in steps, writing in decoding
steps of one problem, judging in tests.
"""

from __future__ import annotations

import bisect


class TimeLeft:
    """Work that was done by when, and how long more of it takes.

    Work comes in bursts: a batch is finished at once, then nothing happens for minutes. So the speed counts the time
    until now, not until the last work. Times are seconds of any clock that only moves forward.
    """

    def __init__(self, forgotten: float = 0.5) -> None:
        """`forgotten` is the share of the time so far that the speed counts no more: warming up, other batches.

        Work in random order is none of it: the more of that is counted, the less chance has its part.
        """
        self._forgotten = forgotten
        self._points: list[tuple[float, float]] = []

    def done(self, work: float, now: float) -> None:
        """So much work is done now; what was done before the first call says nothing of the speed."""
        if not self._points or work != self._points[-1][1]:
            self._points.append((now, work))

    def of(self, work: float, now: float) -> float | None:
        """Seconds that so much more work takes; None before any was done."""
        if len(self._points) < 2:
            return None
        first = self._points[0][0]
        counted = first + self._forgotten * (now - first)
        at = bisect.bisect_right(self._points, counted, key=lambda point: point[0]) - 1
        since, before = self._points[min(at, len(self._points) - 2)]
        return max(0.0, work) * (now - since) / (self._points[-1][1] - before)
