"""A run's row: every estimate with its interval, costs, counts and notes, from the records of its problems."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness import files
from harness.evaluation import facts, provenance, runs
from harness.evaluation.costs import sum_by_phase
from harness.evaluation.facts import TuningFacts
from harness.evaluation.leakage import leaked_ids
from harness.evaluation.plan import RunPlan
from harness.evaluation.runs import BATCH, COMPLETIONS, COSTS, EXECUTIONS, LEAKAGE, RECORDS, RESULT, TUNING
from harness.extract import BARE
from harness.extract.whole import AS_WRITTEN
from harness.plugin import Metric
from harness.plugin_system.registry import PluginEntry
from harness.records import SCHEMA, Cost, Estimate, Record, Row, Run, from_json
from harness.stats.estimates import estimate, main_measures

CLEAN = "without_leaks"
"""Key in RESULT: the estimates over the problems without a leak, where some have one."""


def estimate_measures(metrics: Sequence[PluginEntry[Metric]], records: Sequence[Record]) -> Iterator[Estimate]:
    """Every measure of `metrics` over all problems and over each slice, with its interval."""
    slices = [None, *dict.fromkeys(r.slice for r in records if r.slice is not None)]
    for entry in metrics:
        for slice_ in slices if len(slices) > 2 else [None]:
            part = [r for r in records if slice_ is None or r.slice == slice_]
            scores = [s for record in part for s in record.scores if s.metric == entry.name]
            yield from estimate(entry.plugin, scores, slice=slice_)


def summarise(plan: RunPlan, folder: Path, records: Sequence[Record], before: Row | None) -> Row:
    """Write `result.json` with the row of the run; estimates of further metrics of the row `before` are kept."""
    tuning = facts.tuning_facts(folder) if os.path.lexists(folder / TUNING) else TuningFacts()
    costs = [*tuning.costs, *runs.typed_lines(folder / COSTS, Cost, repair=True)]
    outcomes = collections.Counter(e.outcome.value for r in records for e in r.executions)
    run = merge_metrics(plan.run, before.run if before else plan.run)
    clean = estimates_without_leaks([entry.plugin for entry in plan.metrics], folder, records)
    clean = _with_kept(_clean_before(folder), clean, plan, run)
    row = Row(
        run_id=folder.name,
        run=run,
        estimates=tuple(
            _with_kept(before.estimates if before else (), estimate_measures(plan.metrics, records), plan, run)
        ),
        costs=_with_tokens(sum_by_phase(costs), records),
        outcomes=dict(sorted(outcomes.items())),
        trainable_parameters=tuning.trainable_parameters,
        total_parameters=tuning.total_parameters,
        notes=(
            *plan.notes,
            *_record_notes(records),
            *_generation_notes(folder),
            *_tuning_notes(folder, tuning),
            *leak_notes(clean, records, folder),
        ),
        examples=sum(len(r.examples) + r.dropped for r in records) / max(1, len(records)),
        readings=_count_rules(records),
    )
    digests = {runs.DIGEST: files.file_digest(folder / RECORDS), runs.INPUTS: runs.input_stamps(folder)}
    result = {"schema": SCHEMA, **digests, "row": row}
    files.write_sealed(folder / RESULT, {**result, CLEAN: clean} if clean else result)
    provenance.record_metric_origins(folder, plan.metrics)
    for name in (COMPLETIONS, EXECUTIONS):  # now their content is in the records for good
        (folder / name).unlink(missing_ok=True)
    return row


def _with_kept(before: Iterable[Estimate], made: Iterable[Estimate], plan: RunPlan, run: Run) -> list[Estimate]:
    """The estimates `made` for the metrics of `plan`, and those `before` of others, in the order of the metrics."""
    kept = (e for e in before if e.metric not in plan.run.metrics)
    return sorted((*kept, *made), key=lambda e: run.metrics.index(e.metric))


def _clean_before(folder: Path) -> list[Estimate]:
    """The estimates without leaked problems that a finished run has."""
    if not os.path.lexists(folder / RESULT):
        return []
    return [from_json(Estimate, one) for one in runs.read_result(folder)[1].get(CLEAN, ())]


def estimates_without_leaks(metrics: Sequence[Metric], folder: Path, records: Sequence[Record]) -> list[Estimate]:
    """Every measure over the problems without a leak; empty where no problem has one."""
    named = leaked_ids(folder)
    kept = [record for record in records if record.id not in named]
    if not kept or len(kept) == len(records):
        return []
    scores = {metric.name: [s for r in kept for s in r.scores if s.metric == metric.name] for metric in metrics}
    return [e for metric in metrics for e in estimate(metric, scores[metric.name])]


def leak_notes(clean: Sequence[Estimate], records: Sequence[Record], folder: Path) -> Iterator[str]:
    """A line with the number of problems that have a leak, and the main measures without them."""
    count = sum(record.id in leaked_ids(folder) for record in records)
    if not count:
        return
    shown = ", ".join(
        f"{e.measure} {100 * e.value:.2f}"
        + (f" [{100 * e.low:.1f}, {100 * e.high:.1f}]" if e.low is not None and e.high is not None else "")
        for e in main_measures(clean)
        if e.value is not None
    )
    without = f"; without them {shown}" if shown else ""
    where = f"exactly or nearly, in what the run learnt from ({LEAKAGE})"
    yield f"{count} of {len(records)} test problems stand, {where}{without}"


def _count_rules(records: Sequence[Record]) -> dict[str, int] | None:
    """How many answers each extraction rule found; None where an earlier version generated the completions."""
    counts = collections.Counter(c.rule for record in records for c in record.completions if c.rule)
    return dict(sorted(counts.items())) or None


def _with_tokens(costs: Sequence[Cost], records: Sequence[Record]) -> tuple[Cost, ...]:
    """The costs with the tokens of all records, since the counts of a killed attempt are lost."""
    read = sum(record.prompt_tokens for record in records)
    wrote = sum(completion.tokens for record in records for completion in record.completions)
    return tuple(replace(c, tokens_in=read, tokens_out=wrote) if c.phase == "generate" else c for c in costs)


def merge_metrics(run: Run, before: Run) -> Run:
    """`run` with the metrics of `before` too, which keep their places: the first one decides the ranks."""
    extra = [name for name in before.metrics if name not in run.metrics]
    options = {**{name: before.options[name] for name in extra if name in before.options}, **run.options}
    metrics = tuple(dict.fromkeys((*before.metrics, *run.metrics)))
    return replace(run, metrics=metrics, ks=tuple(sorted({*run.ks, *before.ks})), options=options)


def _generation_notes(folder: Path) -> Iterator[str]:
    """Why transformers' `generate` was used, and whether several runs were written at once.

    Unknown for a backend and for runs of earlier versions.
    """
    if not os.path.lexists(folder / BATCH):
        return
    batch = facts.batch_facts(folder)
    if batch.why_not_slots:
        yield f"written by transformers' generate: {batch.why_not_slots}"
    if (count := len(batch.together)) > 1:
        yield f"written together with {_others(count)}: time and energy are its share, peak memory is that of all"


def _others(count: int) -> str:
    return "1 other" if count == 2 else f"{count - 1} others"


def _tuning_notes(folder: Path, tuning: TuningFacts) -> Iterator[str]:
    """A tuning is shared between runs, and may come from older code than `run.json` records."""
    now = facts.run_facts(folder).plugins
    if changed := [name for name, origin in (tuning.plugins or {}).items() if now.get(name, origin) != origin]:
        yield f"tuned by another state of {', '.join(changed)}"
    if (count := tuning.together) > 1:
        yield f"tuned together with {_others(count)}: time and energy are its share, peak memory is that of all"


def _record_notes(records: Sequence[Record]) -> Iterator[str]:
    for name, description in (
        ("dropped", "examples did not fit"),
        ("leaks", "near-duplicates withheld from prompts"),
        ("reworded", "examples were re-worded by the method"),
    ):
        if count := sum(getattr(record, name) for record in records):
            yield f"{count} {description}"
    if selecting := [record for record in records if record.selected]:
        some = len(selecting[0].selected)
        word = "candidate" if some == 1 else "candidates"
        yield f"scores are of the {some} {word} of {len(selecting[0].completions)} that the decoder selected"
    if (counts := _count_rules(records)) and not {*counts} <= {BARE, AS_WRITTEN}:
        every = sum(counts.values())
        found = every - counts.get(BARE, 0) - counts.get(AS_WRITTEN, 0)
        what = "more than the code (an explanation, a Markdown block, a next task); the code alone is scored"
        yield f"{found} of {every} completions held {what}"
    if count := sum(record.truncated for record in records):
        yield f"{count} instructions were cut to fit the context"
    if count := sum(e.trust != "isolated" for r in records for e in r.executions):
        yield f"{count} executions were judged in the candidate's own process"
    if count := sum(e.unstable for r in records for e in r.executions):
        yield f"{count} programs answered otherwise when a test was repeated: judged with a process for every test"
