"""Tables for a terminal: as wide as it is. Columns that do not fit are left out and named, long names are cut."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from harness.display import escape
from harness.ranking.boards import Board, rank_boards
from harness.ranking.costs import COLUMNS
from harness.ranking.tables import NO_RUNS, commands, footer, notes, table_rows
from harness.records import Row

GAP = "  "
_NAMES = (1, 2)
"""The columns of the model and the method, which are cut where nothing more can be left out."""
_KEPT = 4
"""Rank, model, method and the score that ranks are always there."""
_SHORTEST = 8
"""Letters that are left of a name at least."""


def text(
    boards: Sequence[Board],
    folders: Mapping[str, Path] | None = None,
    *,
    width: int | None = None,
    top: int | None = None,
) -> str:
    """The boards as aligned columns; with `folders`, the command of each row below.

    `width` is how many columns of letters there are, None for as many as the table needs; `top` is how many rows of
    each board are shown, None for all.
    """
    return "\n\n".join(_board(board, folders or {}, width, top) for board in boards) or NO_RUNS


def rows_as_text(rows: Sequence[Row], folders: Mapping[str, Path] | None = None, *, width: int | None = None) -> str:
    """The rows as aligned columns; with `folders`, ranked by tests of their records."""
    return text(rank_boards(rows, folders), width=width)


def _board(board: Board, folders: Mapping[str, Path], width: int | None, top: int | None) -> str:
    head, *rows = ([escape(cell) for cell in line] for line in table_rows(board))
    main = next(i for i, cell in enumerate(head) if cell.endswith(" *"))
    order = [0, 1, 2, main, *(i for i in range(3, len(head)) if i != main)]
    shown = [[line[i] for i in order] for line in [head, *rows[:top]]]
    fitted, left_out = (shown, []) if width is None else fit(shown, width)
    below = [f"{len(rows) - top} more rows: leave out --top"] if top is not None and len(rows) > top else []
    below += [f"no room for: {', '.join(left_out)}; see them with --wide"] if left_out else []
    below += [footer(board), *notes(board)]
    lines = [*wrap(board.title, width), align_columns(fitted)]
    lines += [part for line in below for part in wrap(line, width, "  ")]
    if made := commands(board, folders):
        lines += ["  to make a row again:", *(part for line in made for part in command_lines(line, width))]
    return "\n".join(lines)


def _priority(head: str) -> int:
    """Which column is left out sooner: what could not be judged, then costs from the right, then further scores."""
    costs = [column.header for column in COLUMNS.values()]
    return costs.index(head) + 1 if head in costs else 0


def fit(rows: Sequence[Sequence[str]], width: int) -> tuple[list[list[str]], list[str]]:
    """The table with as many columns as fit into `width`, names cut where those are still too wide; and what is left
    out."""
    kept: list[int] = list(range(len(rows[0])))
    left_out: list[str] = []
    while _wide(rows, kept) > width and len(kept) > _KEPT:
        last = max(kept[_KEPT:], key=lambda i: (_priority(rows[0][i]), i))
        kept.remove(last)
        left_out.insert(0, rows[0][last])
    found = [[row[i] for i in kept] for row in rows]
    over = _wide(found, range(len(kept))) - width
    for column in sorted(_NAMES, key=lambda i: -max(cell_len(row[i]) for row in found)):
        if over > 0:
            now = max(cell_len(row[column]) for row in found)
            limit = max(_SHORTEST, now - over)
            over -= now - limit
            found = [[*row[:column], shorten(row[column], limit), *row[column + 1 :]] for row in found]
    return found, left_out


def _wide(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> int:
    return sum(max(cell_len(row[i]) for row in rows) for i in columns) + len(GAP) * (len(columns) - 1)


def shorten(words: str, width: int) -> str:
    """At most `width` columns of letters, with "…" in place of what is cut."""
    return words if cell_len(words) <= width else set_cell_size(words, width - 1).rstrip() + "…"


def align_columns(rows: Sequence[Sequence[str]]) -> str:
    """Cells in columns as wide as their widest on a terminal; the first line is underlined."""
    rows = [[escape(cell) for cell in line] for line in rows]
    widths = [max(cell_len(line[i]) for line in rows) for i in range(len(rows[0]))]
    shown = [
        GAP.join(item + " " * (width - cell_len(item)) for item, width in zip(line, widths, strict=True)).rstrip()
        for line in rows
    ]
    return "\n".join([shown[0], "-" * max(map(cell_len, shown)), *shown[1:]])


def wrap(text: str, width: int | None, indent: str = "", *, whole: bool = False) -> list[str]:
    """Prose as lines no wider than `width`. A longer word is cut, as prose without blanks is; not where `whole`."""
    text = escape(text)
    if width is None:
        return [indent + text]
    lines, line = [], indent
    room = max(_SHORTEST, width - len(indent))
    words = text.split(" ") if whole else [part for word in text.split(" ") for part in _pieces(word, room)]
    for word in words:
        joined = f"{line} {word}" if line.strip() else indent + word
        if cell_len(joined) > width and line.strip():
            lines.append(line)
            joined = indent + word
        line = joined
    return [*lines, line]


_HANG = "    "


def hang(line: str, width: int) -> list[str]:
    """A line of prose as lines no wider than `width`, all but the first indented."""
    blanks = line[: len(line) - len(line.lstrip())]
    indent = blanks + _HANG
    first, *rest = wrap(line.lstrip(), width - len(indent))
    return [blanks + first, *(indent + part for part in rest)]


def _pieces(word: str, width: int) -> list[str]:
    """A word, or where it is wider the pieces of it that are not."""
    pieces = [""]
    for sign in word:
        if cell_len(pieces[-1] + sign) > width:
            pieces.append("")
        pieces[-1] += sign
    return pieces


def command_lines(line: str, width: int | None, indent: str = "    ") -> list[str]:
    """A command over several lines, which a shell still reads as one; one with spaces in its words is not cut."""
    line = escape(line)
    try:
        whole = any(" " in word for word in shlex.split(line))
    except ValueError:  # no command of a shell, which a stranger's may not be
        whole = True
    if width is None or whole:
        return [f"{indent}{line}"]
    found = wrap(line, width - len(indent) - len("  ") - len(" \\"), whole=True)
    ends = [*[" \\"] * (len(found) - 1), ""]
    return [f"{indent}{'  ' if i else ''}{part}{end}" for i, (part, end) in enumerate(zip(found, ends, strict=True))]
