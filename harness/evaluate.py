"""The sentence: a method adapts a model to a task; the adapted model writes completions for the task's problems; the
sandbox runs them where the task has tests; metrics score them; every number lands in a record.

Each phase continues where an earlier attempt stopped, so the same command again ends with the same result.
"""

from __future__ import annotations

import collections
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import provenance, remote, runs, sandbox, statistics, workshop
from harness.costs import metered, total
from harness.generate import batch_size, generate
from harness.model import Base, parameters
from harness.plan import Plan
from harness.progress import bar
from harness.prompts import Layout, Pool, Prompt
from harness.records import (
    SCHEMA,
    Completion,
    Cost,
    Estimate,
    Execution,
    Problem,
    Record,
    Row,
    Run,
    Score,
    digest,
    from_json,
    to_json,
)
from harness.registry import Offer, Registry
from harness.runs import COMPLETIONS, COSTS, EXECUTIONS, RECORDS, RESULT, RUN, SANDBOX, TUNING
from harness.train import Tuned, fit, rows
from harness.workshop import Workshop


def evaluate(plan: Plan, registry: Registry, root: Path, shop: Workshop) -> Row:
    """One run from plan to row; a finished run is returned as it is, a broken one continued.

    Raises:
        HarnessError: an expected failure; what was finished is on disk.
    """
    folder = root / runs.run_id(plan.run)
    with runs.locked(folder):
        before = runs.read_row(folder) if (folder / RESULT).is_file() else None
        if before is not None:
            known = runs.read_json(folder / RUN)["plugins"]
            provenance.another_state(folder, known, [plan.task, plan.tuner, plan.prompter, plan.backend])
            if covers(before.run, plan.run) and not provenance.others(known, plan.metrics):
                runs.check_records(folder)
                return before
        else:
            runs.write_json(folder / RUN, provenance.of(plan, registry))
            registry.tell("harness_run_started", run=plan.run)
        if plan.backend is not None and not written(plan, folder):
            remote.write_completions(plan, folder, root / "cache")
        elif not written(plan, folder):
            write_completions(plan, folder, tune(plan, root, shop), root, shop)
        judge(plan, folder)
        records = score(plan, folder, registry)
        row = summarise(plan, folder, records, before)
        registry.tell("harness_run_finished", run=plan.run, rows=(row,))
        return row


def covers(done: Run, asked: Run) -> bool:
    """Whether a finished run has every metric that is asked for, at the same options and values of k."""
    return (
        set(asked.metrics) <= set(done.metrics)
        and set(asked.ks) <= set(done.ks)
        and all(done.options.get(name) == asked.options.get(name) for name in asked.metrics)
    )


def written(plan: Plan, folder: Path) -> bool:
    """Whether every problem has its completions."""
    if (folder / RECORDS).is_file():
        return True
    return sum(1 for _ in runs.lines(folder / COMPLETIONS, repair=True)) == len(plan.splits["test"])


def tune(plan: Plan, root: Path, shop: Workshop) -> Path | None:
    """The folder of the plan's tuning, made now unless it is there; None for a method that tunes nothing."""
    if plan.tuner is None or plan.run.tuning is None:
        return None
    folder = root / "tunings" / f"{plan.tuner.name.replace(':', '_')}-{digest(plan.tuning_key)[:12]}"
    with runs.locked(folder):
        if (folder / TUNING).is_file():
            facts = runs.read_json(folder / TUNING)
            provenance.another_state(folder, facts.get("plugins"), _tuned_by(plan))
            return folder
        with metered("load") as loading:
            base = _adapted_for_training(plan, shop)
        train, cut = _training_rows(plan, base, "train", root / "cache")
        validation, _ = _training_rows(plan, base, "validation", root / "cache")
        with metered("tune") as meter, bar(f"tuning {plan.tuner.name}") as progress:
            tuned = fit(base, train, validation, plan.run.tuning, folder / "checkpoints", plan.run.seed, progress)
            meter.tokens_in = round(sum(len(r["input_ids"]) for r in train) * plan.run.tuning.epochs)
        size = workshop.save(base, folder / "adapter")
        facts = _tuning_facts(base, replace(tuned, truncated=cut), size, [loading.cost, meter.cost])
        shop.give_back(base)
        about = {"schema": SCHEMA, "key": plan.tuning_key, "plugins": provenance.origins(_tuned_by(plan))}
        runs.write_json(folder / TUNING, {**about, **facts})
        shutil.rmtree(folder / "checkpoints")
    return folder


