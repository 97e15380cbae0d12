"""Boards as the JSON that the page draws from. Rows are arrays and repeated texts are kept once: ten thousand fit."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.display import escape
from harness.evaluation.runs import RESULT
from harness.extract import readings
from harness.plugin_system.registry import Registry
from harness.ranking.boards import Board
from harness.ranking.costs import COLUMNS, COSTS, FAILURES, CostColumn
from harness.ranking.digits import digits
from harness.ranking.rows import Column, measure_columns, read_run_info
from harness.ranking.tables import footer
from harness.ranking.uncertainty import Uncertainty
from harness.records import Estimate, Row, to_json
from harness.report import explorer
from harness.report.board_questions import answer_questions
from harness.report.break_even import ASSUMPTIONS, break_even, sentence, soonest_first
from harness.report.curves import curves
from harness.report.taxonomy import KINDS

ROW = (
    "id",
    "model",
    "modelId",
    "method",
    "label",
    "rank",
    "rankTo",
    "seed",
    "examples",
    *COLUMNS,
    "shown",
    "publishable",
    "command",
    "made",
    "date",
    "curve",
    "seeds",
    "notes",
    "estimates",
)
"""The names of a row's places, in order; the page reads them from here. Costs are in base units;
`shown` has their digits as every form shows them, and scores are such digits."""


class StringTable:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The text's number."""
        return self.all.setdefault(escape(text), len(self.all))


def page_data(
    boards: Sequence[Board], folders: Mapping[str, Path], left_out: Sequence[str]
) -> tuple[Any, dict[str, str]]:
    """The page's data, and the packed parts by the id of their element."""
    registry = Registry(warn=lambda _: None)
    strings = StringTable()
    parts: dict[str, str] = {}
    board_data = []
    for board in boards:
        packed = explorer.pack_runs(board, folders, registry, explorer.MAX_BYTES - sum(map(len, parts.values())))
        parts |= {f"problems-{board.id}": packed.problems}
        parts |= {f"run-{name}": text for name, text in packed.runs.items()}
        columns = measure_columns(board.rows, everything=True)
        board_data.append({**_board(board, columns, folders, registry, strings), **_explored(board, columns, packed)})
    return {
        "boards": board_data,
        "row": ROW,
        "costs": _heads(COSTS),
        "failures": _heads(FAILURES),
        "texts": list(strings.all),
        "kinds": KINDS,
        "leftOut": [escape(line) for line in left_out],
        "assumptions": ASSUMPTIONS,
    }, parts


def _heads(columns: Mapping[str, CostColumn]) -> list[dict[str, Any]]:
    """What the page says above a column, and how many base units of its values make one unit of its title."""
    return [{"key": column.key, "title": column.title, "per": column.scale} for column in columns.values()]


def _explored(board: Board, columns: Sequence[Column], packed: explorer.PackedRuns) -> dict[str, Any]:
    places = {row.run_id: i for i, row in enumerate(board.rows)}
    return {
        "explored": [places[name] for name in packed.runs],
        "distributions": {places[name]: one for name, one in packed.distributions.items()},
        "missing": escape(packed.missing),
        "explorable": [columns.index((metric, measure, None)) for metric, measure in packed.measures],
    }


def _board(
    board: Board, columns: Sequence[Column], folders: Mapping[str, Path], registry: Registry, texts: StringTable
) -> dict[str, Any]:
    shown = [columns.index(column) for column in board.columns]
    pairs = break_even(board)
    names, numbers = curves(board)
    soonest = [*soonest_first(pairs, "s")[:40], *soonest_first(pairs, "J")[:40]]
    return {
        "id": board.id,
        "task": escape(board.rows[0].run.task),
        "title": board.title,
        "builtin": board.rows[0].run.builtin_data,
        "footer": escape(footer(board)),
        "columns": [_column(board, c) for c in columns],
        "shown": shown,
        "main": columns.index(board.ranked_by),
        "answers": to_json(answer_questions(board, folders, registry)),
        "breakEven": [sentence(board, one) for one in soonest],
        "curves": names,
        "rows": [_row(board, i, columns, numbers[i], folders, texts) for i in range(len(board.rows))],
    }


def _column(board: Board, column: Column) -> dict[str, Any]:
    metric, measure, slice_ = column
    shown = None if slice_ is None else escape(slice_)
    return {
        "metric": escape(metric),
        "measure": escape(measure),
        "slice": shown,
        "higher": _higher(board, column),
    }


def _higher(board: Board, column: Any) -> bool:
    return all(e.higher_is_better for row in board.rows if (e := board.column(row, column)) is not None)


def _row(
    board: Board,
    i: int,
    columns: Sequence[Column],
    curve: int | None,
    folders: Mapping[str, Path],
    texts: StringTable,
) -> list[Any]:
    row = board.rows[i]
    by = {(e.metric, e.measure, e.slice): e for e in row.estimates}
    folder = folders.get(row.run_id)
    facts = read_run_info(folder) if folder else None
    made = (
        f"data {facts.source}, sha256 {row.run.data_digest}; "
        + ", ".join(f"{name} {version}" for name, version in facts.versions.items())
        if facts
        else f"data sha256 {row.run.data_digest}"
    )
    values: dict[str, Any] = {
        "id": row.run_id,
        "model": texts.number(board.models[i]),
        "modelId": texts.number(row.run.model.id),
        "method": texts.number(row.run.method),
        "label": texts.number(board.labels[i]),
        "rank": board.ranks[i],
        "rankTo": board.ranks_to[i],
        "seed": row.run.seed,
        "examples": _examples(row),
        **{key: _rounded(column.value(row), column.decimals) for key, column in COLUMNS.items()},
        "shown": [texts.number(column.shown(row)) for column in COLUMNS.values()],
        "publishable": int(row.publishable),
        "command": escape(facts.command) if facts else "",
        "made": texts.number(made),
        "date": texts.number(_date(folder)) if folder else None,
        "curve": curve,
        "seeds": _seeds(board.uncertainty[i]),
        "notes": [texts.number(note) for note in (*_uncertainty(board.uncertainty[i]), *row.notes, *_readings(row))],
        "estimates": [_estimate(by.get(column)) for column in columns],
    }
    return [values[name] for name in ROW]


def _date(folder: Path) -> str:
    """When the result was written, as the file says."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime((folder / RESULT).stat().st_mtime))


def _seeds(sure: Uncertainty) -> list[Any] | int:
    """[seed, run, score in per cent] of each seed of a row that holds several; 0 for one."""
    if len(sure.seeds) == 1:
        return 0
    values = [None if value is None else f"{100 * value:.2f}" for value in sure.values]
    return [list(one) for one in zip(sure.seeds, sure.runs, values, strict=True)]


def _uncertainty(sure: Uncertainty) -> list[str]:
    return [sure.sentence()] if sure.sentence() else []


def _readings(row: Row) -> list[str]:
    return [f"answers found: {readings(row.readings)}"] if row.readings else []


def _examples(row: Row) -> float | None:
    """How many examples are in the prompt; 0 for a run that neither tunes nor shows any, None for a tuned one."""
    return None if row.trainable_parameters and not row.examples else round(row.examples, 2)


def _estimate(e: Estimate | None) -> list[str | int] | int:
    """[value, low, high, unscored], the first three as the digits in per cent, "" where unknown; 0 for no estimate."""
    return 0 if e is None else [*(digits(e) or ("", "", "")), e.unscored]


def _rounded(value: float | None, places: int) -> float | None:
    """The value with so many decimals; a whole number is written without any."""
    if value is None:
        return None
    kept = round(value, places)
    return int(kept) if kept == int(kept) else kept
