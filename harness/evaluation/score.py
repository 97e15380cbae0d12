"""The scoring phase: computes every metric on every problem and writes the records of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness import files
from harness.errors import RunError
from harness.evaluation import runs
from harness.evaluation.plan import RunPlan
from harness.evaluation.resume import saved_executions, saved_records
from harness.evaluation.runs import RECORDS
from harness.evaluation.selection import scored_candidates
from harness.plugin_system.registry import Registry
from harness.records import Problem, Record, Score


def score(plan: RunPlan, folder: Path, registry: Registry) -> list[Record]:
    """Score every problem and write `records.jsonl` in the order of the data.

    Scores of metrics that the plan does not name stay as they are.
    """
    executions = saved_executions(folder)
    requested = {metric.name for metric in plan.metrics}
    by_id = {record.id: record for record in saved_records(folder)}
    records = []
    for problem in plan.problems:
        if (old := by_id.get(problem.id)) is None:
            raise RunError(
                f"{folder / RECORDS}: no record of the problem {problem.id}; delete the folder to run it again"
            )
        record = replace(old, executions=executions.get(problem.id, old.executions))
        kept = tuple(s for s in old.scores if s.metric not in requested)
        record = replace(record, scores=(*kept, *score_problem(plan, problem, record)))
        if plan.run.split == "test":
            registry.notify("harness_record_written", run=plan.run, record=record)
        records.append(record)
    text = "".join(files.line(record) for record in records)
    runs.announce_records(folder, text)
    files.write_text(folder / RECORDS, text)
    return records


def score_problem(plan: RunPlan, problem: Problem, record: Record) -> Iterator[Score]:
    """The plan's metrics on one problem. Where the problem lacks what a metric needs there is a reason, not a zero."""
    completions, executions = scored_candidates(record)
    for entry in plan.metrics:
        metric = entry.plugin
        if lack := metric.lacks(problem):
            yield Score(metric.name, why=_REASONS[lack])
        elif metric.needs == "executions" and not record.executions:
            yield Score(metric.name, why="the candidates were not run")
        else:
            yield metric.score(problem, completions, executions, plan.run.ks, plan.config(entry))


_REASONS = {"tests": "the problem has no tests", "references": "the problem has no reference"}
