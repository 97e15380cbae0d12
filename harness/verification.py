"""Does a finished run still say what it said? Its scores, its estimates and its verdicts, computed anew.

Nothing is written. A check that cannot be made here (the data is elsewhere, a metric's package is gone) is "not made",
which is not the same as broken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import external, provenance, runs
from harness.config import Settings
from harness.errors import HarnessError, RunError
from harness.evaluate import estimates, scores
from harness.plan import Plan
from harness.records import Execution, Record, Row
from harness.registry import Registry

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its words, whether it "holds", is "broken" or was "not made", and what was found."""

    words: str
    verdict: str
    found: str = ""


def verify(folder: Path, where: Path | None, *, judge: bool) -> Iterator[Check]:
    """The checks of a finished run, one after another; `where` names its data if it lies elsewhere now.

    With `judge` the completions run in the sandbox again, which takes as long as it took.

    Raises:
        RunError: there is no finished run.
    """
    row, registry = runs.read_row(folder), Registry()
    yield _digest(folder)
    try:
        plan = external.reopened(folder, row.run, (), (), where, registry, _settings(row))
    except HarnessError as error:
        yield Check("the scores are what the metrics give", "not made", str(error))
        return
    yield _plugins(folder, plan)
    records = runs.read_records(folder)
    yield _ids(plan, records)
    again = [replace(record, scores=tuple(scores(plan, problem, record))) for problem, record in _pairs(plan, records)]
    yield _scores(records, again)
    yield _estimates(plan, row, again)
    if judge:
        yield _verdicts(plan, records)


def _digest(folder: Path) -> Check:
    words = "the records are those of the result"
    if "records_sha256" not in runs.read_json(folder / runs.RESULT):
        return Check(words, "not made", "the result was written before it named its records")
    try:
        runs.check_records(folder)
    except RunError as error:
        return Check(words, "broken", str(error))
    return Check(words, "holds")


def _settings(row: Row) -> Settings:
    """The options that the run was made with, for its task and metrics."""
    names = (row.run.task, *row.run.metrics)
    options = {(name, option): value for name in names for option, value in row.run.options.get(name, {}).items()}
    sets = [f"{name}.{option}={_text(value)}" for (name, option), value in options.items()]
    return Settings(sets, environ={}, file=Path(os.devnull))


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _pairs(plan: Plan, records: Sequence[Record]) -> Iterator[tuple[Any, Record]]:
    by_id = {record.id: record for record in records}
    return ((problem, by_id[problem.id]) for problem in plan.splits["test"] if problem.id in by_id)


def _plugins(folder: Path, plan: Plan) -> Check:
    words = "task and metrics are the ones that made the run, to the byte"
    changed = provenance.others(runs.read_json(folder / runs.RUN)["plugins"], [plan.task, *plan.metrics])
    if not changed:
        return Check(words, "holds")
    # Newer code that gives the same numbers is no fault of the run; the checks below tell.
    return Check(words, "not made", f"changed since: {', '.join(offer.name for offer in changed)}")


def _ids(plan: Plan, records: Sequence[Record]) -> Check:
    words = "every problem of the data has one record, and no other has"
    wanted, found = [problem.id for problem in plan.splits["test"]], [record.id for record in records]
    if sorted(wanted) == sorted(found):
        return Check(words, "holds", f"{len(found)} problems")
    odd = sorted(set(wanted) ^ set(found)) or [name for name in found if found.count(name) > 1]
    return Check(words, "broken", f"{len(found)} records for {len(wanted)} problems; see {odd[0]}")


def _scores(records: Sequence[Record], again: Sequence[Record]) -> Check:
    words = "the scores are what the metrics give"
    by_id = {record.id: {score.metric: score for score in record.scores} for record in records}
    apart = [
        (record.id, score.metric)
        for record in again
        for score in record.scores
        if not _same(by_id[record.id].get(score.metric), score)
    ]
    if not apart:
        return Check(words, "holds", f"{sum(len(record.scores) for record in again)} scores")
    return Check(words, "broken", f"{len(apart)} scores differ; the first is {apart[0][1]} of {apart[0][0]}")


def _same(before: Any, now: Any) -> bool:
    """Equal measures, to rounding; those that only the record has (of another k) count for nothing."""
    if before is None or (before.why is None) != (now.why is None):
        return False
    return all(abs(before.values.get(name, float("inf")) - value) <= TOLERANCE for name, value in now.values.items())


def _estimates(plan: Plan, row: Row, again: Sequence[Record]) -> Check:
    words = "the estimates and their intervals are what the scores give"
    known = {(e.metric, e.measure, e.slice): e for e in row.estimates}
    for now in estimates(plan, again):
        before = known.get((now.metric, now.measure, now.slice))
        if before is None or _numbers(before) != _numbers(now):
            where = f" of {now.slice}" if now.slice else ""
            was = "nothing" if before is None else f"{before.value} [{before.low}, {before.high}]"
            return Check(words, "broken", f"{now.measure}{where}: {was}, now {now.value} [{now.low}, {now.high}]")
    return Check(words, "holds", f"{len(known)} estimates")


def _numbers(estimate: Any) -> tuple[Any, ...]:
    numbers = (estimate.value, estimate.low, estimate.high)
    return (*(None if number is None else round(number, 9) for number in numbers), estimate.n, estimate.unscored)


def _verdicts(plan: Plan, records: Sequence[Record]) -> Check:
    words = "the sandbox gives the same verdicts again"
    pairs = [(problem, record) for problem, record in _pairs(plan, records) if record.executions]
    jobs = ((problem, completion) for problem, record in pairs for completion in record.completions)
    verdicts = plan.task.plugin.judge(jobs, limits=plan.limits, accept_unsafe=plan.accept_unsafe) if pairs else None
    if verdicts is None:
        return Check(words, "not made", "no completion was executed")
    apart, count = [], 0
    for _, record in pairs:
        for number, before in enumerate(record.executions):
            count += 1
            if _verdict(before) != _verdict(now := next(verdicts)):
                apart.append(f"completion {number} of {record.id}: {before.outcome.value}, now {now.outcome.value}")
    if apart:
        return Check(words, "broken", f"{len(apart)} of {count} differ; {apart[0]}")
    return Check(words, "holds", f"{count} completions")


def _verdict(execution: Execution) -> tuple[Any, ...]:
    return (execution.outcome, execution.passed, execution.total)
