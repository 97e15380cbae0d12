"""Compares two sides on the same problems, each a run or the seeds of a method, measure by measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.config import option_text
from harness.errors import UsageError
from harness.evaluation import runs
from harness.evaluation.leakage import leaked_ids
from harness.evaluation.runs import LEAKAGE
from harness.extract import difference, readings
from harness.plugin import Metric
from harness.plugin_system.registry import Registry
from harness.ranking import ranking
from harness.ranking.rows import group_key, measure_columns
from harness.ranking.seed_groups import ScoredRun
from harness.records import Row
from harness.stats import paired_comparison
from harness.stats.resampling import ProblemScores


def compare_runs(
    first: Sequence[Path], second: Sequence[Path], *, everything: bool = False
) -> list[paired_comparison.PairedComparison]:
    """The paired comparison in each measure that all runs have; with `everything` also in variants and parts.

    Each side is one run, or the runs of one method with several seeds.

    Raises:
        UsageError: the runs are not on the same problems, or those of a side are not one method's seeds.
        RunError: a run is not finished, or its records do not give its result.
    """
    sides = [[(folder, _whole_row(folder)) for folder in side] for side in (first, second)]
    every = [pair for side in sides for pair in side]
    _check_same_problems(every)
    for side in sides:
        _check_one_method(side)
    registry = Registry()
    tuned = (sides[0][0][1].run.tuning is not None, sides[1][0][1].run.tuning is not None)
    read = [[ScoredRun(row, tuple(runs.read_scores(folder))) for folder, row in side] for side in sides]
    leaked = _leaked([folder for folder, _ in every])
    comparisons = []
    for name in (name for name in every[0][1].run.metrics if all(name in row.run.metrics for _, row in every)):
        metric = registry.metric(name).plugin
        for (folder, row), one in zip(every, [one for side in read for one in side], strict=True):
            ranking.check_estimates(row, one.scored(name), metric, folder)
        a, b = ([pair for one in side for pair in one.scored(name)] for side in read)
        comparisons += [
            replace(_compare(metric, a, b, measure, leaked), tuned=tuned)
            for column_metric, measure, slice_ in measure_columns([every[0][1]], everything=everything)
            if column_metric == name and slice_ is None and all(has_measure(row, name, measure) for _, row in every)
        ]
    return comparisons


def _compare(
    metric: Metric, a: ProblemScores, b: ProblemScores, measure: str, leaked: Set[str]
) -> paired_comparison.PairedComparison:
    """The comparison on all problems, with that on the problems without a leak."""
    whole = paired_comparison.compare(metric, a, b, measure)
    clean_a, clean_b = ([pair for pair in side if pair[0] not in leaked] for side in (a, b))
    if not clean_a or not clean_b or len(clean_a) + len(clean_b) == len(a) + len(b):
        return whole
    return replace(whole, without_leaks=paired_comparison.compare(metric, clean_a, clean_b, measure))


def _whole_row(folder: Path) -> Row:
    row, result = runs.read_result(folder)
    if row.run.split != "test":
        raise UsageError(f"{folder}: on {row.run.split} problems, to choose a setting; compare runs on test problems")
    runs.check_records(folder, result)
    return row


def _check_same_problems(every: Sequence[tuple[Path, Row]]) -> None:
    (folder, row), *rest = every
    for other, its in rest:
        if group_key(row)[:4] != group_key(its)[:4]:
            raise UsageError(
                f"{folder.name} and {other.name} are not on the same problems (task, version, data, limit)"
            )


def _check_one_method(side: Sequence[tuple[Path, Row]]) -> None:
    """The runs of a side must be of one method, with different seeds."""
    (folder, row), *rest = side
    seen = {row.run.seed}
    for other, its in rest:
        same = replace(its.run, seed=0, metrics=(), ks=(), options=_own(its)) == replace(
            row.run, seed=0, metrics=(), ks=(), options=_own(row)
        )
        if not same:
            raise UsageError(f"{folder.name} and {other.name} differ in more than the seed: they are not one side")
        if its.run.seed in seen:
            raise UsageError(f"{other.name}: seed {its.run.seed} is there twice on one side")
        seen.add(its.run.seed)


def _own(row: Row) -> dict[str, Any]:
    """The options without those of metrics, which can be added to a finished run."""
    return {name: value for name, value in row.run.options.items() if name not in row.run.metrics}


def settings_that_differ(first: Sequence[Path], second: Sequence[Path]) -> str:
    """The settings that both sides have and in which they differ: "method: A lora, B ia3; epochs: A 5.0, B 10.0".

    The runs of a side differ in their seeds alone; where each side is one run, the seed is a setting like others.
    """
    a, b = (_settings(runs.read_row(side[0])) for side in (first, second))
    if len(first) > 1 or len(second) > 1:
        del a["seed"]
    shown = [f"{name}: A {a[name]}, B {b[name]}" for name in a if name in b and a[name] != b[name]]
    return "; ".join(shown) or "none"


def _settings(row: Row) -> dict[str, str]:
    """The settings of a run, by the name that its options have on the command line."""
    run = row.run
    found: dict[str, Any] = {"method": run.method, "model": run.model.id, "revision": run.model.revision}
    found |= {"weights": run.model_digest[:8], "chat": run.model.chat, "thinking": run.model.thinking}
    found |= {"protocol": run.protocol or None, "backend": run.backend, "seed": run.seed}
    found |= dataclasses.asdict(run.sampling)
    for plugin, options in run.options.items():
        if isinstance(options, Mapping):
            found |= {f"{plugin}.{name}".removeprefix(f"{run.method}."): value for name, value in options.items()}
    # What the training loop used counts, not the option that left it open.
    found |= dataclasses.asdict(run.tuning) if run.tuning is not None else {}
    return {name: option_text(value) for name, value in found.items()}


MAX_RULE_DIFFERENCE = 0.2
"""The share of answers extracted by other rules above which a warning is given."""


def extraction_notes(first: Sequence[Path], second: Sequence[Path]) -> list[str]:
    """A line for each side with the extraction rules of its answers, and a warning where the sides differ much."""
    counts = [_count_rules(side) for side in (first, second)]
    if not all(counts):
        return []
    lines = [f"{name}  answers found: {readings(rules)}" for name, rules in zip("AB", counts, strict=True)]
    if (share := difference(*counts)) >= MAX_RULE_DIFFERENCE:
        lines.append(
            f"warning: {share:.0%} of the answers were found by other rules (harness docs answers); look at some "
            "completions of both runs (harness leaderboard --format html) before you take a difference for one of code"
        )
    return lines


def leak_notes(first: Sequence[Path], second: Sequence[Path]) -> list[str]:
    """A warning for each side that learnt from test problems, with their number."""
    problems = {name for name, _, _ in runs.read_scores(first[0])}
    leaked = [problems & _leaked(side) for side in (first, second)]
    return [
        f"warning: {len(ids)} of {len(problems)} test problems stand, exactly or nearly, in what {name} learnt from "
        f"({LEAKAGE})"
        for name, ids in zip("AB", leaked, strict=True)
        if ids
    ]


def _leaked(folders: Sequence[Path]) -> frozenset[str]:
    return frozenset[str]().union(*map(leaked_ids, folders))


def _count_rules(side: Sequence[Path]) -> dict[str, int]:
    """The number of answers by extraction rule in all runs of a side; empty where a run does not record it."""
    counts = [runs.read_row(folder).readings or {} for folder in side]
    return {name: sum(one.get(name, 0) for one in counts) for one in counts for name in one} if all(counts) else {}


def has_measure(row: Row, metric: str, measure: str) -> bool:
    """Whether the row has an estimate of a measure."""
    return any((e.metric, e.measure) == (metric, measure) for e in row.estimates)
