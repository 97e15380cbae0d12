"""After how many requests does tuning pay, against writing examples into every prompt?

Tuning is paid once, then each request is short; examples cost nothing at first and are read again with every request.
With T the tuning, a the cost of a request of the tuned model and b that with examples, tuning has paid after
T / (b - a) requests, if a < b. Computed from recorded costs, in seconds of the machine and, where it was measured, in
joules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.leaderboard import Board, problems
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
    """Every tuned row of the board against every row of the same model and machine that shows examples instead.

    Rows are named by their place on the board. Only runs that recorded both phases take part.
    """
    found = []
    for i, tuned in enumerate(board.rows):
        for j, other in enumerate(board.rows):
            if _tunes(tuned) and _prompts(other) and tuned.run.model == other.run.model:
                found += [one for unit in ("s", "J") if (one := _pair(tuned, other, i, j, unit))]
    return found


def _tunes(row: Row) -> bool:
    return row.trainable_parameters > 0 and not has_examples(row)


def _prompts(row: Row) -> bool:
    return row.trainable_parameters == 0 and has_examples(row)


def has_examples(row: Row) -> bool:
    """Whether the run put examples into its prompts."""
    return bool(examples(row))


def examples(row: Row) -> int | None:
    """How many examples the run asked for: the option `examples` of a part of its method; None where none has it."""
    for part in row.run.method.split("+"):
        options = row.run.options.get(part)
        if isinstance(options, dict) and type(options.get("examples")) is int:
            return int(options["examples"])
    return None


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
    """ "lora overtakes icl (examples=8) after 1,204 requests (…)"."""
    a, b = board.labels[one.tuned], board.labels[one.prompting]
    terms = (
        f"tuning {one.once:,.0f} {one.unit} once, then {one.tuned_request:.3g} {one.unit} a request, "
        f"against {one.prompting_request:.3g} {one.unit}"
    )
    if one.requests is None:
        return f"{a} never overtakes {b}: {terms}"
    return f"{a} overtakes {b} after {one.requests:,} requests: {terms}"


def shortest(found: Sequence[BreakEven], unit: str) -> list[BreakEven]:
    """For each tuned row the comparisons in one unit, the soonest first."""
    return sorted((one for one in found if one.unit == unit), key=lambda o: (o.tuned, o.requests or math.inf))
