"""The runs of one command, made one after another, and told of in a table while they are."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.evaluation.executor import Job, LocalExecutor
from harness.evaluation.plan import RunPlan
from harness.evaluation.sweep import Trial, choose, validations_of
from harness.live_table import FINISHED, LiveTable
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry
from harness.ranking.tables import main_score
from harness.records import Row


def tell(methods: Sequence[Sequence[Trial]]) -> None:
    """Say each note about the runs of a command once, before hours go into the first tuning."""
    told: set[str] = set()
    for plan in _plans(methods):
        print_notes(plan, told)


def _plans(methods: Sequence[Sequence[Trial]]) -> list[RunPlan]:
    return [plan for trials in methods for trial in trials for plan in trial.plans]


def make_choices(methods: Sequence[Sequence[Trial]], root: Path, registry: Registry, bases: LoadedBases) -> list[Trial]:
    """The trial of each method that validation chooses, of trials that are tuned.

    Where a metric chooses, its runs on validation problems are made first.

    Raises:
        HarnessError: a run failed. What was made before it is on disk.
    """
    plans = {job: plan for trials in methods for job, plan in validations_of(trials, root).items()}
    told = {note for plan in _plans(methods) for note in plan.notes}
    for result in LocalExecutor(registry, bases, plans).run(list(plans), lambda job: print_notes(plans[job], told)):
        if result.error is not None:
            result.error.reraise()
    return [choose(trials, root) for trials in methods]


def make_rows(
    plans: Mapping[Job, RunPlan], registry: Registry, bases: LoadedBases, table: LiveTable
) -> dict[Job, Row | None]:
    """The row of each job; `table` has a row for each, in the order of `plans`.

    Raises:
        HarnessError: a run failed. What was made before it is on disk.
    """
    places = {job: place for place, job in enumerate(plans)}
    rows: dict[Job, Row | None] = {}
    for result in LocalExecutor(registry, bases, plans).run(list(plans), lambda job: table.started(places[job])):
        if result.error is not None:
            result.error.reraise()
        rows[result.job] = result.row
        score = "" if result.row is None else main_score(result.row)
        table.ended(places[result.job], FINISHED, result.seconds, score)
    return rows


def print_notes(plan: RunPlan, told: set[str]) -> None:
    """What the user should know about a run before it begins, on stderr; what is in `told` was said of another."""
    for note in plan.notes:
        if note not in told:
            print(f"note: {note}", file=sys.stderr)
            told.add(note)
