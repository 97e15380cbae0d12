"""Completions made elsewhere, and metrics added to a finished run: judging and scoring without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import data, runs
from harness.config import Settings
from harness.errors import DataError, RunError, UsageError, unknown
from harness.evaluate import covers, judge, score, summarise
from harness.extract import cut
from harness.plan import Plan, Request, chosen_ks, chosen_metrics, problem_splits, task_source, test_notes
from harness.provenance import of, others
from harness.records import Completion, ModelSpec, Problem, Record, Row, Run, Sampling, to_json
from harness.registry import Offer, Registry
from harness.runs import COMPLETIONS, RECORDS, RESULT, RUN


def read_completions(path: Path) -> dict[str, tuple[str, ...]]:
    """`{"id": …, "completions": ["…", …]}` lines by problem id.

    Raises:
        DataError: a line is torn, lacks a field or repeats an id; names file and line.
    """
    if not path.is_file():
        raise DataError(f"--completions {path}: no such file")
    found: dict[str, tuple[str, ...]] = {}
    for row in data.rows(path):
        problem = row.values.get("id")
        if not isinstance(problem, str | int):
            raise DataError(f"{row.where}: no field 'id'")
        texts = row.get("completions", list)
        if not texts or not all(isinstance(text, str) for text in texts):
            raise DataError(f"{row.where}: field 'completions' must be a list of texts; write [\"\"] for no answer")
        if str(problem) in found:
            raise DataError(f"{row.where}: the id {problem!r} comes a second time")
        found[str(problem)] = tuple(texts)
    return found


def score_file(request: Request, path: Path, label: str, registry: Registry, settings: Settings, root: Path) -> Row:
    """Judge and score the completions of `path`, under the method name of `request` and the model name `label`."""
    texts = read_completions(path)
    plan = _plan(request, path, label, texts, registry, settings)
    by_id = {problem.id: problem for problem in plan.splits["test"]}
    for name in texts:
        if name not in by_id and request.limit is None:
            raise unknown(f"problem of {plan.task.name} in {path}:", name, by_id)
    missing = [name for name in by_id if name not in texts]
    if missing:
        remedy = 'add a line for each, with [""] where there is no answer'
        raise DataError(f"{path}: no completions for {len(missing)} problems (first: {missing[0]}); {remedy}")
    folder = root / runs.run_id(plan.run)
    with runs.locked(folder):
        before = runs.read_row(folder) if (folder / RESULT).is_file() else None
        if before is not None:
            known = runs.read_json(folder / RUN)["plugins"]
            if covers(before.run, plan.run) and not others(known, plan.metrics):
                runs.check_records(folder)
                return before
        else:
            runs.write_json(folder / RUN, of(plan, registry))
        if not (folder / RECORDS).is_file():
            stop = plan.task.plugin.sampling().stop
            lines = (runs.line(_record(name, by_id[name].slice, texts[name], stop)) for name in by_id)
            runs.write_text(folder / COMPLETIONS, "".join(lines))
        judge(plan, folder)
        return summarise(plan, folder, score(plan, folder, registry), before)


def _record(name: str, slice_: str | None, texts: tuple[str, ...], stop: tuple[str, ...]) -> Record:
    """The texts as completions, cut where the task's own generation would have stopped."""
    kept = (cut(text.lstrip("\n"), stop) if stop else text for text in texts)
    completions = tuple(Completion(text, 0) for text in kept)
    return Record(name, slice_, "", 0, (), 0, completions)


