"""The cost of a row, and the columns in which every format of a leaderboard shows it.

This is the only list of cost columns: the terminal, Markdown, LaTeX, CSV, JSON, `--sort` and the page read it.
In data a value is in its base unit (bytes, seconds, tokens, joules) under the column's `key`; where people read
it, it is in the unit that the column's head and title name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.evaluation.costs import peak_bytes as measured_peak
from harness.records import Cost, Outcome, Row


def problem_count(row: Row) -> int:
    """How many problems the run has."""
    return max((e.n + e.unscored for e in row.estimates if e.slice is None), default=0)


def peak_bytes(row: Row) -> int | None:
    """The peak memory of the run in bytes; None where it was not measured."""
    return measured_peak(row.costs)


def phase_cost(row: Row, phase: str) -> Cost | None:
    """The cost of one phase; None where the run does not have it."""
    return next((cost for cost in row.costs if cost.phase == phase), None)


def phase_seconds(row: Row, phase: str) -> float | None:
    """Seconds of one phase; None where the run does not have it."""
    cost = phase_cost(row, phase)
    return None if cost is None else cost.seconds


def tokens_per_request(row: Row) -> tuple[float, float] | None:
    """Prompt tokens and generated tokens per problem, over all candidates."""
    cost = phase_cost(row, "generate")
    n = problem_count(row)
    return (cost.tokens_in / n, cost.tokens_out / n) if cost and n else None


def energy(row: Row) -> float | None:
    """Joules of all phases that were measured; None where none was."""
    known = [cost.energy_joules for cost in row.costs if cost.energy_joules is not None]
    return sum(known) if known else None


def total_tokens_per_request(row: Row) -> float | None:
    """Prompt tokens plus generated tokens per problem, over all candidates."""
    both = tokens_per_request(row)
    return sum(both) if both else None


def format_count(number: int) -> str:
    """A number of parameters: "12.5M", "7B"; "-" for none."""
    if number == 0:
        return "-"
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _peak(row: Row) -> float | None:
    return None if (peak := peak_bytes(row)) is None else float(peak)


def _read_and_written(row: Row) -> str:
    both = tokens_per_request(row)
    return "-" if both is None else f"{both[0]:.0f}+{both[1]:.0f}"


def _tuning(row: Row) -> str:
    return "-" if (spent := phase_seconds(row, "tune")) is None else f"{spent:.0f}"


def _outcomes(row: Row, outcome: Outcome) -> int:
    return row.outcomes.get(outcome.value, 0)


@dataclass(frozen=True, slots=True)
class CostColumn:
    """A cost of a row, with one name and one unit in every format."""

    key: str
    """The name in CSV, in JSON, in the page's data and for `--sort`."""
    header: str
    """The column header in text tables, with the unit."""
    title: str
    """The column header on the page."""
    value: Callable[[Row], float | None]
    """The value in its base unit; None where it was not measured."""
    scale: float = 1
    """Base units per unit of `header` and `title`: 1e9 for bytes shown in GB."""
    number_format: str = "{:.0f}"
    """Format of the value in text tables."""
    text: Callable[[Row], str] | None = None
    """Text for text tables, where it is more than the number."""
    decimals: int = 1
    """Decimals of the base unit in the page's data, which must stay small for ten thousand rows."""

    def shown(self, row: Row) -> str:
        """The value in a text table; "-" where it is unknown."""
        if self.text is not None:
            return self.text(row)
        value = self.value(row)
        return "-" if value is None else self.number_format.format(value / self.scale)


def _by_key(*columns: CostColumn) -> dict[str, CostColumn]:
    return {column.key: column for column in columns}


COSTS = _by_key(
    CostColumn(
        "trainable",
        "trainable",
        "trainable parameters",
        lambda row: float(row.trainable_parameters),
        text=lambda row: format_count(row.trainable_parameters),
    ),
    CostColumn("memory", "peak GB", "peak memory (GB)", _peak, scale=1e9, number_format="{:.2f}"),
    CostColumn(
        "tuning", "tune s", "tuning (s)", lambda row: phase_seconds(row, "tune") or 0.0, text=_tuning, decimals=3
    ),
    CostColumn("writing", "write s", "writing (s)", lambda row: phase_seconds(row, "generate")),
    CostColumn("tokens", "tokens/request", "tokens per request", total_tokens_per_request, text=_read_and_written),
    CostColumn("energy", "Wh", "energy (Wh)", energy, scale=3600, number_format="{:.1f}"),
)
"""Costs: lower is better. Rows can be sorted by any of them."""

FAILURES = _by_key(
    CostColumn("timeouts", "timeouts", "timeouts", lambda row: _outcomes(row, Outcome.TIMED_OUT)),
    CostColumn("unmeasured", "unmeasured", "not measured", lambda row: _outcomes(row, Outcome.SANDBOX_ERROR)),
)
"""Candidates that exceeded the time limit, and executions that failed because of the sandbox itself."""

COLUMNS = COSTS | FAILURES
"""All columns, in display order."""
