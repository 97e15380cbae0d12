"""Groups the runs that differ only in the seed into one row of a board."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.plugin import Metric
from harness.ranking.rows import find_estimate
from harness.records import Cost, Estimate, Row, Score, canonical

RESAMPLES = 2_000
"""Bootstrap resamples of the intervals of a board."""


@dataclass(frozen=True)
class ScoredRun:
    """A run with its scores: (problem id, slice, scores) of each record."""

    row: Row
    records: tuple[tuple[str, str | None, tuple[Score, ...]], ...] = ()

    def scored(self, metric: str, slice_: str | None = None) -> list[tuple[str, Score]]:
        """(problem id, score) of one metric; of one slice, or of all problems for None."""
        return [
            (problem, score)
            for problem, part, scores in self.records
            if slice_ is None or part == slice_
            for score in scores
            if score.metric == metric
        ]


@dataclass(frozen=True)
class SeedGroup:
    """The runs of one row of a board, by seed. `row` combines them; with one run it is the row of that run.

    The `run_id` of the row, its command and the answers on a page are those of the first seed.
    """

    row: Row
    members: tuple[ScoredRun, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in ascending order."""
        return tuple(one.row.run.seed for one in self.members)

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs' ids, by seed."""
        return tuple(one.row.run_id for one in self.members)

    def scored(self, metric: str, slice_: str | None = None) -> list[tuple[str, Score]]:
        """(problem id, score) of all seeds, one seed after another, as `harness.stats` takes them."""
        return [pair for one in self.members for pair in one.scored(metric, slice_)]


def ungrouped(rows: Sequence[Row] | Sequence[ScoredRun]) -> list[SeedGroup]:
    """Each run as a row of its own."""
    scored_runs = [one if isinstance(one, ScoredRun) else ScoredRun(one) for one in rows]
    return [SeedGroup(one.row, (one,)) for one in scored_runs]


def key_without_seed(row: Row) -> str:
    """A key that is equal for runs that differ only in the seed."""
    return canonical(replace(row.run, seed=0))


def group_seeds(scored_runs: Sequence[ScoredRun], plugin: Callable[[str], Metric | None]) -> list[SeedGroup]:
    """One group for all runs that differ only in the seed, in the order of the first run of each."""
    families: dict[str, list[ScoredRun]] = {}
    for one in scored_runs:
        families.setdefault(key_without_seed(one.row), []).append(one)
    return [_merge_seeds(sorted(family, key=lambda one: one.row.run.seed), plugin) for family in families.values()]


def _merge_seeds(family: Sequence[ScoredRun], plugin: Callable[[str], Metric | None]) -> SeedGroup:
    first = family[0].row
    whole = SeedGroup(first, tuple(family))
    if len(family) == 1:
        return whole
    rows = [one.row for one in family]
    row = replace(
        first,
        estimates=tuple(_estimates(whole, plugin)),
        costs=_mean_costs(rows),
        outcomes={name: sum(one.outcomes.get(name, 0) for one in rows) for one in rows for name in one.outcomes},
        notes=tuple(dict.fromkeys(note for one in rows for note in one.notes)),
        examples=sum(one.examples for one in rows) / len(rows),
        readings=_sum_counts([one.readings for one in rows]),
    )
    return dataclasses.replace(whole, row=row)


def _mean_costs(rows: Sequence[Row]) -> tuple[Cost, ...]:
    """The mean cost of a seed for each phase, but the largest peak; None where it is unknown for a seed."""
    phases: dict[str, list[Cost]] = {}
    for cost in (cost for row in rows for cost in row.costs):
        phases.setdefault(cost.phase, []).append(cost)
    return tuple(_mean_cost(phase, costs) for phase, costs in phases.items())


def _mean_cost(phase: str, costs: Sequence[Cost]) -> Cost:
    gpu = [c.peak_gpu_bytes for c in costs if c.peak_gpu_bytes is not None]
    joules = [c.energy_joules for c in costs if c.energy_joules is not None]
    return Cost(
        phase=phase,
        seconds=sum(c.seconds for c in costs) / len(costs),
        peak_rss_bytes=max(c.peak_rss_bytes for c in costs),
        peak_gpu_bytes=max(gpu) if len(gpu) == len(costs) else None,
        tokens_in=round(sum(c.tokens_in for c in costs) / len(costs)),
        tokens_out=round(sum(c.tokens_out for c in costs) / len(costs)),
        energy_joules=sum(joules) / len(costs) if len(joules) == len(costs) else None,
    )


def _sum_counts(counts: Sequence[object]) -> dict[str, int] | None:
    known = [one for one in counts if isinstance(one, dict)]
    if len(known) < len(counts):
        return None
    return {name: sum(one.get(name, 0) for one in known) for one in known for name in one}


def _estimates(whole: SeedGroup, plugin: Callable[[str], Metric | None]) -> Iterator[Estimate]:
    """Every estimate of the first seed, over all seeds; the mean alone where the metric is not installed here."""
    from harness.stats.estimates import estimate

    made: dict[tuple[str, str | None], dict[str, Estimate]] = {}
    for one in whole.row.estimates:
        key, metric = (one.metric, one.slice), plugin(one.metric)
        if metric is None:
            yield _mean(one, whole)
            continue
        if key not in made:
            scored = whole.scored(*key)
            problems, scores = [problem for problem, _ in scored], [score for _, score in scored]
            estimates = estimate(metric, scores, problems=problems, slice=one.slice, resamples=RESAMPLES)
            made[key] = {e.measure: e for e in estimates}
        yield made[key].get(one.measure, one)


def _mean(one: Estimate, whole: SeedGroup) -> Estimate:
    column = (one.metric, one.measure, one.slice)
    estimates = [find_estimate(member.row, column) for member in whole.members]
    values = [e.value for e in estimates if e is not None and e.value is not None]
    return replace(one, value=sum(values) / len(values) if values else None, low=None, high=None)
