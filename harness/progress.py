"""Progress bars on stderr, for phases of more than a moment."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Step = Callable[[int, int, str], None]
"""Called with (done, of, words)."""


@functools.cache
def console() -> Console:
    """The terminal. There is one, or a bar inside another would be drawn over it."""
    from rich.console import Console

    return Console(stderr=True)


@contextlib.contextmanager
def bar(title: str) -> Iterator[Step]:
    """A bar that lives while the block runs; on a terminal it moves, elsewhere a line is written now and then."""
    if sys.stderr.isatty():
        with _moving(title) as step:
            yield step
    else:
        yield _lines(title)


@contextlib.contextmanager
def _moving(title: str) -> Iterator[Step]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[words]}"), console=console()) as progress:
        task = progress.add_task(title, total=None, words="")

        def step(done: int, of: int, words: str) -> None:
            progress.update(task, completed=done, total=of or None, words=words)

        yield step


_SECONDS_BETWEEN_LINES = 15.0


def _lines(title: str) -> Step:
    last = time.monotonic()

    def step(done: int, of: int, words: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES or (done == of and of):
            last = time.monotonic()
            print(f"{title}: {done}/{of} {words}".rstrip(), file=sys.stderr)

    return step
