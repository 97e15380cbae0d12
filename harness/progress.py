"""Progress for phases of more than a moment: a bar on a terminal, one changing line in a notebook, else a line now and
then on stderr."""

from __future__ import annotations

import bisect
import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from harness import processes
from harness.display import escape

if TYPE_CHECKING:
    from rich.console import Console

Step = Callable[[int, int, str], None]
"""Called with (done, total, message)."""


@functools.cache
def console() -> Console:
    """The terminal. There is one, or a bar inside another would be drawn over it."""
    from rich.console import Console

    return Console(stderr=True)


VERBOSE = "HARNESS_VERBOSE"
"""Set where each phase is to be told with what it cost; a variable, so that other processes hear of it too."""


def detail(text: str) -> None:
    """What only somebody who asks with `-v` is told, in a line on stderr; above the bars of a terminal."""
    if os.environ.get(VERBOSE, "0") in ("", "0"):
        return
    if sys.stderr.isatty():
        console().print(escape(text), markup=False, highlight=False, style="dim")
    else:
        print(escape(text), file=sys.stderr, flush=True)


@contextlib.contextmanager
def bar(title: str, *, time_left: bool = True, at_once: int = 1) -> Iterator[Step]:
    """A bar that lives while the block runs; see the module for what it looks like where.

    `time_left` is guessed from the pace so far; a phase that knows more than its steps puts it in its message instead.
    `at_once` is how many steps are worked on at a time; a first call before any is done says when that began.
    """
    pace = Pace(time.monotonic(), at_once if time_left else None)
    if sys.stderr.isatty():
        with _moving(title, pace) as step:
            yield step
    elif in_notebook():
        yield _changing(title)
    else:
        yield _lines(title, pace)


@contextlib.contextmanager
def whole(title: str) -> Iterator[None]:
    """A phase without steps, like loading a model: on a terminal its name and time while the block runs.

    A log gets its name when it begins, since what hangs or is ended by the system says nothing more; and, where that
    took more than a moment, the time that it took.
    """
    if not sys.stderr.isatty():
        yield from _told(title)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True) as shown:
        shown.add_task(title, total=None)
        yield


def _told(title: str) -> Iterator[None]:
    said = processes.is_first() and not in_notebook()
    begun = time.monotonic()
    if said:
        print(title, file=sys.stderr, flush=True)
    yield
    if said and (seconds := time.monotonic() - begun) >= 1.0:
        print(f"{title}: done ({format_duration(seconds)})", file=sys.stderr, flush=True)


_ROUNDS = 3
"""Rounds of steps that are worked on at once which a rate is measured over at least."""


class Pace:
    """How long a phase has taken and how long it may still take, from the second half of its time so far.

    Steps come in bursts: a batch is judged at once, then nothing happens for minutes. So the rate counts the time until
    now, not until the last step, and what happened in the first half (warming up, other sizes of batches) no more.
    Where several steps are under way, each of them counts as half done but at the beginning, when nothing is; and a few
    rounds of them count at least, since those that end first are short ones.
    Times are seconds of any clock that only moves forward.
    """

    def __init__(self, now: float, at_once: int | None = 1) -> None:
        """`at_once` steps are worked on at a time; None where nothing is to be said of the time left."""
        self._steps: list[tuple[float, int]] = []
        self._begun = now
        self._at_once = at_once

    def step(self, done: int, now: float) -> None:
        """`done` steps are done now; what was done before the first call does not count for the rate."""
        if not self._steps or done != self._steps[-1][1]:
            self._steps.append((now, done))

    def elapsed(self, now: float) -> float:
        """Seconds since the beginning."""
        return now - self._begun

    def left(self, total: int, now: float) -> float | None:
        """Seconds to the end; None where nothing says, or too little is done to tell."""
        if self._at_once is None or len(self._steps) < 2 or not total:
            return None
        (_, begun), (_, done) = self._steps[0], self._steps[-1]
        if done < total and done - begun < min(self._at_once, (total - begun) / 4):
            return None
        since, before = self._window(now)
        ahead = self._under_way(done, total)
        work = done + ahead - before - (0 if before == begun else self._under_way(before, total))
        return max(0.0, total - done - ahead) * (now - since) / work if work > 0 else None

    def _window(self, now: float) -> tuple[float, int]:
        """The step from which on the rate is measured."""
        (first, _), (_, done) = self._steps[0], self._steps[-1]
        half = first + (now - first) / 2
        at = max(0, bisect.bisect_right(self._steps, half, key=lambda step: step[0]) - 1)
        several = self._at_once is not None and self._at_once > 1
        least = done - (_ROUNDS * (self._at_once or 1) if several else 1)
        at = min(at, max(0, bisect.bisect_right(self._steps, least, key=lambda step: step[1]) - 1))
        after_first = now - self._steps[1][0]
        if several and at == 0 and after_first >= self._steps[1][0] - first:
            at = 1  # as long again as the first step took: what is left has no such beginning
        return self._steps[at]

    def _under_way(self, done: int, total: int) -> float:
        """The halves of the steps that are under way."""
        return min((self._at_once or 1) - 1, total - done) / 2

    def words(self, total: int, now: float) -> str:
        """ "3 min, about 12 min left"."""
        left = self.left(total, now)
        return format_duration(self.elapsed(now)) + (f", about {format_duration(left)} left" if left else "")


def format_duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextlib.contextmanager
def _moving(title: str, pace: Pace) -> Iterator[Step]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Times(ProgressColumn):
        """Elapsed and remaining time, also between two steps."""

        def render(self, task: Task) -> Text:
            return Text(pace.words(int(task.total or 0), time.monotonic()), style="dim")

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


def _lines(title: str, pace: Pace) -> Step:
    last = time.monotonic()

    def step(done: int, total: int, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        pace.step(done, now)
        if now - last >= _SECONDS_BETWEEN_LINES or (done == total and total):
            last = now
            line = f"{title}: {done}/{total} {message}".rstrip()
            print(f"{line} ({pace.words(total, now)})", file=sys.stderr, flush=True)

    return step
