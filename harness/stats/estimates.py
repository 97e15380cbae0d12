"""Estimates of measures with confidence intervals.

Problems are the sampling unit; several candidates are already inside the statistics of a problem. Scores of several
seeds that name the same problem belong to one method; from three seeds on, intervals include the variance of training
(`variance`). Intervals are 95 %: Wilson's for shares of binary outcomes (a bootstrap of 0 out of 20 would have zero
width), otherwise the bias-corrected and accelerated bootstrap (Efron 1987, "Better bootstrap confidence intervals").
Equal inputs and seed give equal numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.plugin import Metric
from harness.records import Estimate, Score
from harness.stats.resampling import (
    TOLERANCE,
    Array,
    ScoreTable,
    bca_interval,
    bootstrap_weights,
    concatenate_measures,
    constant_interval,
    is_binary,
    score_tables,
    wilson_interval,
)
from harness.stats.variance import add_seed_variance, effective_wilson_interval, variance_components


def estimate(
    metric: Metric,
    scores: Sequence[Score],
    *,
    problems: Sequence[str] | None = None,
    slice: str | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[Estimate, ...]:
    """Each measure of `metric` over `scores`, with its 95 % interval.

    `problems` names the problem of each score where several scores (seeds) share one; by default each score is a
    problem of its own. `slice` only labels the result. `Estimate.n` counts problems with at least one score that has
    the measure, `Estimate.unscored` the others. An interval is None where one problem gives no variance.
    """
    if not scores:
        return ()
    names = [str(i) for i in range(len(scores))] if problems is None else problems
    total = len(set(names))
    estimates = [
        replace(e, unscored=total - e.n, slice=slice)
        for table in score_tables(metric, list(zip(names, scores, strict=True)))
        for e in _estimates(metric, table, resamples, seed)
    ]
    if not estimates:
        return (Estimate(metric.name, metric.name, None, None, None, 0, unscored=total, slice=slice),)
    return tuple(estimates)


def main_measures(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Those that a table shows: neither slices nor variants ("em@1/literal").

    Of a metric that has a measure of its own name (CodeBLEU) only that one: the others are its parts.
    """
    whole = {e.metric for e in estimates if e.metric == e.measure}
    shown = (e for e in estimates if e.slice is None and "/" not in e.measure)
    return [e for e in shown if e.metric not in whole or e.metric == e.measure]


def _estimates(metric: Metric, table: ScoreTable, resamples: int, seed: int) -> Iterator[Estimate]:
    point = table.measures(metric)
    n = len(table.ids)
    shares = _binary_measures(table, point)
    drawn: dict[str, Array] = {}
    left_out: dict[str, Array] = {}
    if n > 1 and any(name not in shares for name in point):
        drawn = concatenate_measures(table.measures(metric, w) for w in bootstrap_weights(n, resamples, seed))
        left_out = table.leave_one_out(metric)
    for name, at in point.items():
        value = None if np.isnan(at) else float(at)
        low = high = None
        if value is not None and shares.get(name) == "whole":
            low, high = wilson_interval(round(value * n), n)
        elif value is not None and n > 1:
            parts = variance_components(metric, table, name) if len(table.by_seed) > 1 else None
            if name in shares and parts is not None:
                low, high = effective_wilson_interval(value, parts)
            elif np.ptp(drawn[name]) < TOLERANCE:
                low, high = constant_interval(value, metric.bounds, n)
            else:
                low, high = bca_interval(value, drawn[name], left_out[name])
            if parts is not None and low is not None and high is not None:
                low, high = add_seed_variance(value, low, high, parts)
        yield Estimate(metric.name, name, value, low, high, n, higher_is_better=is_higher_better(metric, name))


def _binary_measures(table: ScoreTable, point: Mapping[str, Any]) -> dict[str, str]:
    """The measures that are shares of binary outcomes: "whole" with one seed, "seeds" with several."""
    kinds = {}
    for i, name in enumerate(table.names):
        if name not in point or abs(point[name] - table.sums[:, i].sum() / table.counts.sum()) >= TOLERANCE:
            continue
        by_seed = table.by_seed[:, :, i]
        if len(by_seed) == 1 and is_binary(table.sums[:, i], table.counts):
            kinds[name] = "whole"
        elif len(by_seed) > 1 and np.all(np.isnan(by_seed) | (by_seed == 0) | (by_seed == 1)):
            kinds[name] = "seeds"
    return kinds


def is_higher_better(metric: Metric, measure: str) -> bool:
    """Whether a higher value of the measure is better."""
    return metric.higher_is_better and measure not in metric.lower_is_better
