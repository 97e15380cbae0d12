"""Reports the progress of a study on stderr: cells done, running and failed, and the remaining time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from harness import progress
from harness.progress import format_duration
from harness.studies.runner import FAILED, FINISHED, CellOutcome, PlannedCell
from harness.studies.study import Cell


class ProgressReporter:
    """Counts cells and prints a line for each that starts."""

    def __init__(self, name: str, planned: Sequence[PlannedCell]) -> None:
        self.name = name
        self.total = len(planned)
        self.waiting = sum(one.state != FINISHED for one in planned)
        self.done = self.failed = 0
        self.durations: list[float] = []

    @property
    def remaining(self) -> float | None:
        """Expected remaining seconds, from the mean duration of the cells of this attempt; None before the first."""
        return sum(self.durations) / len(self.durations) * self.waiting if self.durations else None

    @property
    def summary(self) -> str:
        """ "3 of 14 done, 1 failed, 4 min left"."""
        left = "" if self.remaining is None or not self.waiting else f", {format_duration(self.remaining)} left"
        return f"{self.done} of {self.total} done, {self.failed} failed{left}"

    def started(self, cell: Cell) -> None:
        """Report that a cell starts."""
        print(f"{self.name}: {self.summary}; now {cell.description}", file=sys.stderr, flush=True)

    def ended(self, outcome: CellOutcome) -> None:
        """Report that a cell finished or failed."""
        self.done += outcome.state == FINISHED
        self.failed += outcome.state == FAILED
        self.waiting -= outcome.seconds > 0 or outcome.state == FAILED
        if outcome.seconds >= 1:  # a cell that fails at once says nothing about the duration of others
            self.durations.append(outcome.seconds)


class _LiveReporter(ProgressReporter):
    """Reports the same with a progress bar."""

    def __init__(self, name: str, planned: Sequence[PlannedCell]) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__(name, planned)
        columns = (SpinnerColumn(), TextColumn("[bold]{task.description}"), BarColumn(), TimeElapsedColumn())
        status_columns = (TextColumn("{task.fields[summary]}"), TextColumn("[dim]{task.fields[now]}", markup=True))
        self.progress = Progress(*columns, *status_columns, console=progress.console())
        self._task = self.progress.add_task(name, total=self.total, summary=self.summary, now="")

    def started(self, cell: Cell) -> None:
        self.progress.update(self._task, completed=self.done + self.failed, summary=self.summary, now=cell.description)

    def ended(self, outcome: CellOutcome) -> None:
        super().ended(outcome)
        self.progress.update(self._task, completed=self.done + self.failed, summary=self.summary)
        if outcome.state == FAILED:
            self.progress.console.print(f"failed: {outcome.cell.description}: {outcome.reason}", markup=False)


@contextlib.contextmanager
def report_progress(name: str, planned: Sequence[PlannedCell]) -> Iterator[ProgressReporter]:
    """A reporter for the duration of the block: a progress bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield ProgressReporter(name, planned)
        return
    live = _LiveReporter(name, planned)
    with live.progress:
        yield live
