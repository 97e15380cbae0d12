"""Boards and other tables as LaTeX that fits `\\textwidth`: wide tables are cut into parts, long names are wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.display import escape
from harness.ranking.boards import Board
from harness.ranking.display_names import DisplayNames
from harness.ranking.tables import commands, footer, table_rows

PREAMBLE = "% \\usepackage{array,booktabs,longtable,textcomp}"
TEXT_WIDTH = 335.0
"""Points that a table may be wide: `article` has a `\\textwidth` of 345 pt at 10 pt."""
_GAP = 6.0
"""Points between two columns: twice `\\tabcolsep`."""
_NAME, _VALUE = 90.0, 78.0
"""Points that a column of names or of values may be wide before its cells are wrapped."""

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
    '"': r"{\ttfamily\char34}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
}
_LONG, _PIECE = 12, 6
"""Signs of a word that no line may be too short for, and of the pieces into which such a word may be broken."""


def escape_tex(text: str) -> str:
    """`text` with TeX's own signs escaped; what pdfLaTeX has no letter for is written as its number, "U+4E2D".

    Names have no spaces and no hyphenation, so TeX is told where a long word may be broken.
    """
    words = []
    for word in escape(text).split(" "):
        signs = [_TEX.get(sign, _letter(sign)) for sign in word]
        step = _PIECE if len(word) > _LONG else len(word) or 1
        words.append(r"\allowbreak{}".join("".join(signs[i : i + step]) for i in range(0, len(signs), step)))
    return " ".join(words)


def _letter(sign: str) -> str:
    return sign if ord(sign) < 0x7F or 0xA0 < ord(sign) < 0x100 else f"U+{ord(sign):04X} "


def latex(boards: Sequence[Board], folders: Mapping[str, Path] | None = None, names: DisplayNames | None = None) -> str:
    """A `longtable`, or several, for each board; the preamble needs `array`, `booktabs` and `longtable`.

    Tasks, methods and measures are called as `names` says, or as one types them; commands are as one types them.
    """
    return "\n\n".join([PREAMBLE, *(_board(board, folders or {}, names) for board in boards)])


def _board(board: Board, folders: Mapping[str, Path], names: DisplayNames | None) -> str:
    comments = "".join(f"% {escape(line)}\n" for line in commands(board, folders))
    rows, task, measure, title = table_rows(board), board.rows[0].run.task, board.ranked_by[1], board.title
    if names is not None:
        title = title.replace(task, names.task(task), 1)
        measure = names.measure(measure)
        rows = _with_display_names(rows, names)
    label = f"tab:{re.sub('[^0-9A-Za-z.-]', '-', task)}-{board.id}"
    whole = Table(rows, names=3, caption=title, below=footer(board, measure), label=label)
    return comments + "\n\n".join(longtables(whole))


def _with_display_names(rows: Sequence[Sequence[str]], names: DisplayNames) -> list[list[str]]:
    """The rows of `table_rows` with methods and measures as papers write them."""
    [rank, model, method, *columns], *others = rows
    head = [rank, model, method, *map(names.measure, columns)]
    return [head, *([*row[:2], names.method(row[2]), *row[3:]] for row in others)]


@dataclass(frozen=True)
class Table:
    """A table: its rows with the header first, of which the first `names` columns stand in every part.

    `over` are texts above the header of the other columns, each with the number of columns that it spans; columns under
    one text stay together.
    """

    rows: Sequence[Sequence[str]]
    names: int
    caption: str
    below: str
    label: str
    over: Sequence[tuple[str, int]] = ()


def longtables(table: Table) -> Iterator[str]:
    """The table as one `longtable`, or as several where it is wider than the text."""
    widths = [_width(table, i) for i in range(len(table.rows[0]))]
    groups = list(table.over) or [("", 1)] * (len(widths) - table.names)
    at = table.names
    room = TEXT_WIDTH - sum(width + _GAP for width in widths[:at]) - _GAP
    for text, span in groups:  # a text above may be wider than all that stands below it
        lacking = min(_points(text), room) - sum(widths[at : at + span]) - _GAP * (span - 1)
        widths[at + span - 1] += max(0.0, lacking)
        at += span
    parts = _parts(widths, table.names, [span for _, span in groups])
    for number, (first, last) in enumerate(parts, 1):
        start = table.names + sum(span for _, span in groups[:first])
        end = start + sum(span for _, span in groups[first:last])
        places = [*range(table.names), *range(start, end)]
        several = len(parts) > 1
        part = replace(
            table,
            rows=[[row[i] for i in places] for row in table.rows],
            over=groups[first:last] if table.over else (),
            caption=f"{table.caption.rstrip('.')}, part {number} of {len(parts)}." if several else table.caption,
            label=f"{table.label}-{number}" if several else table.label,
        )
        yield _longtable(part, [widths[i] for i in places])


def _parts(widths: Sequence[float], names: int, spans: Sequence[int]) -> list[tuple[int, int]]:
    """Which groups of columns stand in which part, as (first, behind the last): as many as fit, one at least."""
    room = TEXT_WIDTH - sum(width + _GAP for width in widths[:names])
    found, first, used, at = [], 0, 0.0, names
    for i, span in enumerate(spans):
        wide = sum(width + _GAP for width in widths[at : at + span])
        if used + wide > room and i > first:
            found.append((first, i))
            first, used = i, 0.0
        used += wide
        at += span
    return [*found, (first, len(spans))]


def _width(table: Table, column: int) -> float:
    """Points that a column is wide, at most what such a column may be."""
    return min(max(map(_points, (row[column] for row in table.rows))), _NAME if column < table.names else _VALUE)


_NARROW, _WIDE = set("ijltfrI.,:;'|!()[] "), set("mwMW@%—…")


def _points(text: str) -> float:
    """About how wide a text is in Computer Modern at 8 pt, rather more than less."""
    return sum(map(_sign_points, escape(text)))


def _sign_points(sign: str) -> float:
    if sign in _NARROW:
        return 3.2
    if sign in _WIDE:
        return 7.4
    if ord(sign) >= 0x100:
        return 28.0  # written as a number
    return 6.2 if sign.isupper() else 4.6


_WRAPPED = r">{\raggedright\arraybackslash\hspace{0pt}}p"
"""A column, but for its width, whose cells are broken into lines."""


def _longtable(table: Table, widths: Sequence[float]) -> str:
    """Cells as a table that breaks across pages, in small print."""
    head, *body = [" & ".join(escape_tex(item) for item in row) + r" \\" for row in table.rows]
    limits = [_NAME if i < table.names else _VALUE for i in range(len(widths))]
    columns = [f"{_WRAPPED}{{{w:.0f}pt}}" if w >= limit else "l" for w, limit in zip(widths, limits, strict=True)]
    return "\n".join(
        [
            r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{longtable}}{{{''.join(columns)}}}",
            rf"\caption{{{escape_tex(table.caption)}}}\label{{{table.label}}} \\",
            r"\toprule",
            *_over(table, widths),
            head,
            r"\midrule",
            r"\endhead",
            *body,
            r"\bottomrule",
            rf"\multicolumn{{{len(widths)}}}{{p{{0.95\linewidth}}}}{{{escape_tex(table.below)}}} \\",
            r"\end{longtable}",
            r"\endgroup",
        ]
    )


def _over(table: Table, widths: Sequence[float]) -> list[str]:
    """The line of texts above the header; one that is wider than its columns is wrapped."""
    if not table.over:
        return []
    cells, at = [r"\multicolumn{1}{l}{}"] * table.names, table.names
    for text, span in table.over:
        wide = sum(widths[at : at + span]) + _GAP * (span - 1)
        column = f"{_WRAPPED}{{{wide:.0f}pt}}" if _points(text) > wide else "l"
        cells.append(rf"\multicolumn{{{span}}}{{{column}}}{{{escape_tex(text)}}}")
        at += span
    return [" & ".join(cells) + r" \\"]
