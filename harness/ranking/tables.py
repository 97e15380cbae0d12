"""Boards as rows of text, and as Markdown, CSV and JSON; `terminal` and `latex` are made from the same rows."""

from __future__ import annotations

import csv as csv_module
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.display import csv_cell, escape, escape_json
from harness.ranking.boards import Board
from harness.ranking.costs import COLUMNS
from harness.ranking.digits import digits
from harness.ranking.ranking import ranking_column
from harness.ranking.rows import RunInfo, find_estimate, group_rows, read_run_info
from harness.ranking.uncertainty import MIN_SEEDS, Uncertainty, has_too_few_seeds
from harness.records import Estimate, Row, to_json

NO_RUNS = "no finished runs"


def format_estimate(estimate: Estimate | None) -> str:
    """A score in per cent with its interval: "12.50 [8.1, 17.9]"; what could not be measured says so."""
    found = digits(estimate)
    if estimate is None or found is None:
        return "not measured"
    value, low, high = found
    text = f"{value} [{low}, {high}]" if low and high else value
    return text + (f" ({estimate.unscored} unscored)" if estimate.unscored else "")


def main_score(row: Row) -> str:
    """The score of one run that ranks it, with its name: "em@1 12.50 [8.1, 17.9]"; "" where nothing was scored."""
    column = ranking_column([row], None)
    return "" if column is None else f"{column[1]} {format_estimate(find_estimate(row, column))}"


def table_rows(board: Board) -> list[list[str]]:
    """Header and rows of a board."""
    main = f"{board.ranked_by[1]} *"
    names = [main if column == board.ranked_by else column[1] for column in board.columns]
    rows = [["rank", "model", "method", *names, *(column.header for column in COLUMNS.values())]]
    for i, (row, label) in enumerate(zip(board.rows, board.labels, strict=True)):
        scores = [format_estimate(board.column(row, column)) for column in board.columns]
        costs = [column.shown(row) for column in COLUMNS.values()]
        rows.append([board.rank_text(i), board.models[i], label, *scores, *costs])
    return rows


def footer(board: Board, measure: str | None = None) -> str:
    """How to read the ranks; `measure` is what the ranking measure is called there, None for its own name.

    The example of a range is one that stands in the table; where there is none, none is explained.
    """
    ranges = ((first, last) for first, last in zip(board.ranks, board.ranks_to, strict=True) if first != last)
    first, last = next(ranges, (None, None))
    example = "" if first is None else f"; {first}-{last}: any place from {first} to {last}"
    text = f"* ranks by {measure or board.ranked_by[1]}{example} ({board.basis}). Intervals: 95 %."
    if has_few_seeds_of_training(board):
        text += f" With fewer than {MIN_SEEDS} seeds they do not hold what training adds."
    return text


def has_few_seeds_of_training(board: Board) -> bool:
    """Whether a row was tuned with so few seeds that tests and intervals do not hold what training adds."""
    pairs = zip(board.rows, board.uncertainty, strict=True)
    return any(row.run.tuning is not None and has_too_few_seeds(one) for row, one in pairs)


def notes(board: Board) -> list[str]:
    """What the runs want to be said about them, with the methods that it is about.

    Notes of one method that differ in numbers alone are one line, with the lowest and highest of each number.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for row in board.rows:
        for note in row.notes:
            alike.setdefault((row.run.method, _NUMBER.sub("#", note)), []).append(note)
    methods: dict[str, list[str]] = {}
    for (method, _), found in alike.items():
        methods.setdefault(_with_ranges(found), []).append(method)
    return [f"{', '.join(sorted(named))}: {note}" for note, named in methods.items()]


_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)")


def _with_ranges(alike: Sequence[str]) -> str:
    """Notes that differ in numbers alone as one note."""
    numbers = [sorted(found, key=float) for found in zip(*map(_NUMBER.findall, alike), strict=True)]
    ranges = iter([n[0] if n[0] == n[-1] else f"{n[0]}-{n[-1]}" for n in numbers])
    return _NUMBER.sub(lambda _: next(ranges), alike[0])


def commands(board: Board, folders: Mapping[str, Path]) -> list[str]:
    """The commands that make each row again, in the order of the rows; only of runs whose folder is known."""
    return [read_run_info(folders[name]).command for one in board.uncertainty for name in one.runs if name in folders]


# ---- Markdown ----------------------------------------------------------------------------------------------------


def markdown(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """GitHub-flavoured Markdown, one table for each board."""
    return "\n\n".join(_markdown(board, folders or {}) for board in boards) or NO_RUNS


def _markdown(board: Board, folders: Mapping[str, Path]) -> str:
    parts = [f"**{escape_markdown(board.title)}**", markdown_table(table_rows(board)), escape_markdown(footer(board))]
    if board_notes := notes(board):
        parts.append("\n".join(f"- {escape_markdown(note)}" for note in board_notes))
    if shown := [escape(line) for line in commands(board, folders)]:
        fence = "`" * max(3, 1 + max(len(run) for line in shown for run in re.findall("`*", line)))
        parts.append(f"To make a row again:\n\n{fence}console\n" + "\n".join(shown) + f"\n{fence}")
    return "\n\n".join(parts)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first line is its head."""
    shown = [f"| {' | '.join(escape_markdown(item) for item in line)} |" for line in rows]
    return "\n".join([shown[0], "|" + " --- |" * len(rows[0]), *shown[1:]])


