"""Progress for phases of more than a moment: a bar on a terminal, one changing line in a notebook, else a line now and
then on stderr."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness import processes
from harness.display import escape
from harness.time_left import TimeLeft

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
def bar(title: str, *, time_left: bool = True, work: Sequence[float] | None = None) -> Iterator[Step]:
    """A bar that lives while the block runs; see the module for what it looks like where.

    `time_left` is guessed from the pace so far, by the `work` in each step where they are unlike and come in random
    order; a phase that knows more than its steps puts it in its message instead. A first call before any step is done
    says when that began.
    """
    pace = Pace(time.monotonic(), work, time_left=time_left)
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


class Pace:
    """How long a phase of steps has taken and how long it may still take. Times are seconds of any forward clock."""

    def __init__(self, now: float, work: Sequence[float] | None = None, *, time_left: bool = True) -> None:
        """`work` is that of each step, where they are unlike and in random order; else the recent ones count alone.

        Without `time_left` nothing is said of it.
        """
        self._begun, self._shown = now, time_left
        self._upto = None if work is None else list(itertools.accumulate(work, initial=0.0))
        self._done, self._left = 0.0, TimeLeft() if work is None else TimeLeft(forgotten=0.0)

    def step(self, done: int, now: float) -> None:
        """`done` steps are done now."""
        self._done = self._work(done)
        self._left.done(self._done, now)

    def elapsed(self, now: float) -> float:
        """Seconds since the beginning."""
        return now - self._begun

    def left(self, total: int, now: float) -> float | None:
        """Seconds to the end of `total` steps; None where nothing says, or too little is done to tell."""
        return self._left.of(self._work(total) - self._done, now) if self._shown and total else None

    def _work(self, steps: int) -> float:
        """The work in the first `steps` of them."""
        return steps if self._upto is None else self._upto[min(steps, len(self._upto) - 1)]

    def words(self, total: int, now: float) -> str:
        """ "3 min, about 12 min left"."""
        left = self.left(total, now)
        return format_duration(self.elapsed(now)) + (f", about {format_duration(left)} left" if left else "")


def format_duration(seconds: float) -> str:
    """ "40 s", "2 min 40 s", "12 min", "3 h 20 min": never more than 6 % off, so that rounding misleads nobody."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 595:
        minutes, rest = divmod(10 * round(seconds / 10), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
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

    drawn = BarColumn(bar_width=min(40, console().width // 5))  # a narrow terminal has to have room for the words
    columns = (TextColumn("{task.description}", markup=False), drawn, MofNCompleteColumn(), Times())
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
