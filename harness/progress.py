"""Progress for phases of more than a moment: a bar on a terminal, one changing line in a notebook, else a line now and
then on stderr."""

from __future__ import annotations

import bisect
import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Step = Callable[[int, int, str], None]
"""Called with (done, total, message)."""


@functools.cache
def console() -> Console:
    """The terminal. There is one, or a bar inside another would be drawn over it."""
    from rich.console import Console

    return Console(stderr=True)


@contextlib.contextmanager
def bar(title: str, *, time_left: bool = True) -> Iterator[Step]:
    """A bar that lives while the block runs; see the module for what it looks like where.

    `time_left` is guessed from the pace so far; a phase whose steps come in bursts puts it in its message instead.
    """
    if sys.stderr.isatty():
        with _moving(title, time_left) as step:
            yield step
    elif in_notebook():
        yield _changing(title)
    else:
        yield _lines(title, time_left)


class Pace:
    """How long a phase has taken and how long it may still take, from the second half of its time so far.

    Steps come in bursts: a batch is judged at once, then nothing happens for minutes. So the rate counts the time until
    now, not until the last step, and what happened in the first half (warming up, other sizes of batches) no more.
    Times are seconds of any clock that only moves forward.
    """

    def __init__(self, now: float) -> None:
        self._steps: list[tuple[float, int]] = []
        self._begun = now

    def step(self, done: int, now: float) -> None:
        """`done` steps are done now; what was done before the first call does not count for the rate."""
        if not self._steps or done != self._steps[-1][1]:
            self._steps.append((now, done))

    def elapsed(self, now: float) -> float:
        """Seconds since the beginning."""
        return now - self._begun

    def left(self, total: int, now: float) -> float | None:
        """Seconds to the end; None where nothing says."""
        if len(self._steps) < 2 or not total:
            return None
        (first, _), (_, done) = self._steps[0], self._steps[-1]
        half = first + (now - first) / 2
        at = max(0, bisect.bisect_right(self._steps, half, key=lambda step: step[0]) - 1)
        since, before = self._steps[at] if self._steps[at][1] < done else self._steps[0]
        return max(0, total - done) * (now - since) / (done - before)

    def words(self, total: int, now: float, *, time_left: bool = True) -> str:
        """ "3 min, about 12 min left"."""
        left = self.left(total, now) if time_left else None
        return format_duration(self.elapsed(now)) + (f", about {format_duration(left)} left" if left else "")


def format_duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextlib.contextmanager
def _moving(title: str, time_left: bool) -> Iterator[Step]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    pace = Pace(time.monotonic())

    class Times(ProgressColumn):
        """Elapsed and remaining time, also between two steps."""

        def render(self, task: Task) -> Text:
            return Text(pace.words(int(task.total or 0), time.monotonic(), time_left=time_left), style="dim")

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), Times())
    message_column = TextColumn("{task.fields[message]}", markup=False)
    with Progress(*columns, message_column, console=console()) as progress:
        task = progress.add_task(title, total=None, message="")

        def step(done: int, total: int, message: str) -> None:
            pace.step(done, time.monotonic())
            progress.update(task, completed=done, total=total or None, message=message)

        yield step


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which can change what it has shown."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


_SECONDS_BETWEEN_CHANGES = 0.2


def _changing(title: str) -> Step:
    """One line in a notebook's output. IPython alone is needed; the widgets that other bars use may not be there."""
    from IPython.display import display

    started = last = time.monotonic()
    shown = display({"text/plain": f"{title} …"}, raw=True, display_id=True)

    def step(done: int, total: int, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN_CHANGES and done != total:
            return
        last = now
        line = f"{title}: {done}/{total} {message}".rstrip() if total else f"{title}: {done} {message}".rstrip()
        shown.update({"text/plain": f"{line} ({now - started:.0f} s)"}, raw=True)

    return step


_SECONDS_BETWEEN_LINES = 15.0


def _lines(title: str, time_left: bool) -> Step:
    last = time.monotonic()
    pace = Pace(last)

    def step(done: int, total: int, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        pace.step(done, now)
        if now - last >= _SECONDS_BETWEEN_LINES or (done == total and total):
            last = now
            times = pace.words(total, now, time_left=time_left)
            print(f"{title}: {done}/{total} {message}".rstrip() + f" ({times})", file=sys.stderr)

    return step
