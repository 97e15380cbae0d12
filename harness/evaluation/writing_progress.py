"""The time left of writing, from decoding steps: a batch may hold every problem, and finish none of them for long.

Work is counted in decoding steps of one problem. How many a problem takes is estimated by Kaplan and Meier's curve:
those that are finished first are the short ones, and those under way take longer than they have taken so far.
"""

from __future__ import annotations

import bisect
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.progress import Step, format_duration

_SECONDS_BETWEEN = 0.2
"""Between two points of time that the speed is measured from; a step may take a millisecond."""


class WritingProgress:
    """Calls `progress` at each decoding step and each finished problem, with how long the others may take."""

    def __init__(self, progress: Step, total: int, done: int) -> None:
        """`total` problems, of which `done` were finished by an earlier attempt."""
        self._progress, self._total, self._done = progress, total, done
        self._ended = 0
        self._lengths = Counter[int]()
        self._running: Sequence[tuple[int, int]] = ()
        self._work = self._longest = 0
        self._points: list[tuple[float, int]] = []
        self._text = ""

    def written(self, count: int) -> None:
        """`count` problems are finished now."""
        self._ended += count - self._done
        self._done = count
        self._progress(count, self._total, self._text if count < self._total else "")

    def stepped(self, running: Sequence[tuple[int, int]]) -> None:
        """A step of the batch was started: (steps so far, most steps) of each problem in it.

        What was in it before and did not take this step is finished, and `written` was told of it.
        """
        ended = Counter(steps for steps, _ in self._running) - Counter(steps - 1 for steps, _ in running)
        if ended.total() <= self._ended:  # else memory ran out, and the batch begins again
            self._lengths += ended
        self._running, self._ended = running, 0
        self._longest = max((self._longest, *(most for _, most in running)))
        self._work += len(running)
        now = time.monotonic()
        if not self._points:  # from here on: before lies the reading of the prompts
            self._points.append((now, self._work))
        if now - self._points[-1][0] >= _SECONDS_BETWEEN:
            self._points.append((now, self._work))
            self._tell(now)

    def _tell(self, now: float) -> None:
        seconds = self.left(now)
        how = "at most" if self.is_bound else "about"
        self._text = f"{how} {format_duration(seconds)} left" if seconds is not None else ""
        self._progress(self._done, self._total, self._text)

    @property
    def is_bound(self) -> bool:
        """Whether `left` is the most that it can be: fewer are finished than under way, which is too few to tell."""
        return sum(self._lengths.values()) < len(self._running)

    def left(self, now: float) -> float | None:
        """Seconds to the end at the speed of the second half of the time so far; None before anything is known.

        As long as it `is_bound` each problem is taken to need all the steps that it may.
        """
        if not self._points:
            return None
        half = (self._points[0][0] + now) / 2
        since, before = self._points[max(0, bisect.bisect_right(self._points, half, key=lambda point: point[0]) - 1)]
        if self._work <= before or now <= since:
            return None
        waiting = max(0, self._total - self._done - len(self._running))
        longest = self._longest
        steps = [min(steps, longest) for steps, _ in self._running]
        if self.is_bound:
            work = float(waiting * longest + sum(longest - one for one in steps))
        else:
            more = steps_to_come(self._lengths, steps, longest)
            work = waiting * more[0] + sum(more[one] for one in steps)
        return work * (now - since) / (self._work - before)


def steps_to_come(finished: Mapping[int, int], running: Sequence[int], longest: int) -> list[float]:
    """How many more steps a problem takes that has taken 0, 1, ..., `longest`: the mean of Kaplan and Meier's curve.

    `finished` counts problems by the steps that they took, `running` has those of problems that go on. Behind the last
    step that was seen the curve is taken to fall evenly to zero at `longest`.
    """
    under_way = Counter(running)
    at_risk = sum(finished.values()) + len(running)
    last, surviving, curve = max(0, *finished, *running), 1.0, list[float]()
    for step in range(longest + 1):  # the share of problems that take more than `step` steps
        if step > last:
            curve.append(surviving * (longest - step) / (longest - last))
            continue
        ended = finished.get(step, 0)
        surviving *= 1 - ended / max(1, at_risk)
        at_risk -= ended + under_way[step]
        curve.append(surviving)
    more, to_come = [0.0] * (longest + 1), 0.0
    for step in range(longest - 1, -1, -1):
        to_come += curve[step]
        before = curve[step - 1] if step else 1.0
        more[step] = to_come / before if before > 0 else 0.0
    return more
