"""After how many requests does tuning pay, against writing examples into every prompt?

Tuning is paid once, then each request is short; examples cost nothing at first and are read again with every request.
With T the tuning, a the cost of a request of the tuned model and b that with examples, tuning has paid after
T / (b - a) requests, if a < b. Computed from recorded costs, in seconds of the machine and, where it was measured, in
joules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.leaderboard import Board, problems, sort_key
from harness.records import Cost, Row

ASSUMPTIONS = (
    "Seconds and joules are those recorded for these runs, on their machine and at their batch size; loading the model "
    "is left out, since both need it. A request is one problem with all its candidates. Tuning counts once, as it was "
    "recorded, and no search for its settings. Quality is not part of the sum: see the scores beside it."
)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """One tuned row against one prompting row, in one unit ("s" or "J").

    `requests` is the number after which tuning has paid; None when it never does, since its requests cost no less.
    """

    tuned: int
    prompting: int
    unit: str
    once: float
    tuned_request: float
    prompting_request: float
    requests: int | None


def break_even(board: Board) -> list[BreakEven]:
    """The best run of each tuning method against the best of each method that shows examples, model by model.

    Rows are named by their place on the board. Only runs that recorded both phases take part.
    """
    tuned, prompting = _best(board, _tunes), _best(board, _prompts)
    pairs = [(i, j) for i in tuned for j in prompting if board.rows[i].run.model == board.rows[j].run.model]
    found = [_pair(board.rows[i], board.rows[j], i, j, unit) for i, j in pairs for unit in ("s", "J")]
    return [one for one in found if one is not None]


def _best(board: Board, wanted: Callable[[Row], bool]) -> list[int]:
    """The place of the best row of each model and method that is `wanted`."""
    found: dict[Any, int] = {}
    for i in sorted(range(len(board.rows)), key=lambda i: sort_key(board.rows[i], board.ranked_by)):
        if wanted(row := board.rows[i]):
            found.setdefault((row.run.model, row.run.method), i)
    return list(found.values())


def _tunes(row: Row) -> bool:
    return row.trainable_parameters > 0 and row.examples == 0


def _prompts(row: Row) -> bool:
    return row.trainable_parameters == 0 and row.examples > 0


def _pair(tuned: Row, other: Row, i: int, j: int, unit: str) -> BreakEven | None:
    once, a, b = _spent(tuned, "tune", unit), _spent(tuned, "generate", unit), _spent(other, "generate", unit)
    if once is None or a is None or b is None or not (problems(tuned) and problems(other)):
        return None
    a, b = a / problems(tuned), b / problems(other)
    return BreakEven(i, j, unit, once, a, b, math.ceil(once / (b - a)) if b > a else None)


def _spent(row: Row, phase: str, unit: str) -> float | None:
    cost: Cost | None = next((cost for cost in row.costs if cost.phase == phase), None)
    return None if cost is None else cost.seconds if unit == "s" else cost.energy_joules


def sentence(board: Board, one: BreakEven) -> str:
    """ "lora overtakes icl (n=8) after 1,204 requests: …"; with the model's name where the board has several."""
    models = {row.run.model for row in board.rows}
    model = f"{board.rows[one.tuned].run.model.name}: " if len(models) > 1 else ""
    a, b = model + board.labels[one.tuned], board.labels[one.prompting]
    terms = (
        f"tuning {one.once:,.0f} {one.unit} once, then {one.tuned_request:.3g} {one.unit} a request, "
        f"against {one.prompting_request:.3g} {one.unit}; "
        f"{board.ranked_by[1]} {_score(board, one.tuned)} against {_score(board, one.prompting)} per cent"
    )
    if one.requests is None:
        return f"{a} never overtakes {b}: {terms}"
    return f"{a} overtakes {b} after {one.requests:,} requests: {terms}"


def _score(board: Board, i: int) -> str:
    found = board.column(board.rows[i], board.ranked_by)
    return "not measured" if found is None or found.value is None else f"{100 * found.value:.2f}"


def shortest(found: Sequence[BreakEven], unit: str) -> list[BreakEven]:
    """For each tuned row the comparisons in one unit, the soonest first."""
    return sorted((one for one in found if one.unit == unit), key=lambda o: (o.tuned, o.requests or math.inf))