def escape_markdown(text: str) -> str:
    """One line, in which nothing is Markdown, and no address or mention becomes a link."""
    text = escape(text)
    for sign in "\\|*_`<>[]#~&":
        text = text.replace(sign, f"\\{sign}")
    return re.sub(r"(?<!\w)@", r"\\@", text).replace("://", ":\\//")


# ---- data --------------------------------------------------------------------------------------------------------

_HEAD = ("run", "task", "version", "builtin", "data", "model", "method", "label", "seed", "board", "rank", "ranked_by")
_SCORES = ("metric", "measure", "slice", "value", "low", "high", "n", "unscored")
_CERTAINTY = ("rank_to", "seeds", "error_problems", "error_answers", "error_training", "detectable")


def csv(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """One line for each run and measure, every slice and variant included; costs in their base units."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")

    def write(cells: Sequence[Any]) -> None:
        writer.writerow([csv_cell(cell) if isinstance(cell, str) else cell for cell in cells])

    write([*_HEAD, *_SCORES, *COLUMNS, "publishable", "command", *_CERTAINTY])
    for board in boards:
        for row, rank, to, label, uncertainty in zip(
            board.rows, board.ranks, board.ranks_to, board.labels, board.uncertainty, strict=True
        ):
            run = row.run
            head = [row.run_id, run.task, run.task_version, run.builtin_data, run.data_digest, run.model.id, run.method]
            head += [label, run.seed, board.id, "" if rank is None else rank, board.ranked_by[1]]
            costs = ["" if value is None else value for value in _values(row).values()]
            folder = (folders or {}).get(row.run_id)
            tail = [
                *costs,
                row.publishable,
                read_run_info(folder).command if folder else "",
                *_certainty(to, uncertainty),
            ]
            for e in row.estimates:
                scores = (e.metric, e.measure, e.slice or "", e.value, e.low, e.high, e.n, e.unscored)
                write([*head, *scores, *tail])
    return out.getvalue().rstrip("\n")


def _values(row: Row) -> dict[str, float | None]:
    """The row's costs by the keys of their columns, in base units."""
    return {key: column.value(row) for key, column in COLUMNS.items()}


def _certainty(to: int | None, uncertainty: Uncertainty) -> list[Any]:
    errors = [
        "" if v is None else v
        for v in (uncertainty.problems, uncertainty.answers, uncertainty.training, uncertainty.detectable)
    ]
    return ["" if to is None else to, " ".join(map(str, uncertainty.seeds)), *errors]


def json_lines(
    boards: Sequence[Board], folders: Mapping[str, Path] | None = None, on_disk: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """The text of a JSON array, a line for each row: its place, how it was made, and the row itself.

    `on_disk` holds the rows' JSON where it was read anyway, since making it again takes as long as all the rest.
    """
    between, encode = "[", json.JSONEncoder(ensure_ascii=False).encode
    for board in boards:
        place = {"board": board.id, "title": board.title, "ranked_by": board.ranked_by[1], "rank_basis": board.basis}
        for row, rank, to, label, uncertainty in zip(
            board.rows, board.ranks, board.ranks_to, board.labels, board.uncertainty, strict=True
        ):
            folder = (folders or {}).get(row.run_id)
            made = _made(read_run_info(folder), folder) if folder else {}
            values = {"rank": rank, "rank_to": to, "label": label, **place, "publishable": row.publishable, **made}
            values["columns"] = _values(row)
            values |= ((on_disk or {}).get(row.run_id) if len(uncertainty.runs) == 1 else None) or to_json(row)
            values["certainty"] = to_json(uncertainty)
            yield between + escape_json(encode(values))
            between = ","
    yield "]" if between == "," else "[]"


def _made(facts: RunInfo, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "command": facts.command,
        "data_source": facts.source,
        "versions": facts.versions,
        "machine": facts.machine,
    }


def rows_as_json(rows: Sequence[Row]) -> list[Any]:
    """The rows as JSON objects, in the order of their boards, with whether they may be published."""
    return [{**to_json(row), "publishable": row.publishable} for group in group_rows(rows) for row in group]
