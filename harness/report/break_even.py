"""After how many requests does tuning pay, against writing examples into every prompt?

Tuning is paid once, then each request is short; examples cost nothing at first and are read again with every request.
With T the tuning, a the cost of a request of the tuned model and b that with examples, tuning has paid after
T / (b - a) requests, if a < b. Computed from recorded costs, in seconds of the machine and, where it was measured, in
joules. Where b - a is no larger than what recorded costs differ by themselves, no number of requests is named: it would
be as large as chance makes it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.display import escape
from harness.ranking.boards import Board
from harness.ranking.costs import problem_count
from harness.ranking.digits import digits
from harness.ranking.rows import sort_key
from harness.records import Cost, Row

ASSUMPTIONS = (
    "Seconds and joules are those recorded for these runs, on their machine and at their batch size; loading the model "
    "is left out, since both need it. A request is one problem with all its candidates. Tuning counts once, as it was "
    "recorded, and no search for its settings. Quality is not part of the sum: see the scores beside it. Costs of a "
    "request that differ by less than a tenth, or by less than the seeds of one method do, count as the same."
)
NOISE = 0.1
"""The part of a cost by which two recordings of the same work may differ: one seed says nothing about it, and machines
are never quite idle."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """One tuned row against one prompting row, in one unit ("s" or "J").

    `requests` is the number after which tuning has paid; None when it never does, since its requests cost no less, or
    when the difference is within `noise`, the amount by which such costs differ by themselves.
    """

    tuned: int
    prompting: int
    unit: str
    once: float
    tuned_request: float
    prompting_request: float
    noise: float
    requests: int | None

    @property
    def clear(self) -> bool:
        """Whether a request costs more on one side by more than chance."""
        return abs(self.prompting_request - self.tuned_request) > self.noise


def break_even(board: Board) -> list[BreakEven]:
    """The best run of each tuning method against the best of each method that shows examples, model by model.

    Rows are named by their place on the board. Only runs that recorded both phases take part.
    """
    tuned, prompting = _best(board, _tunes), _best(board, _prompts)
    pairs = [(i, j) for i in tuned for j in prompting if board.rows[i].run.model == board.rows[j].run.model]
    found = [_pair(board, i, j, unit) for i, j in pairs for unit in ("s", "J")]
    return [one for one in found if one is not None]


def _best(board: Board, wanted: Callable[[Row], bool]) -> list[int]:
    """The place of the best row of each model and method that is `wanted`."""
    places: dict[Any, int] = {}
    for i in sorted(range(len(board.rows)), key=lambda i: sort_key(board.rows[i], board.ranked_by)):
        if wanted(row := board.rows[i]):
            places.setdefault((row.run.model, row.run.method), i)
    return list(places.values())


def _tunes(row: Row) -> bool:
    return row.trainable_parameters > 0 and row.examples == 0


def _prompts(row: Row) -> bool:
    return row.trainable_parameters == 0 and row.examples > 0


def _pair(board: Board, i: int, j: int, unit: str) -> BreakEven | None:
    tuned, other = board.rows[i], board.rows[j]
    once, a, b = (
        _phase_cost(tuned, "tune", unit),
        _phase_cost(tuned, "generate", unit),
        _phase_cost(other, "generate", unit),
    )
    if once is None or a is None or b is None or not (problem_count(tuned) and problem_count(other)):
        return None
    a, b = a / problem_count(tuned), b / problem_count(other)
    noise = math.hypot(a * _noise(board.uncertainty[i].writing), b * _noise(board.uncertainty[j].writing))
    noise = max(noise, NOISE * max(a, b))
    return BreakEven(i, j, unit, once, a, b, noise, math.ceil(once / (b - a)) if b - a > noise else None)


def _noise(seconds: Sequence[float]) -> float:
    """Twice the standard error of the mean over seeds, as a part of it; 0 where there is one seed."""
    if len(seconds) < 2 or not (mean := statistics.mean(seconds)):
        return 0.0
    return 2 * statistics.stdev(seconds) / math.sqrt(len(seconds)) / mean


def _phase_cost(row: Row, phase: str, unit: str) -> float | None:
    cost: Cost | None = next((cost for cost in row.costs if cost.phase == phase), None)
    return None if cost is None else cost.seconds if unit == "s" else cost.energy_joules


def sentence(board: Board, one: BreakEven) -> str:
    """What tuning costs once, what a request costs with and without it, and when that has paid, with both scores."""
    models = {row.run.model for row in board.rows}
    model = f"{board.models[one.tuned]}: " if len(models) > 1 else ""
    a, b = model + board.labels[one.tuned], board.labels[one.prompting]
    low, high, unit = one.tuned_request, one.prompting_request, one.unit
    scores = f"{escape(board.ranked_by[1])} {_score(board, one.tuned)} against {_score(board, one.prompting)} per cent"
    if not one.clear:
        told = f"a request costs about the same, {low:.3g} {unit} against {high:.3g} {unit}, so no number can be named"
    elif one.requests is None:
        told = f"never: a request costs {low:.3g} {unit} against {high:.3g} {unit}"
    else:
        told = f"{one.once:,.0f} {unit} once save {high - low:.3g} {unit} a request ({low:.3g} against {high:.3g})"
        return f"{a} in place of {b}: {told}; paid back after {_rounded(one.requests)} requests; {scores}"
    return f"{a} in place of {b}: {told}; tuning costs {one.once:,.0f} {unit} once; {scores}"


def _rounded(requests: int) -> str:
    """Two digits, which is more than recorded costs are good for."""
    size = 10 ** max(0, len(str(requests)) - 2)
    return f"{round(requests / size) * size:,}"


def _score(board: Board, i: int) -> str:
    found = digits(board.column(board.rows[i], board.ranked_by))
    return "not measured" if found is None else found[0]


def soonest_first(found: Sequence[BreakEven], unit: str) -> list[BreakEven]:
    """For each tuned row the comparisons in one unit, the soonest first."""
    return sorted((one for one in found if one.unit == unit), key=lambda o: (o.tuned, o.requests or math.inf))
