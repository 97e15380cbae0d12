"""Boards as text: aligned columns, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv as csv_module
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.leaderboard import (
    COSTS,
    About,
    Board,
    about,
    energy,
    failures,
    peak_bytes,
    seconds,
    tokens_per_request,
)
from harness.records import Estimate, Row, to_json

NOTHING = "no finished runs"


def cell(estimate: Estimate | None) -> str:
    """A score in per cent with its interval: "12.50 [8.1, 17.9]"; what could not be measured says so."""
    if estimate is None or estimate.value is None:
        return "not measured"
    text = f"{100 * estimate.value:.2f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
    return text + (f" ({estimate.unscored} unscored)" if estimate.unscored else "")


def count(number: int) -> str:
    """A number of parameters: "12.5M", "7B"; "-" for none."""
    if number == 0:
        return "-"
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def gigabytes(size: int | None) -> str:
    """Bytes in GB (10^9): "9.16"; "-" where unknown."""
    return "-" if size is None else f"{size / 1e9:.2f}"


def _costs(row: Row) -> list[str]:
    tune, write, tokens, joules = (
        seconds(row, "tune"),
        seconds(row, "generate"),
        tokens_per_request(row),
        energy(row),
    )
    late, broken = failures(row)
    return [
        count(row.trainable_parameters),
        gigabytes(peak_bytes(row)),
        "-" if tune is None else f"{tune:.0f}",
        "-" if write is None else f"{write:.0f}",
        "-" if tokens is None else f"{tokens[0]:.0f}+{tokens[1]:.0f}",
        "-" if joules is None else f"{joules / 3600:.1f}",
        str(late),
        str(broken),
    ]


COST_NAMES = ("trainable", "peak GB", "tune s", "write s", "tokens/request", "Wh", "timeouts", "unmeasured")


def lines(board: Board) -> list[list[str]]:
    """Header and rows of a board."""
    main = f"{board.ranked_by[1]} *"
    names = [main if column == board.ranked_by else column[1] for column in board.columns]
    found = [["rank", "model", "method", *names, *COST_NAMES]]
    for row, rank, label in zip(board.rows, board.ranks, board.labels, strict=True):
        scores = [cell(board.column(row, column)) for column in board.columns]
        found.append(["-" if rank is None else str(rank), row.run.model.name, label, *scores, *_costs(row)])
    return found


def footer(board: Board) -> str:
    """How to read the ranks."""
    return f"* ranks by {board.ranked_by[1]}; equal ranks: not found to differ ({board.basis}). Intervals: 95 %."


def notes(board: Board) -> list[str]:
    """What the runs want to be said about them, once each."""
    return list(dict.fromkeys(f"{row.run.method}: {note}" for row in board.rows for note in row.notes))


def commands(board: Board, folders: Mapping[str, Path]) -> list[str]:
    """The command that makes each row again, in the order of the rows; only of runs whose folder is known."""
    return [about(folders[row.run_id]).command for row in board.rows if row.run_id in folders]


def text(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """Aligned columns; with `folders`, the command of each row below."""
    return "\n\n".join(_text(board, folders or {}) for board in boards) or NOTHING


def _text(board: Board, folders: Mapping[str, Path]) -> str:
    below = [footer(board), *notes(board)]
    shown = commands(board, folders)
    below += ["to make a row again:", *(f"  {line}" for line in shown)] if shown else []
    return "\n".join([board.title, aligned(lines(board)), *(f"  {line}" for line in below)])


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Cells in columns as wide as their widest; the first line is underlined."""
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    shown = ["  ".join(item.ljust(width) for item, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([shown[0], "-" * max(map(len, shown)), *shown[1:]])


# ---- Markdown ----------------------------------------------------------------------------------------------------


def markdown(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """GitHub-flavoured Markdown, one table for each board."""
    return "\n\n".join(_markdown(board, folders or {}) for board in boards) or NOTHING


def _markdown(board: Board, folders: Mapping[str, Path]) -> str:
    parts = [f"**{_escaped(board.title)}**", pipes(lines(board)), _escaped(footer(board))]
    if said := notes(board):
        parts.append("\n".join(f"- {_escaped(note)}" for note in said))
    if shown := commands(board, folders):
        parts.append("To make a row again:\n\n```console\n" + "\n".join(shown) + "\n```")
    return "\n\n".join(parts)


def pipes(cells: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first line is its head."""
    shown = [f"| {' | '.join(_escaped(item) for item in line)} |" for line in cells]
    return "\n".join([shown[0], "|" + " --- |" * len(cells[0]), *shown[1:]])


def _escaped(words: str) -> str:
    for sign in "\\|*_`<>[]#":
        words = words.replace(sign, f"\\{sign}")
    return words.replace("\n", " ")


# ---- LaTeX -------------------------------------------------------------------------------------------------------

_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # a bracket that opens a line would be taken for an option of \\
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
}


def tex(words: str) -> str:
    """`words` with TeX's own signs escaped; what pdfLaTeX has no letter for becomes a question mark."""
    return "".join(_TEX.get(sign, sign if ord(sign) < 256 else "?") for sign in words)


def latex(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """A `longtable` for each board; the preamble needs `booktabs` and `longtable`."""
    parts = ["% \\usepackage{booktabs,longtable}"]
    return "\n\n".join([*parts, *(_latex(board, folders or {}) for board in boards)])


def _latex(board: Board, folders: Mapping[str, Path]) -> str:
    comments = "".join(f"% {line}\n" for line in commands(board, folders))
    return comments + longtable(lines(board), board.title, footer(board), f"tab:{board.rows[0].run.task}-{board.id}")


def longtable(
    cells: Sequence[Sequence[str]], caption: str, below: str, label: str, over: Sequence[tuple[str, int]] = ()
) -> str:
    """Cells as a table that breaks across pages, in small print; the first line is its head.

    `over` stands above the head: texts with the number of columns that each spans.
    """
    head, *body = [" & ".join(tex(item) for item in line) + r" \\" for line in cells]
    width = len(cells[0])
    return "\n".join(
        [
            r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{longtable}}{{{'l' * width}}}",
            rf"\caption{{{tex(caption)}}}\label{{{label}}} \\",
            r"\toprule",
            *([" & ".join(rf"\multicolumn{{{n}}}{{l}}{{{tex(text)}}}" for text, n in over) + r" \\"] if over else []),
            head,
            r"\midrule",
            r"\endhead",
            *body,
            r"\bottomrule",
            rf"\multicolumn{{{width}}}{{p{{0.95\linewidth}}}}{{{tex(below)}}} \\",
            r"\end{longtable}",
            r"\endgroup",
        ]
    )


# ---- data --------------------------------------------------------------------------------------------------------

_HEAD = ("run", "task", "version", "builtin", "data", "model", "method", "label", "seed", "board", "rank", "ranked_by")
_SCORES = ("metric", "measure", "slice", "value", "low", "high", "n", "unscored")
_FAILURES = ("timeouts", "unmeasured", "publishable")


def csv(boards: Sequence[Board], folders: Mapping[str, Path] | None = None) -> str:
    """One line for each run and measure, every slice and variant included; costs in their base units."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow([*_HEAD, *_SCORES, *COSTS, *_FAILURES, "command"])
    for board in boards:
        for row, rank, label in zip(board.rows, board.ranks, board.labels, strict=True):
            run = row.run
            head = [row.run_id, run.task, run.task_version, run.builtin_data, run.data_digest, run.model.id, run.method]
            head += [label, run.seed, board.id, "" if rank is None else rank, board.ranked_by[1]]
            costs = ["" if (cost := of(row)) is None else cost for of in COSTS.values()]
            folder = (folders or {}).get(row.run_id)
            tail = [*costs, *failures(row), row.publishable, about(folder).command if folder else ""]
            for e in row.estimates:
                scores = (e.metric, e.measure, e.slice or "", e.value, e.low, e.high, e.n, e.unscored)
                writer.writerow([*head, *scores, *tail])
    return out.getvalue().rstrip("\n")


def json_lines(
    boards: Sequence[Board], folders: Mapping[str, Path] | None = None, on_disk: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """The text of a JSON array, a line for each row: its place, how it was made, and the row itself.

    `on_disk` holds the rows' JSON where it was read anyway, since making it again takes as long as all the rest.
    """
    between, encode = "[", json.JSONEncoder(ensure_ascii=False).encode
    for board in boards:
        place = {"board": board.id, "title": board.title, "ranked_by": board.ranked_by[1], "rank_basis": board.basis}
        for row, rank, label in zip(board.rows, board.ranks, board.labels, strict=True):
            folder = (folders or {}).get(row.run_id)
            made = _made(about(folder), folder) if folder else {}
            found = {"rank": rank, "label": label, **place, "publishable": row.publishable, **made}
            found |= (on_disk or {}).get(row.run_id) or to_json(row)
            yield between + encode(found)
            between = ","
    yield "]" if between == "," else "[]"


def _made(facts: About, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "command": facts.command,
        "data_source": facts.source,
        "versions": facts.versions,
        "machine": facts.machine,
    }
