"""Boards as the JSON that the page draws from. Rows are arrays and repeated texts are kept once: ten thousand fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.leaderboard import Board, about, energy, failures, measures, peak_bytes, seconds, tokens_per_request
from harness.records import Estimate, Row, to_json
from harness.registry import Registry
from harness.report import explorer
from harness.report.answers import answers
from harness.report.breakeven import ASSUMPTIONS, break_even, sentence, shortest
from harness.report.taxonomy import KINDS
from harness.tables import footer

ROW = (
    "id",
    "model",
    "method",
    "label",
    "rank",
    "seed",
    "examples",
    "trainable",
    "memory",
    "tuning",
    "writing",
    "tokensIn",
    "tokensOut",
    "energy",
    "timeouts",
    "unmeasured",
    "publishable",
    "command",
    "made",
    "notes",
    "estimates",
)
"""The names of a row's places, in order; the page reads them from here."""


class Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The text's number."""
        return self.all.setdefault(text, len(self.all))


def payload(
    boards: Sequence[Board], folders: Mapping[str, Path], left_out: Sequence[str]
) -> tuple[Any, dict[str, str]]:
    """The page's data, and the packed parts by the id of their element."""
    registry = Registry(warn=lambda _: None)
    texts = Texts()
    parts: dict[str, str] = {}
    found = []
    for board in boards:
        packed = explorer.pack(board, folders, registry, explorer.BUDGET - sum(map(len, parts.values())))
        parts |= {f"problems-{board.id}": packed.problems}
        parts |= {f"run-{name}": text for name, text in packed.runs.items()}
        found.append({**_board(board, folders, registry, texts), **_explored(board, packed)})
    return {
        "boards": found,
        "row": ROW,
        "texts": list(texts.all),
        "kinds": KINDS,
        "leftOut": list(left_out),
        "assumptions": ASSUMPTIONS,
    }, parts


def _explored(board: Board, packed: explorer.Packed) -> dict[str, Any]:
    places = {row.run_id: i for i, row in enumerate(board.rows)}
    return {
        "explored": [places[name] for name in packed.runs],
        "distributions": {places[name]: one for name, one in packed.distributions.items()},
        "missing": packed.missing,
    }


def _board(board: Board, folders: Mapping[str, Path], registry: Registry, texts: Texts) -> dict[str, Any]:
    columns = measures(board.rows, everything=True)
    shown = [columns.index(column) for column in board.columns]
    pairs = break_even(board)
    soonest = [*shortest(pairs, "s")[:40], *shortest(pairs, "J")[:40]]
    return {
        "id": board.id,
        "task": board.rows[0].run.task,
        "title": board.title,
        "builtin": board.rows[0].run.builtin_data,
        "footer": footer(board),
        "columns": [{"metric": c[0], "measure": c[1], "slice": c[2], "higher": _higher(board, c)} for c in columns],
        "shown": shown,
        "main": columns.index(board.ranked_by),
        "answers": to_json(answers(board, folders, registry)),
        "breakEven": [sentence(board, one) for one in soonest],
        "rows": [_row(board, i, columns, folders, texts) for i in range(len(board.rows))],
    }


def _higher(board: Board, column: Any) -> bool:
    return all(e.higher_is_better for row in board.rows if (e := board.column(row, column)) is not None)


def _row(board: Board, i: int, columns: Sequence[Any], folders: Mapping[str, Path], texts: Texts) -> list[Any]:
    row = board.rows[i]
    by = {(e.metric, e.measure, e.slice): e for e in row.estimates}
    tokens = tokens_per_request(row)
    folder = folders.get(row.run_id)
    facts = about(folder) if folder else None
    made = (
        f"data {facts.source}, sha256 {row.run.data_digest}; "
        + ", ".join(f"{name} {version}" for name, version in facts.versions.items())
        if facts
        else f"data sha256 {row.run.data_digest}"
    )
    values: dict[str, Any] = {
        "id": row.run_id,
        "model": texts.number(row.run.model.id),
        "method": texts.number(row.run.method),
        "label": texts.number(board.labels[i]),
        "rank": board.ranks[i],
        "seed": row.run.seed,
        "examples": _examples(row),
        "trainable": row.trainable_parameters,
        "memory": peak_bytes(row),
        "tuning": seconds(row, "tune"),
        "writing": _rounded(seconds(row, "generate")),
        "tokensIn": _rounded(tokens[0]) if tokens else None,
        "tokensOut": _rounded(tokens[1]) if tokens else None,
        "energy": _rounded(energy(row)),
        "timeouts": failures(row)[0],
        "unmeasured": failures(row)[1],
        "publishable": int(row.publishable),
        "command": facts.command if facts else "",
        "made": texts.number(made),
        "notes": [texts.number(note) for note in row.notes],
        "estimates": [_estimate(by.get(column)) for column in columns],
    }
    return [values[name] for name in ROW]


def _examples(row: Row) -> float | None:
    """How many examples are in the prompt; 0 for a run that neither tunes nor shows any, None for a tuned one."""
    return None if row.trainable_parameters and not row.examples else round(row.examples, 2)


def _estimate(e: Estimate | None) -> list[float | int | None] | int:
    """[value, low, high, unscored] in per cent; 0 where there is none."""
    if e is None:
        return 0
    return [None if v is None else round(100 * v, 2) for v in (e.value, e.low, e.high)] + [e.unscored]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