def _tuned_by(plan: Plan) -> list[Offer[Any] | None]:
    """The plugins that a tuning depends on."""
    return [plan.task, plan.tuner, plan.trained_prompter]


def _adapted_for_training(plan: Plan, shop: Workshop) -> Base:
    from transformers import set_seed

    assert plan.tuner is not None
    method, config = plan.tuner.plugin, plan.config(plan.tuner)
    base = shop.base(plan.run.model, method.load_options(config))
    set_seed(plan.run.seed)  # adapters start from random numbers
    return method.adapt(base, config)


def _training_rows(plan: Plan, base: Base, split: str, cache: Path) -> tuple[list[dict[str, Any]], int]:
    """The rows to train on; their prompts have examples only where the prompting method is asked to train with them."""
    assert plan.run.tuning is not None
    problems = [p for p in plan.splits[split] if plan.task.plugin.answer(p)]
    prompts = build_prompts(plan, base, problems, cache, training=True)
    return rows(Layout(plan.task.plugin, base), list(zip(prompts, problems, strict=True)), plan.run.tuning.max_tokens)


def _tuning_facts(base: Base, tuned: Tuned, size: int, costs: Sequence[Cost | None]) -> dict[str, Any]:
    trainable, everything = parameters(base.model)
    return {
        **to_json(tuned),
        "trainable_parameters": trainable,
        "total_parameters": everything,
        "adapter_bytes": size,
        "costs": to_json([cost for cost in costs if cost]),
    }


def write_completions(plan: Plan, folder: Path, tuning: Path | None, root: Path, shop: Workshop) -> None:
    """Append one line for each problem that has no completions yet, as soon as its batch is done."""
    path = folder / COMPLETIONS
    done = frozenset(record["id"] for record in runs.lines(path, repair=True))
    problems = plan.splits["test"]
    with metered("load") as loading:
        base = _adapted(plan, tuning, shop)
    _attach(folder, tuning, base)
    by_id = {problem.id: problem for problem in problems}
    with metered("generate") as meter, bar("writing") as progress:
        prompts = list(build_prompts(plan, base, problems, root / "cache"))
        size = _batch_size(folder, base, prompts, plan)
        writing = generate(
            base, prompts, plan.run.sampling, plan.run.seed, batch=size, done=done, lowered=_lower(folder)
        )
        for count, (prompt, completions) in enumerate(writing, len(done) + 1):
            runs.append(path, _record(by_id[prompt.id], prompt, completions))
            meter.tokens_in += len(prompt.tokens)
            meter.tokens_out += sum(c.tokens for c in completions)
            progress(count, len(problems), "")
    for cost in (loading.cost, meter.cost):
        runs.append(folder / COSTS, cost)
    if tuning is not None:
        shop.give_back(base)


def _adapted(plan: Plan, tuning: Path | None, shop: Workshop) -> Base:
    method = plan.method
    options = method.plugin.load_options(plan.config(method)) if method else {}
    if tuning is None:
        return shop.base(plan.run.model, options)
    return workshop.restore(shop, plan.run.model, options, tuning / "adapter")


def _attach(folder: Path, tuning: Path | None, base: Base) -> None:
    """Make the tuning part of the run's folder: its facts as a copy, its weights as a link."""
    if tuning is None:
        trainable, everything = parameters(base.model)
        facts = {"schema": SCHEMA, "trainable_parameters": trainable, "total_parameters": everything}
        runs.write_json(folder / TUNING, facts)
        return
    runs.write_json(folder / TUNING, runs.read_json(tuning / TUNING))
    if not (folder / "adapter").exists():
        (folder / "adapter").symlink_to(Path("..") / "tunings" / tuning.name / "adapter")


