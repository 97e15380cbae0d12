"""The uncertainty of a row: its seeds, its standard error by cause, and the smallest detectable difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.ranking.costs import phase_seconds
from harness.ranking.ranking import Ranked, installed_metric
from harness.ranking.rows import Column, sort_key
from harness.ranking.seed_groups import SeedGroup

MIN_SEEDS = 3
"""As in `harness.stats.variance`, which is imported only for tests."""


@dataclass(frozen=True)
class Uncertainty:
    """The uncertainty of one row in the measure that ranks it (in shares, not per cent).

    `problems`, `answers` and `training` are standard errors by cause: other problems, other answers of a seed to the
    same problem, other seeds. The last two are None below three seeds, and are then inside the first or unseen.
    `detectable` is the smallest difference from the best row (of the best row: from the next) that the board's tests
    find in four of five attempts. All are None where no records were read. `values` are the scores of the single seeds,
    and `writing` the seconds that each took to write its completions.
    """

    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    problems: float | None = None
    answers: float | None = None
    training: float | None = None
    detectable: float | None = None
    values: tuple[float | None, ...] = ()
    writing: tuple[float, ...] = ()

    def sentence(self) -> str:
        """The standard errors in a sentence, in percentage points; empty where they are unknown."""
        named = (("problems", self.problems), ("single answers", self.answers), ("seeds", self.training))
        parts = ", ".join(f"{name} {100 * value:.2f}" for name, value in named if value is not None)
        if not parts:
            return ""
        least = f"; smallest difference found in 4 of 5 attempts {100 * self.detectable:.1f}" if self.detectable else ""
        return f"standard error by cause, in points: {parts}{least}"


def label_with_seeds(label: str, one: SeedGroup) -> str:
    """The label of a row, with the number of seeds where it was tuned or holds several: "lora (r=16; 3 seeds)"."""
    count = len(one.members)
    if count == 1 and (one.row.run.tuning is None or "seed=" in label):
        return label
    seeds = f"{count} seed{'s' if count > 1 else ''}"
    return f"{label[:-1]}; {seeds})" if label.endswith(")") else f"{label} ({seeds})"


def has_too_few_seeds(one: Uncertainty) -> bool:
    """Whether there are too few seeds for an interval that includes the variance of training."""
    return len(one.seeds) < MIN_SEEDS


def uncertainty_of_rows(ranked: Ranked, column: Column) -> list[Uncertainty]:
    """The facts of each row, in the order of `ranked.rows`."""
    uncertainties = [_of_seeds(one, column) for one in ranked.rows]
    metric = installed_metric(column[0])
    if ranked.row_tests is None or metric is None:
        return uncertainties
    from harness.stats.paired_sample import align_problems
    from harness.stats.variance import variance_components

    places, ordering = ranked.row_tests.rows, ranked.row_tests.tests
    leaders = sorted(range(len(places)), key=lambda at: sort_key(ranked.rows[places[at]].row, column))
    for at, i in enumerate(places):
        one = ranked.rows[i]
        parts = variance_components(metric, align_problems(metric, [one.scored(metric.name)], column[1])[0], column[1])
        rival = next((other for other in leaders if other != at), None)
        within = parts.answers or 0.0
        uncertainties[i] = replace(
            uncertainties[i],
            problems=(parts.problems - within) ** 0.5,
            answers=None if parts.answers is None else within**0.5,
            training=None if parts.seeds is None else parts.seeds**0.5,
            detectable=None if rival is None else ordering.detectable(at, rival) or None,
        )
    return uncertainties


def _of_seeds(one: SeedGroup, column: Column) -> Uncertainty:
    rows = [member.row for member in one.members]
    values = [next((e.value for e in row.estimates if (e.metric, e.measure, e.slice) == column), None) for row in rows]
    writing = [spent for row in rows if (spent := phase_seconds(row, "generate")) is not None]
    return Uncertainty(one.seeds, one.runs, values=tuple(values), writing=tuple(writing))
