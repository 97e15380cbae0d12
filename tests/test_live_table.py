"""What is shown of many runs while they are made: first what went wrong and what goes on, within the screen."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from harness import progress
from harness.live_table import FAILED, FINISHED, RUNNING, WAITING, LiveTable, shown_live


def table_of(count: int) -> LiveTable:
    return LiveTable([f"run {i}" for i in range(count)], lambda: "some of many")


def screen_of(table: LiveTable, width: int, height: int) -> list[str]:
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)
    screen.print(table)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_every_run_is_shown_with_its_state_time_and_score() -> None:
    table = table_of(3)
    table.ended(0, FINISHED, 200.0, "em@1 12.50 [8.1, 17.9]")
    table.started(1)
    first, *rows = screen_of(table, 100, 40)
    assert first == "some of many"
    assert [row.split()[0] for row in rows] == [FINISHED, RUNNING, WAITING]
    assert rows[0].split("  ")[-1].strip() == "em@1 12.50 [8.1, 17.9]" and " 3 min " in rows[0]


def test_what_runs_and_what_failed_is_shown_however_many_there_are() -> None:
    table = table_of(500)
    for i in range(100):
        table.ended(i, FAILED if i == 3 else FINISHED, 1.0, "no such model" if i == 3 else "")
    table.started(100)
    rows, more = table.shown(10)
    assert len(rows) == 10
    assert [row.words for row in rows if row.state in (FAILED, RUNNING)] == ["run 3", "run 100"]
    assert next(row.words for row in rows if row.state == WAITING) == "run 101"
    assert [row.words for row in rows if row.state == FINISHED][-1] == "run 99"
    finished = sum(row.state == FINISHED for row in rows)
    waiting = sum(row.state == WAITING for row in rows)
    assert more == f"{399 - waiting} more waiting, {99 - finished} more finished"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("height", [12, 24, 60])
def test_the_table_fits_any_screen(width: int, height: int) -> None:
    words = ["多次元配列を並べ替える方法" * 6, "lora on conala, CodeLlama-7b-hf, lora.r=8, seed 42" * 3]
    table = LiveTable([f"{words[i % 2]} {i}" for i in range(40)], lambda: "3 of 40 done, " * 30)
    for i in range(20):
        table.ended(i, FAILED if i % 3 else FINISHED, 10.0 * i, "a reason of many words " * 9)
    table.started(20)
    lines = screen_of(table, width, height)
    assert len(lines) <= height - 4
    assert all(progress.console().measure(line).maximum <= width for line in lines)


def test_what_a_stranger_named_a_run_is_only_shown() -> None:
    table = LiveTable(["\x1b]0;owned\x07[red]bold[/red]"], lambda: "\x1b[2J")
    table.ended(0, FAILED, 1.0, "\x1b[31m[link=http://x]y[/link]")
    shown = "\n".join(screen_of(table, 200, 40))
    assert "\x1b" not in shown
    assert "\\x1b]0;owned\\x07[red]bold[/red]" in shown and "[link=http://x]y[/link]" in shown


def test_one_run_or_no_terminal_needs_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(progress, "console", lambda: screen)
    assert isinstance(screen.file, io.StringIO)
    for terminal, words in ((True, ["lora, seed 1"]), (False, ["lora, seed 1", "ia3, seed 1"])):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        with shown_live(words) as table:
            table.started(0)
        assert not screen.file.getvalue()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with shown_live(["lora, seed 1", "ia3, seed 1"]) as table:
        table.ended(0, FINISHED, 2.0, "em@1 12.50")
    assert "1 of 2 runs done" in screen.file.getvalue()