def build_prompts(
    plan: Plan, base: Base, problems: Sequence[Problem], cache: Path, *, training: bool = False
) -> Iterator[Prompt]:
    """The prompts of `problems` under the plan's prompting method; for training, plain ones unless it says otherwise.

    Training prompts leave room for the longest answer, so that they do not depend on how many tokens a run may write.
    """
    task, offer = plan.task.plugin, plan.trained_prompter if training else plan.prompter
    room = base.context if training else plan.run.sampling.max_new_tokens
    layout = Layout(task, base, offer.plugin.preamble if offer else "", room)
    if offer is None or not offer.plugin.prompts:
        yield from (layout.prompt(problem) for problem in problems)
        return
    pool = Pool(plan.splits["train"], plan.run.seed, cache)
    chosen = offer.plugin.examples(problems, pool, plan.config(offer))
    for problem, examples in zip(problems, chosen, strict=True):
        yield layout.prompt(problem, examples, leaks=len(pool.leaks(problem)))


def _batch_size(folder: Path, base: Base, prompts: Sequence[Prompt], plan: Plan) -> int:
    """The batch size of an earlier attempt, so that its batches are met again; else what fits."""
    path = folder / "batch.json"
    if not path.is_file():
        runs.write_json(path, {"problems": batch_size(base, prompts, plan.run.sampling)})
    return int(runs.read_json(path)["problems"])


def _lower(folder: Path) -> Any:
    def lowered(size: int) -> None:
        print(f"note: out of memory; going on with {size} problems at a time", file=sys.stderr)
        runs.append(folder / "lowered.jsonl", {"problems": size})

    return lowered


def _record(problem: Problem, prompt: Prompt, completions: tuple[Completion, ...]) -> Record:
    return Record(
        id=problem.id,
        slice=problem.slice,
        prompt_digest=prompt.digest,
        prompt_tokens=len(prompt.tokens),
        examples=prompt.examples,
        dropped=prompt.dropped,
        completions=completions,
        leaks=prompt.leaks,
        truncated=prompt.truncated,
    )


def judge(plan: Plan, folder: Path) -> None:
    """Append the executions of each problem that has completions and tests and was not judged yet."""
    if not any(m.plugin.needs == "executions" for m in plan.metrics):
        return
    path = folder / EXECUTIONS
    done = {line["id"] for line in runs.lines(path, repair=True)}
    problems = {p.id: p for p in plan.splits["test"] if p.tests is not None}
    waiting = [r for r in completed(folder) if r.id in problems and r.id not in done and not r.executions]
    if not waiting:
        return
    with metered("judge") as meter, bar("judging") as progress:
        jobs = ((problems[record.id], completion) for record in waiting for completion in record.completions)
        verdicts = plan.task.plugin.judge(jobs, limits=plan.limits, accept_unsafe=plan.accept_unsafe)
        if verdicts is None:
            return
        isolation = sandbox.rung(plan.accept_unsafe)
        runs.write_json(folder / SANDBOX, {"isolation": isolation, "limits": plan.limits})
        for count, record in enumerate(waiting, 1):
            executions = [next(verdicts) for _ in record.completions]
            runs.append(path, {"id": record.id, "executions": executions})
            progress(count, len(waiting), "")
    runs.append(folder / COSTS, meter.cost)


def completed(folder: Path) -> list[Record]:
    """What was written so far: the records of a scored run, else its completions."""
    if (folder / RECORDS).is_file():
        return runs.read_records(folder)
    return [from_json(Record, line) for line in runs.lines(folder / COMPLETIONS, repair=True)]


def score(plan: Plan, folder: Path, registry: Registry) -> list[Record]:
    """Score every problem and write `records.jsonl` in the order of the data; then the working files can go.

    Scores of metrics that the plan does not name stay as they are.
    """
    executions = {
        line["id"]: tuple(from_json(Execution, e) for e in line["executions"])
        for line in runs.lines(folder / EXECUTIONS, repair=True)
    }
    asked = {metric.name for metric in plan.metrics}
    by_id = {record.id: record for record in completed(folder)}
    records = []
    for problem in plan.splits["test"]:
        old = by_id[problem.id]
        record = replace(old, executions=executions.get(problem.id, old.executions))
        kept = tuple(s for s in old.scores if s.metric not in asked)
        record = replace(record, scores=(*kept, *scores(plan, problem, record)))
        registry.tell("harness_record_written", run=plan.run, record=record)
        records.append(record)
    runs.write_text(folder / RECORDS, "".join(runs.line(record) for record in records))
    for name in (COMPLETIONS, EXECUTIONS):
        (folder / name).unlink(missing_ok=True)
    return records


