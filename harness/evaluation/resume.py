"""What an earlier attempt left in a run folder: whether it satisfies a plan, and the records made so far."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from harness.config import recorded_config
from harness.evaluation import facts, provenance, runs
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import COMPLETIONS, EXECUTIONS, RECORDS, RESULT
from harness.plugin_system.registry import Registry
from harness.records import Execution, Record, Row, Run, to_json


def satisfies(row: Row, plan: RunPlan, folder: Path) -> bool:
    """Whether the row of a finished run has all that the plan asks for. Warns if its plugins have changed since.

    Raises:
        RunError: a file of it is not the one that its row was computed from: it must not be scored again.
    """
    current = check_unaltered(folder)
    known = facts.run_facts(folder).plugins
    provenance.warn_of_changed_plugins(
        folder, known, [plan.task, plan.tuner, plan.prompter, plan.backend, plan.decoder]
    )
    if not has_requested_metrics(row.run, plan.run) or provenance.changed_plugins(known, plan.metrics):
        return False
    return current


def extended(plan: RunPlan, before: Run, registry: Registry) -> RunPlan:
    """The plan that scores the finished run `before` again: every metric of a run has each of its values of k.

    So the plan's metrics get those that the run has beside its own. For a k that is new all metrics are computed, under
    the options that are recorded of them.

    Raises:
        UsageError: such a metric is not installed.
    """
    ks = tuple(sorted({*before.ks, *plan.run.ks}))
    named = [] if set(plan.run.ks) <= set(before.ks) else [n for n in before.metrics if n not in plan.run.metrics]
    more = tuple(registry.metric(name) for name in named)
    configs = {one.name: recorded_config(one.plugin.Config, before.options.get(one.name, {})) for one in more}
    metrics = (*more, *plan.metrics)
    options = {**plan.run.options, **{name: to_json(config) for name, config in configs.items()}}
    run = replace(plan.run, ks=ks, metrics=tuple(one.name for one in metrics), options=options)
    return replace(plan, run=run, metrics=metrics, configs={**plan.configs, **configs})


def check_unaltered(folder: Path) -> bool:
    """Check every file from which a finished run was computed; False where scoring it again broke off.

    Raises:
        RunError: one is not what it was; names it.
    """
    result = runs.read_result(folder)[1]
    runs.check_inputs(folder, result)
    return runs.records_are_current(folder, result)


def has_requested_metrics(finished: Run, requested: Run) -> bool:
    """Whether a finished run has every requested metric, with the same options and values of k."""
    return (
        set(requested.metrics) <= set(finished.metrics)
        and set(requested.ks) <= set(finished.ks)
        and all(finished.options.get(name) == requested.options.get(name) for name in requested.metrics)
    )


def saved_records(folder: Path) -> list[Record]:
    """The records of a scored run; before that, one record with the completions of each problem that has some."""
    if is_scored(folder):
        return runs.read_records(folder)
    return runs.typed_lines(folder / COMPLETIONS, Record, repair=True)


def saved_ids(folder: Path) -> frozenset[str]:
    """The ids of the problems whose completions are written, in a run that is not scored."""
    return frozenset(record.id for record in runs.typed_lines(folder / COMPLETIONS, Record, repair=True))


def is_scored(folder: Path) -> bool:
    """Whether the records of a run hold all of it. Those of a run that ended before its result are written again."""
    if not os.path.lexists(folder / RECORDS):
        return False
    return os.path.lexists(folder / RESULT) or not os.path.lexists(folder / COMPLETIONS)


@dataclass(frozen=True, slots=True)
class Executed:
    """A line of `executions.jsonl`: a problem, and an execution for each of its completions."""

    id: str
    executions: tuple[Execution, ...]


def saved_executions(folder: Path) -> dict[str, tuple[Execution, ...]]:
    """The executions made so far and not yet in records, by problem id."""
    return {one.id: one.executions for one in runs.typed_lines(folder / EXECUTIONS, Executed, repair=True)}
