"""A table on a terminal never wraps, says what it left out, and counts letters as a terminal does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from rich.cells import cell_len

from harness.ranking import terminal
from harness.ranking.boards import Board
from harness.ranking.rows import collect
from harness.ranking.tables import table_rows

LONG = "maker/模型-with-a-name-far-longer-than-any-terminal-is-wide-7b-instruct"


def test_no_line_of_a_table_is_wider_than_the_terminal(board_of: Callable[..., Board], tmp_path: Path) -> None:
    board = board_of((LONG, "lora"), ("b/coder", "zero-shot"), ("c/coder", "icl"))
    folders = collect([tmp_path / "runs"]).folders
    for width in (60, 80, 120, 200):
        text = terminal.text([board], folders, width=width)
        lines = [line.strip().removesuffix(" \\") for line in text.splitlines() if cell_len(line) > width]
        assert [line for line in lines if " " in line] == [], width
        assert "em@1 *" in text and "rank" in text and "zero-shot" in text
        told = " ".join(text.split()).partition("no room for: ")[2]
        for column in table_rows(board)[0]:
            assert column in text.split("----")[0] or column in told, (width, column)


def test_columns_line_up_where_letters_are_two_wide() -> None:
    first, _, *rows = terminal.align_columns([["model", "x"], ["模型", "1"], ["coder", "2"]]).splitlines()
    at = first.index("x")
    assert [cell_len(row[: row.index(value)]) for row, value in zip(rows, "12", strict=True)] == [at, at]


def test_the_first_rows_are_shown_and_the_others_counted(board_of: Callable[..., Board]) -> None:
    board = board_of(("a/coder", "lora"), ("a/coder", "ia3"), ("a/coder", "icl"), problems=8)
    text = terminal.text([board], top=1)
    assert "1" in text and "2 more rows" in text
    assert sum(method in text.split("----")[-1].split("\n")[1] for method in ("lora", "ia3", "icl")) == 1


def test_a_command_over_several_lines_is_still_one_for_a_shell(board_of: Callable[..., Board], tmp_path: Path) -> None:
    board = board_of(("maker/coder", "lora"))
    text = terminal.text([board], collect([tmp_path / "runs"]).folders, width=60)
    shown = text.split("to make a row again:\n")[1]
    assert " \\\n" in shown
    words = shown.replace("\\\n", " ").split()
    assert words == [
        "harness",
        "eval",
        "--method",
        "lora",
        "--task",
        "conala",
        "--model",
        "maker/coder",
        "--seed",
        "42",
    ]


def test_two_models_with_one_last_name_are_told_apart_in_every_form(
    board_of: Callable[..., Board], synthetic: ModuleType
) -> None:
    from harness.ranking import latex, tables

    board = board_of(("one/final", "lora"), ("two/final", "lora"), ("three/other", "lora"), problems=8)
    for form in (terminal.text, tables.markdown, tables.csv, latex.latex):
        text = form([board]).replace("\\allowbreak{}", "")
        assert "one/final" in text and "two/final" in text
    assert "other" in board.models


def test_the_command_asks_the_terminal_how_wide_it_is(
    synthetic: ModuleType, board_of: Callable[..., Board], tmp_path: Path
) -> None:
    board_of(("maker/coder", "lora"), ("maker/coder", "icl"), problems=8)
    runs = tmp_path / "runs"
    narrow, wide = (_on_a_terminal(70, "leaderboard", str(runs), *more) for more in ((), ("--wide",)))
    assert max(map(cell_len, narrow)) <= 70 and any("no room for" in line for line in narrow)
    assert max(map(cell_len, wide)) > 120 and not any("no room for" in line for line in wide)
    assert not any("\x1b" in line for line in (*narrow, *wide))


def _on_a_terminal(columns: int, *words: str) -> list[str]:
    """The lines that harness writes to a terminal of that width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "harness", *words]
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environ) as process:
        os.close(follower)
        written = b""
        with contextlib.suppress(OSError):  # Linux says so at the end of what was written
            while part := os.read(leader, 65536):
                written += part
        assert process.wait() == 0
    os.close(leader)
    return written.decode().splitlines()