def scores(plan: Plan, problem: Problem, record: Record) -> Iterator[Score]:
    """The plan's metrics on one problem; what a metric needs and the problem lacks is said, never scored as zero."""
    for offer in plan.metrics:
        metric = offer.plugin
        if metric.needs == "executions" and not record.executions:
            yield Score(metric.name, why="the problem has no tests")
        elif metric.needs == "references" and not problem.references:
            yield Score(metric.name, why="the problem has no reference")
        else:
            yield metric.score(problem, record.completions, record.executions, plan.run.ks, plan.config(offer))


def estimates(plan: Plan, records: Sequence[Record]) -> Iterator[Estimate]:
    """Every measure over all problems and over each slice, with its interval."""
    slices = [None, *dict.fromkeys(r.slice for r in records if r.slice is not None)]
    for offer in plan.metrics:
        for slice_ in slices if len(slices) > 2 else [None]:
            part = [r for r in records if slice_ is None or r.slice == slice_]
            found = [s for record in part for s in record.scores if s.metric == offer.name]
            yield from statistics.estimate(offer.plugin, found, slice=slice_)


def summarise(plan: Plan, folder: Path, records: Sequence[Record], before: Row | None) -> Row:
    """Write `result.json`: the run's row. Estimates of metrics that only an earlier row has are kept."""
    facts = runs.read_json(folder / TUNING) if (folder / TUNING).is_file() else {}
    costs = [from_json(Cost, c) for c in facts.get("costs", [])]
    costs += [from_json(Cost, line) for line in runs.lines(folder / COSTS, repair=True)]
    outcomes = collections.Counter(e.outcome.value for r in records for e in r.executions)
    kept = [e for e in before.estimates if e.metric not in plan.run.metrics] if before else []
    row = Row(
        run_id=folder.name,
        run=with_metrics_of(plan.run, before.run if before else plan.run),
        estimates=(*kept, *estimates(plan, records)),
        costs=_with_tokens(total(costs), records),
        outcomes=dict(sorted(outcomes.items())),
        trainable_parameters=facts.get("trainable_parameters", 0),
        total_parameters=facts.get("total_parameters", 0),
        notes=(*plan.notes, *_record_notes(records), *_tuning_notes(folder, facts)),
        examples=sum(len(r.examples) + r.dropped for r in records) / max(1, len(records)),
    )
    digest_of_records = runs.file_digest(folder / RECORDS)
    runs.write_json(folder / RESULT, {"schema": SCHEMA, "records_sha256": digest_of_records, "row": row})
    provenance.scored_by(folder, plan.metrics)
    return row


def _with_tokens(costs: Sequence[Cost], records: Sequence[Record]) -> tuple[Cost, ...]:
    """The costs with the tokens of all records: an attempt that was killed took its own counts with it."""
    read = sum(record.prompt_tokens for record in records)
    wrote = sum(completion.tokens for record in records for completion in record.completions)
    return tuple(replace(c, tokens_in=read, tokens_out=wrote) if c.phase == "generate" else c for c in costs)


def with_metrics_of(run: Run, before: Run) -> Run:
    """`run` with the metrics that `before` has and it has not."""
    extra = tuple(name for name in before.metrics if name not in run.metrics)
    options = {**{name: before.options[name] for name in extra if name in before.options}, **run.options}
    return replace(run, metrics=(*extra, *run.metrics), ks=tuple(sorted({*run.ks, *before.ks})), options=options)


def _tuning_notes(folder: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """A tuning outlives its run, and may have been made by older code than `run.json` tells of."""
    now = runs.read_json(folder / RUN)["plugins"]
    if changed := [name for name, origin in facts.get("plugins", {}).items() if now.get(name, origin) != origin]:
        yield f"tuned by another state of {', '.join(changed)}"


def _record_notes(records: Sequence[Record]) -> Iterator[str]:
    for name, words in (("dropped", "examples did not fit"), ("leaks", "near-duplicates withheld from prompts")):
        if count := sum(getattr(record, name) for record in records):
            yield f"{count} {words}"
    if count := sum(record.truncated for record in records):
        yield f"{count} instructions were cut to fit the context"
    if count := sum(e.trust != "isolated" for r in records for e in r.executions):
        yield f"{count} executions were judged in the candidate's own process"
