"""Verifies a finished run: computes its scores, estimates and verdicts again and compares them with what is recorded.

Nothing is written. A check that cannot be made here (the data is missing, a metric is not installed) is "not made",
which is not a failure.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config import Settings
from harness.errors import HarnessError, RunError
from harness.evaluation import facts, provenance, rescoring, runs
from harness.evaluation.judge import Bench, LocalBench, work_of
from harness.evaluation.plan import RunPlan
from harness.evaluation.score import score_problem
from harness.evaluation.summary import estimate_measures
from harness.plugin import Metric
from harness.plugin_system.registry import PluginEntry, Registry
from harness.progress import bar
from harness.records import Execution, Record, Row

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """One check: the claim, the verdict ("holds", "broken" or "not made"), and details."""

    claim: str
    verdict: str
    detail: str = ""


def verify(folder: Path, where: Path | None, *, judge: bool, bench: Bench | None = None) -> Iterator[Check]:
    """The checks of a finished run, one after another; `where` is the path of its data if that has moved.

    With `judge` the completions run in the sandbox again, which takes as long as it took: on `bench`, by default this
    machine. The hub is not asked for the data of a run, which may be a stranger's; what needs it is then not made.

    Raises:
        RunError: there is no finished run.
    """
    row, registry = runs.read_row(folder), Registry()
    settings = Settings(environ={}, file=Path(os.devnull))  # those of the run are in its `run.json`
    yield _digest(folder)
    records = runs.read_records(folder)
    try:
        fetch = where is not None
        plan = rescoring.reload_plan(folder, row.run, (), (), where, registry, settings, fetch=fetch)
    except HarnessError as error:
        moved = "" if where is not None or row.run.builtin_data else "; where its data lies elsewhere now: --data PATH"
        yield Check("the scores are what the metrics give", "not made", f"{error}{moved}")
        yield _estimates_of_the_scores(row, records, registry)
        return
    yield _plugins(folder, plan)
    yield _ids(plan, records)
    rescored = [
        replace(record, scores=tuple(score_problem(plan, problem, record))) for problem, record in _pairs(plan, records)
    ]
    yield _scores(records, rescored)
    yield _estimates(plan.metrics, row, rescored)
    if judge:
        yield _verdicts(plan, records, bench or LocalBench())


def _digest(folder: Path) -> Check:
    claim = "the records are those of the result"
    if runs.DIGEST not in runs.read_result(folder)[1]:
        return Check(claim, "not made", "the result was written before it named its records")
    try:
        runs.check_records(folder)
        runs.check_inputs(folder)
        if (folder / runs.TUNING).is_file():
            facts.check_adapter(folder)
    except RunError as error:
        return Check(claim, "broken", str(error))
    return Check(claim, "holds")


def _pairs(plan: RunPlan, records: Sequence[Record]) -> Iterator[tuple[Any, Record]]:
    by_id = {record.id: record for record in records}
    return ((problem, by_id[problem.id]) for problem in plan.problems if problem.id in by_id)


def _plugins(folder: Path, plan: RunPlan) -> Check:
    claim = "task and metrics are the ones that made the run, to the byte"
    changed = provenance.changed_plugins(facts.run_facts(folder).plugins, [plan.task, *plan.metrics])
    if not changed:
        return Check(claim, "holds")
    # Newer code may give the same numbers; the checks below find out.
    return Check(claim, "not made", f"changed since: {', '.join(entry.name for entry in changed)}")


def _ids(plan: RunPlan, records: Sequence[Record]) -> Check:
    claim = "every problem of the data has one record, and no other has"
    expected, ids = [problem.id for problem in plan.problems], [record.id for record in records]
    if sorted(expected) == sorted(ids):
        return Check(claim, "holds", f"{len(ids)} problems")
    mismatched = sorted(set(expected) ^ set(ids)) or [name for name in ids if ids.count(name) > 1]
    return Check(claim, "broken", f"{len(ids)} records for {len(expected)} problems; see {mismatched[0]}")


def _scores(records: Sequence[Record], rescored: Sequence[Record]) -> Check:
    claim = "the scores are what the metrics give"
    by_id = {record.id: {score.metric: score for score in record.scores} for record in records}
    different = [
        (record.id, score.metric)
        for record in rescored
        for score in record.scores
        if not _same(by_id[record.id].get(score.metric), score)
    ]
    if not different:
        return Check(claim, "holds", f"{sum(len(record.scores) for record in rescored)} scores")
    return Check(
        claim, "broken", f"{len(different)} scores differ; the first is {different[0][1]} of {different[0][0]}"
    )


def _same(before: Any, now: Any) -> bool:
    """Whether the measures are equal up to rounding; those that only the record has (of another k) are ignored."""
    if before is None or (before.why is None) != (now.why is None):
        return False
    return all(abs(before.values.get(name, float("inf")) - value) <= TOLERANCE for name, value in now.values.items())


_ESTIMATES = "the estimates and their intervals are what the scores give"


def _estimates_of_the_scores(row: Row, records: Sequence[Record], registry: Registry) -> Check:
    """The check of the estimates that needs no data: from the scores as they are recorded."""
    try:
        metrics = [registry.metric(name) for name in row.run.metrics]
    except HarnessError as error:
        return Check(_ESTIMATES, "not made", str(error))
    return _estimates(metrics, row, records)


def _estimates(metrics: Sequence[PluginEntry[Metric]], row: Row, rescored: Sequence[Record]) -> Check:
    claim = _ESTIMATES
    known = {(e.metric, e.measure, e.slice): e for e in row.estimates}
    for now in estimate_measures(metrics, rescored):
        before = known.get((now.metric, now.measure, now.slice))
        if before is None or _numbers(before) != _numbers(now):
            where = f" of {now.slice}" if now.slice else ""
            was = "nothing" if before is None else f"{before.value} [{before.low}, {before.high}]"
            return Check(claim, "broken", f"{now.measure}{where}: {was}, now {now.value} [{now.low}, {now.high}]")
    return Check(claim, "holds", f"{len(known)} estimates")


def _numbers(estimate: Any) -> tuple[Any, ...]:
    numbers = (estimate.value, estimate.low, estimate.high)
    return (*(None if number is None else round(number, 9) for number in numbers), estimate.n, estimate.unscored)


def _verdicts(plan: RunPlan, records: Sequence[Record], bench: Bench) -> Check:
    claim = "the sandbox gives the same verdicts again"
    pairs = [(problem, record) for problem, record in _pairs(plan, records) if record.executions]
    random.Random(plan.run.seed).shuffle(pairs)  # as when they were judged, for the time left
    jobs = ((problem, completion) for problem, record in pairs for completion in record.completions)
    verdicts = bench.verdicts(plan, jobs) if pairs else None
    if verdicts is None:
        return Check(claim, "not made", "no completion was executed")
    different, count = [], 0
    work = [work_of(problem, len(record.executions)) for problem, record in pairs]
    with bar("judging again", work=work) as progress:
        progress(0, len(pairs), "")
        for done, (_, record) in enumerate(pairs, 1):
            for number, before in enumerate(record.executions):
                count += 1
                if _verdict(before) != _verdict(now := next(verdicts)):
                    outcomes = f"{before.outcome.value}, now {now.outcome.value}"
                    different.append(f"completion {number} of {record.id}: {outcomes}")
            progress(done, len(pairs), "")
    if different:
        return Check(claim, "broken", f"{len(different)} of {count} differ; {different[0]}")
    return Check(claim, "holds", f"{count} completions")


def _verdict(execution: Execution) -> tuple[Any, ...]:
    return (execution.outcome, execution.passed, execution.total)
