"""Reports the progress of a study on stderr: cells done, running and failed, and the time left."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence

from harness.evaluation import runs
from harness.live_table import LiveTable, live
from harness.progress import format_duration
from harness.ranking.tables import main_score
from harness.studies.runner import FAILED, FINISHED, CellOutcome, PlannedCell
from harness.studies.study import Cell


class ProgressReporter:
    """Counts cells and prints a line for each that starts."""

    def __init__(self, name: str, planned: Sequence[PlannedCell]) -> None:
        self.name = name
        self.total = len(planned)
        self.done = self.failed = 0
        self._waiting = {one.cell: one for one in planned if one.state != FINISHED}
        self._durations: dict[tuple[str, str | None, str], list[float]] = {}
        self._running: dict[Cell, float] = {}

    def remaining(self, now: float) -> tuple[float, int] | None:
        """Expected seconds from `now`, and for how many of the waiting cells they are a guess; None before the first.

        A cell takes as long as those of its task, model and method took in this attempt; where there was none, as long
        as the mean of all, which is the guess.
        """
        every = [seconds for those in self._durations.values() for seconds in those]
        if not every:
            return None
        mean, total, guessed = sum(every) / len(every), 0.0, 0
        for cell in self._waiting:
            known = self._durations.get(_kind(cell), [])
            expected = sum(known) / len(known) if known else mean
            guessed += not known
            total += max(0.0, expected - (now - self._running.get(cell, now)))
        return total, guessed

    @property
    def summary(self) -> str:
        """ "3 of 14 done, 1 running, 1 failed, about 4 min left (2 cells like none before)"."""
        running = f", {len(self._running)} running" if self._running else ""
        return f"{self.done} of {self.total} done{running}, {self.failed} failed{self._left()}"

    def _left(self) -> str:
        found = self.remaining(time.monotonic())
        if found is None or not self._waiting:
            return ""
        seconds, guessed = found
        guess = f" ({guessed} {'cell' if guessed == 1 else 'cells'} like none before)" if guessed else ""
        return f", about {format_duration(seconds)} left{guess}"

    def started(self, cell: Cell) -> None:
        """Report that a cell starts."""
        print(f"{self.name}: {self.summary}; now {cell.description}", file=sys.stderr, flush=True)
        self._running[cell] = time.monotonic()

    def ended(self, outcome: CellOutcome) -> None:
        """Report that a cell finished or failed."""
        self.done += outcome.state == FINISHED
        self.failed += outcome.state == FAILED
        self._running.pop(outcome.cell, None)
        if outcome.seconds > 0 or outcome.state == FAILED:
            self._waiting.pop(outcome.cell, None)
        if outcome.seconds >= 1:  # a cell that fails at once says nothing about the duration of others
            self._durations.setdefault(_kind(outcome.cell), []).append(outcome.seconds)


def _kind(cell: Cell) -> tuple[str, str | None, str]:
    """Cells of one kind take about the same time."""
    return cell.request.task, cell.request.model, cell.request.method


class _LiveReporter(ProgressReporter):
    """Reports the same with a table of the cells."""

    def __init__(self, name: str, planned: Sequence[PlannedCell]) -> None:
        super().__init__(name, planned)
        self._begun = time.monotonic()
        self._places = {one.cell: i for i, one in enumerate(planned)}
        self._roots = {one.cell: one.job.runs for one in planned}
        words = [one.cell.description for one in planned]
        self.table = LiveTable(words, lambda: f"{name}: {self.summary}, {self._elapsed()} so far")

    def _elapsed(self) -> str:
        return format_duration(time.monotonic() - self._begun)

    def started(self, cell: Cell) -> None:
        self._running[cell] = time.monotonic()
        self.table.started(self._places[cell])

    def ended(self, outcome: CellOutcome) -> None:
        super().ended(outcome)
        note = outcome.reason
        if outcome.state == FINISHED and outcome.run_id is not None:
            row = runs.finished_row(self._roots[outcome.cell] / outcome.run_id)
            note = "" if row is None else main_score(row)
        self.table.ended(self._places[outcome.cell], outcome.state, outcome.seconds, note)


@contextlib.contextmanager
def report_progress(name: str, planned: Sequence[PlannedCell]) -> Iterator[ProgressReporter]:
    """A reporter for the duration of the block: a table on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield ProgressReporter(name, planned)
        return
    reporter = _LiveReporter(name, planned)
    with live(reporter.table):
        yield reporter
