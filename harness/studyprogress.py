"""How far a study is: cells done, running and failed, and when it will end. On stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from harness import progress
from harness.cells import FAILED, FINISHED, Ended, Placed
from harness.study import Cell


class Watcher:
    """Counts cells; a line for each on a plain stream."""

    def __init__(self, name: str, placed: Sequence[Placed]) -> None:
        self.name = name
        self.total = len(placed)
        self.waiting = sum(one.state != FINISHED for one in placed)
        self.done = self.failed = 0
        self.took: list[float] = []

    @property
    def remaining(self) -> float | None:
        """Expected seconds to the end, at the pace of the cells that were run now; None before the first."""
        return sum(self.took) / len(self.took) * self.waiting if self.took else None

    @property
    def words(self) -> str:
        """ "3 of 14 done, 1 failed, 4 min left"."""
        left = "" if self.remaining is None or not self.waiting else f", {span(self.remaining)} left"
        return f"{self.done} of {self.total} done, {self.failed} failed{left}"

    def started(self, cell: Cell) -> None:
        """A cell is about to be run."""
        print(f"{self.name}: {self.words}; now {cell.words}", file=sys.stderr, flush=True)

    def ended(self, ended: Ended) -> None:
        """A cell was finished, or failed."""
        self.done += ended.state == FINISHED
        self.failed += ended.state == FAILED
        self.waiting -= ended.seconds > 0 or ended.state == FAILED
        if ended.seconds >= 1:  # a cell that cannot even be planned says nothing about the others
            self.took.append(ended.seconds)


class _Live(Watcher):
    """The same as a bar that stays in its place."""

    def __init__(self, name: str, placed: Sequence[Placed]) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__(name, placed)
        columns = (SpinnerColumn(), TextColumn("[bold]{task.description}"), BarColumn(), TimeElapsedColumn())
        words = (TextColumn("{task.fields[words]}"), TextColumn("[dim]{task.fields[now]}", markup=True))
        self.progress = Progress(*columns, *words, console=progress.console())
        self._task = self.progress.add_task(name, total=self.total, words=self.words, now="")

    def started(self, cell: Cell) -> None:
        self.progress.update(self._task, completed=self.done + self.failed, words=self.words, now=cell.words)

    def ended(self, ended: Ended) -> None:
        super().ended(ended)
        self.progress.update(self._task, completed=self.done + self.failed, words=self.words)
        if ended.state == FAILED:
            self.progress.console.print(f"failed: {ended.cell.words}: {ended.reason}", markup=False)


def span(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextlib.contextmanager
def watch(name: str, placed: Sequence[Placed]) -> Iterator[Watcher]:
    """A watcher that lives while the block runs; it moves on a terminal and writes lines elsewhere."""
    if not sys.stderr.isatty():
        yield Watcher(name, placed)
        return
    live = _Live(name, placed)
    with live.progress:
        yield live