def _plan(
    request: Request,
    path: Path,
    label: str,
    texts: Mapping[str, tuple[str, ...]],
    registry: Registry,
    settings: Settings,
) -> Plan:
    task = registry.task(request.task)
    metrics = chosen_metrics(request, task.plugin, registry)
    source = task_source(request, task.plugin)
    offers: list[Offer[Any]] = [task, *metrics]
    configs = {offer.name: settings.config(offer.name, offer.plugin.Config)[0] for offer in offers}
    settings.check_claimed()
    splits, notes = problem_splits(request, task, source, configs[task.name], needs_training=False)
    candidates = min((len(t) for t in texts.values()), default=0)
    if not candidates:
        raise DataError(f"{path}: no completions")
    sampling = Sampling(candidates=candidates, max_new_tokens=0)
    run = Run(
        task=task.name,
        task_version=task.plugin.version + ("-sample" if source.builtin else ""),
        method=request.method,
        model=ModelSpec(label),
        metrics=tuple(m.name for m in metrics),
        sampling=sampling,
        tuning=None,
        options={offer.name: to_json(configs[offer.name]) for offer in offers},
        data_digest=source.digest,
        model_digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        limit=request.limit,
        ks=chosen_ks(request, task.plugin, sampling),
        seed=request.seed,
        builtin_data=source.builtin,
    )
    notes += test_notes(splits["test"], metrics, source.label)
    return Plan(run, task, None, None, metrics, configs, splits, source, {}, notes, accept_unsafe=request.accept_unsafe)


def add_metrics(
    folder: Path,
    names: tuple[str, ...],
    ks: tuple[int, ...],
    where: Path | None,
    registry: Registry,
    settings: Settings,
) -> Row:
    """Score a finished run with more metrics (or other values of k), from its records and its data.

    Raises:
        RunError: the run is not finished.
        DataError: the data is not what the run was made with.
    """
    before = runs.read_row(folder)
    plan = reopened(folder, before.run, names, ks, where, registry, settings)
    with runs.locked(folder):
        judge(plan, folder)
        return summarise(plan, folder, score(plan, folder, registry), before)


def problems(folder: Path, registry: Registry) -> Sequence[Problem]:
    """The test problems of a finished run, read again from its data.

    Raises:
        HarnessError: the data is not at hand, or is not what the run was made with.
    """
    run = runs.read_row(folder).run
    return reopened(folder, run, (), (), None, registry, Settings()).splits["test"]


def reopened(
    folder: Path,
    run: Run,
    names: tuple[str, ...],
    ks: tuple[int, ...],
    where: Path | None,
    registry: Registry,
    settings: Settings,
) -> Plan:
    """The plan of a finished run as far as its records can be scored again; `names`, `ks` as in `add_metrics`.

    Raises:
        RunError: the task is of another version now.
        DataError: the data is not at hand, or is not what the run was made with.
    """
    task = registry.task(run.task)
    if task.plugin.version != run.task_version.removesuffix("-sample"):
        raise RunError(f"{folder}: made with version {run.task_version} of {run.task}, this is {task.plugin.version}")
    label = runs.read_json(folder / RUN)["data"]["source"]
    hub = label.partition("@")[0] == (task.plugin.hub.repository if task.plugin.hub else None)
    path = where or (None if run.builtin_data or hub else Path(label))
    request = Request(run.method, run.task, data=path, limit=run.limit, metrics=names, ks=ks, seed=run.seed, hub=hub)
    source = task_source(request, task.plugin)
    if source.digest != run.data_digest:
        raise DataError(f"{source.label}: not the data of {folder.name}; name it with --data PATH")
    metrics: tuple[Offer[Any], ...] = tuple(registry.metric(name) for name in names or run.metrics)
    if any(k > run.sampling.candidates for k in ks):
        raise UsageError(f"-k {max(ks)}: {folder.name} has {run.sampling.candidates} candidates per problem")
    offers: list[Offer[Any]] = [task, *metrics]
    configs = {offer.name: settings.config(offer.name, offer.plugin.Config)[0] for offer in offers}
    settings.check_claimed()
    splits, notes = problem_splits(request, task, source, configs[task.name], needs_training=False)
    notes += test_notes(splits["test"], metrics, source.label)
    changed = replace(
        run,
        metrics=tuple(m.name for m in metrics),
        ks=ks or run.ks,
        options={**run.options, **{m.name: to_json(configs[m.name]) for m in metrics}},
    )
    return Plan(changed, task, None, None, metrics, configs, splits, source, {}, notes)
