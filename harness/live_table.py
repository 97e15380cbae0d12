"""A table of runs while they are made, on a terminal: which are done, which one is made, what is still to come.

Rows that do not fit the screen are counted in place of being shown; the bar of a phase stands below the table.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import progress
from harness.display import escape
from harness.progress import format_duration

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

WAITING, RUNNING, FINISHED, FAILED = "waiting", "running", "finished", "failed"
_COLOURS = {WAITING: "dim", RUNNING: "bold cyan", FINISHED: "green", FAILED: "bold red"}
MOST_ROWS = 16
"""Rows that are shown at most, however high the screen is."""
_BESIDE = 8
"""Lines of the screen that are left to the summary, the counts and the bar of a phase."""


@dataclass(slots=True)
class LiveRow:
    """One run: what it is, its state, what there is to say of it (its score, or why it failed), and its time."""

    words: str
    state: str = WAITING
    note: str = ""
    began: float | None = None
    seconds: float | None = None

    def time(self, now: float) -> str:
        """How long it took, or has taken by `now`; "" where it was made before."""
        seconds = now - self.began if self.state == RUNNING and self.began is not None else self.seconds
        return format_duration(seconds) if seconds else ""


class LiveTable:
    """The rows of several runs, by their place in `words`; `summary` says how far the whole is."""

    def __init__(self, words: Sequence[str], summary: Callable[[], str]) -> None:
        self.rows = [LiveRow(escape(one)) for one in words]
        self._summary = summary

    def started(self, place: int) -> None:
        """The run at `place` is made now."""
        row = self.rows[place]
        row.state, row.began = RUNNING, time.monotonic()

    def ended(self, place: int, state: str, seconds: float | None = None, note: str = "") -> None:
        """The run at `place` is FINISHED or FAILED after `seconds`."""
        row = self.rows[place]
        row.state, row.seconds, row.note = state, seconds, escape(note)

    def shown(self, most: int) -> tuple[list[LiveRow], str]:
        """At most `most` rows, in their order, and what is said of the others ("6 more finished, 40 waiting").

        Failed and running ones come before the next ones that wait, and those before the last ones that finished.
        """
        if len(self.rows) <= most:
            return list(self.rows), ""
        places = range(len(self.rows))
        of = {state: [i for i in places if self.rows[i].state == state] for state in _COLOURS}
        wanted = [*of[RUNNING], *of[FAILED][::-1][: most // 3], *of[WAITING][: most // 3]]
        wanted = [*wanted, *of[FINISHED][::-1], *of[WAITING][most // 3 :]][:most]
        hidden = {state: len(set(those) - set(wanted)) for state, those in of.items()}
        return [self.rows[i] for i in sorted(wanted)], ", ".join(f"{n} more {s}" for s, n in hidden.items() if n)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as wide and as high as the screen lets it be."""
        from rich.table import Table
        from rich.text import Text

        rows, more = self.shown(max(1, min(MOST_ROWS, console.height - _BESIDE)))
        now = time.monotonic()
        yield Text(escape(self._summary()), style="bold", no_wrap=True, overflow="ellipsis")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, justify="right")
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for row in rows:
            state = Text(row.state, style=_COLOURS[row.state])
            grid.add_row(state, Text(row.time(now)), Text(row.words), Text(row.note))
        yield grid
        if more:
            yield Text(more, style="dim")


@contextlib.contextmanager
def live(table: LiveTable) -> Iterator[None]:
    """Shows the table while the block runs; the caller has seen that stderr is a terminal."""
    from rich.live import Live

    with Live(table, console=progress.console(), refresh_per_second=4):
        yield


@contextlib.contextmanager
def shown_live(words: Sequence[str]) -> Iterator[LiveTable]:
    """A table of the runs of one command, shown while the block runs where they are several and there is a terminal."""
    begun = time.monotonic()

    def summary() -> str:
        done = sum(row.state == FINISHED for row in table.rows)
        return f"{done} of {len(table.rows)} runs done, {format_duration(time.monotonic() - begun)} so far"

    table = LiveTable(words, summary)
    with live(table) if len(words) > 1 and sys.stderr.isatty() else contextlib.nullcontext():
        yield table
