"""The time left of writing, from decoding steps: a batch may hold every problem, and finish none of them for long.

Work is counted in decoding steps of one problem. How many a problem takes is estimated by Kaplan and Meier's curve:
those that are finished first are the short ones, and those under way take longer than they have taken so far.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.progress import Step, format_duration
from harness.time_left import TimeLeft

_SECONDS_BETWEEN = 0.2
"""Between two messages; a step may take a millisecond."""
_TO_THE_END = 0.25
"""Before any has ended nobody knows: between runs whose answers all end early, and runs where none does."""


class WritingProgress:
    """Calls `progress` now and then, and at each finished problem, with how long the others may take."""

    def __init__(self, progress: Step, total: int, done: int, processes: int = 1) -> None:
        """`total` problems, of which `done` were finished by an earlier attempt; they are dealt out to `processes`.

        What one of them does is taken to be what the others do.
        """
        self._progress, self._total, self._done, self._processes = progress, total, done, processes
        self._ended = 0
        self._lengths = Counter[int]()
        self._running: Sequence[tuple[int, int]] = ()
        self._work = self._longest = 0
        self._time, self._told = TimeLeft(), float("-inf")
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
        self._time.done(self._work, now)  # the first is the beginning: before it lies the reading of the prompts
        if now - self._told >= _SECONDS_BETWEEN:
            self._told = now
            self._tell(now)

    def _tell(self, now: float) -> None:
        seconds = self.left(now)
        self._text = f"about {format_duration(seconds)} left" if seconds is not None else ""
        self._progress(self._done, self._total, self._text)

    def left(self, now: float) -> float | None:
        """Seconds to the end; None before anything is known."""
        waiting = max(0.0, (self._total - self._done) / self._processes - len(self._running))
        steps = [min(steps, self._longest) for steps, _ in self._running]
        more = steps_to_come(self._lengths, steps, self._longest)
        return self._time.of(waiting * more[0] + sum(more[one] for one in steps), now)


def steps_to_come(finished: Mapping[int, int], running: Sequence[int], longest: int) -> list[float]:
    """How many more steps a problem takes that has taken 0, 1, ..., `longest`: the mean of Kaplan and Meier's curve.

    `finished` counts problems by the steps that they took, `running` has those of problems that go on. Of those that
    take more than any so far, `_TO_THE_END` are taken to need all steps, and the others to end evenly on the way.
    """
    under_way = Counter(running)
    at_risk = sum(finished.values()) + len(running)
    last, surviving, curve = max(0, *finished, *running), 1.0, list[float]()
    for step in range(longest + 1):  # the share of problems that take more than `step` steps
        if step == longest:
            curve.append(0.0)
        elif step > last:
            curve.append(surviving * (1 - (1 - _TO_THE_END) * (step - last) / (longest - last)))
        else:
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
