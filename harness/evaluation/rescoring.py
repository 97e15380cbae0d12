"""Execution and scoring without a model: completions made elsewhere, and metrics added to a finished run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from harness import files
from harness.config import Settings, recorded_config
from harness.data import sources as data
from harness.disk import file_errors
from harness.errors import DataError, RunError, UsageError, unknown
from harness.evaluation import facts, runs
from harness.evaluation.judge import Bench, judge
from harness.evaluation.plan import RunPlan, read_configs, select_ks, select_metrics
from harness.evaluation.problems import configured, missing_field_notes, problem_splits, task_of, task_source
from harness.evaluation.protocol import task_under_protocol, with_task_defaults
from harness.evaluation.provenance import run_facts
from harness.evaluation.reading import reader
from harness.evaluation.request import Request
from harness.evaluation.resume import check_unaltered, extended, is_scored, satisfies
from harness.evaluation.runs import COMPLETIONS, RUN
from harness.evaluation.score import score
from harness.evaluation.summary import summarise
from harness.extract import VERSION, as_completion
from harness.plugin import Metric, PromptingMethod, TuningMethod
from harness.plugin_system.registry import PluginEntry, Registry
from harness.records import ModelSpec, Problem, Record, Row, Run, Sampling, to_json


def read_completions(path: Path) -> dict[str, tuple[str, ...]]:
    """`{"id": …, "completions": ["…", …]}` lines by problem id.

    Raises:
        DataError: a line is torn, lacks a field or repeats an id; names file and line.
    """
    if not path.exists():
        raise DataError(f"--completions {path}: no such file")
    if not path.is_file():
        raise DataError(f"--completions {path}: a folder or a pipe; write the lines to a file and name that")
    completions: dict[str, tuple[str, ...]] = {}
    for row in data.rows(path):
        problem = row.id("id")
        texts = row.get("completions", list)
        if not texts or not all(isinstance(text, str) for text in texts):
            raise DataError(f"{row.where}: field 'completions' must be a list of texts; write [\"\"] for no answer")
        if problem in completions:
            raise DataError(f"{row.where}: the id {problem!r} comes a second time")
        completions[problem] = tuple(texts)
    return completions


def score_file(
    request: Request,
    path: Path,
    label: str,
    registry: Registry,
    settings: Settings,
    root: Path,
    bench: Bench | None = None,
) -> Row:
    """Judge and score the completions of `path`, under the method name of `request` and the model name `label`.

    Candidates are executed on `bench`, by default this machine.
    """
    texts = read_completions(path)
    plan = _plan_for_completions(request, path, label, texts, registry, settings)
    by_id = {problem.id: problem for problem in plan.problems}
    for name in texts:
        if name not in by_id and request.limit is None:
            raise unknown(f"problem of {plan.task.name} in {path}:", name, by_id)
    missing = [name for name in by_id if name not in texts]
    if missing:
        remedy = 'add a line for each, with [""] where there is no answer'
        raise DataError(f"{path}: no completions for {len(missing)} problems (first: {missing[0]}); {remedy}")
    folder = root / runs.run_id(plan.run)
    with files.locked(folder, wait_for="this run" if plan.wait else ""):
        before = runs.finished_row(folder)
        if before is not None and satisfies(before, plan, folder):
            return before
        if before is None:
            files.write_sealed(folder / RUN, run_facts(plan, registry))
        else:
            plan = extended(plan, before.run, registry)
        if not is_scored(folder):
            lines = (files.sealed_line(_record(plan, problem, texts[name])) for name, problem in by_id.items())
            files.write_text(folder / COMPLETIONS, "".join(lines))
        judge(plan, folder, bench)
        return summarise(plan, folder, score(plan, folder, registry), before)


def _record(plan: RunPlan, problem: Problem, texts: tuple[str, ...]) -> Record:
    """The record of a problem, with the answers extracted as from completions that harness generates."""
    task = plan.task.plugin
    read = reader(task, problem, task.sampling().stop)
    completions = tuple(as_completion(text, read, 0, None, "stop") for text in texts)
    return Record(problem.id, problem.slice, "", 0, (), 0, completions)


def _plan_for_completions(
    request: Request,
    path: Path,
    label: str,
    texts: Mapping[str, tuple[str, ...]],
    registry: Registry,
    settings: Settings,
) -> RunPlan:
    with file_errors(path):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    task = task_under_protocol(registry, request.task, request.protocol)
    settings = with_task_defaults(settings, task.plugin, request.protocol)
    source = task_source(request, task.plugin)
    configs: dict[str, Any] = {}
    read_configs([task], settings, configs, {})
    task = configured(task, configs[task.name])
    splits, notes = problem_splits(request, task, source, configs[task.name], needs_training=False)
    metrics = select_metrics(request, task.plugin, splits["test"], registry)
    read_configs(metrics, settings, configs, {})
    settings.check_claimed()
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
        options={name: to_json(config) for name, config in configs.items()},
        data_digest=source.digest,
        model_digest=digest,
        limit=request.limit,
        ks=select_ks(request, task.plugin, sampling.candidates),
        seed=request.seed,
        builtin_data=source.builtin,
        reading=VERSION,
        whole_data=source.whole,
        protocol=request.protocol or "",
    )
    notes += missing_field_notes(splits["test"], metrics, source.label)
    return RunPlan(
        run,
        task,
        None,
        None,
        metrics,
        configs,
        splits,
        source,
        {},
        notes,
        accept_unsafe=request.accept_unsafe,
        wait=request.wait,
    )


def add_metrics(
    folder: Path,
    names: tuple[str, ...],
    ks: tuple[int, ...],
    where: Path | None,
    registry: Registry,
    settings: Settings,
    bench: Bench | None = None,
) -> Row:
    """Score a finished run with more metrics (or other values of k), from its records and its data.

    A metric that the run has keeps the options it was scored with, unless `settings` give others. Candidates are
    executed on `bench`, by default this machine.

    Raises:
        RunError: the run is not finished, or a file of it is not the one that its row was computed from.
        DataError: the data is not the data of the run.
    """
    before = runs.read_row(folder)
    plan = extended(reload_plan(folder, before.run, names, ks, where, registry, settings), before.run, registry)
    with files.locked(folder, wait_for="this run"):
        check_unaltered(folder)
        judge(plan, folder, bench)
        return summarise(plan, folder, score(plan, folder, registry), before)


def splits(folder: Path, registry: Registry) -> Mapping[str, Sequence[Problem]]:
    """The splits of a finished run, read again from its data where that is on this machine.

    Raises:
        HarnessError: the data is not here, cannot be read, or is not the data of the run.
    """
    run = runs.read_row(folder).run
    return reload_plan(folder, run, (), (), None, registry, Settings(), fetch=False).splits


def reload_plan(
    folder: Path,
    run: Run,
    names: tuple[str, ...],
    ks: tuple[int, ...],
    where: Path | None,
    registry: Registry,
    settings: Settings,
    *,
    fetch: bool = True,
) -> RunPlan:
    """The plan that scores the records of a finished run again; `names`, `ks` as in `add_metrics`.

    Without `fetch` the hub is not asked for the data: a run folder may be a stranger's, who names what it asks for.

    Raises:
        RunError: the task is of another version now.
        DataError: the data cannot be read, or is not the data of the run.
    """
    task, config = task_of(run, registry)
    if task.plugin.version != run.task_version.removesuffix("-sample"):
        raise RunError(f"{folder}: made with version {run.task_version} of {run.task}, this is {task.plugin.version}")
    label = facts.run_facts(folder).data.source
    pinned = task.plugin.hub
    hub = pinned is not None and label == f"{pinned.repository}@{pinned.revision}"
    path = where or (None if run.builtin_data or hub else Path(label))
    request = Request(
        run.method,
        run.task,
        data=path,
        limit=run.limit,
        hub=hub,
        whole_data=run.whole_data,
        split=run.split,
    )
    source = task_source(request, task.plugin, fetch=fetch)
    if source.digest != run.data_digest:
        raise DataError(f"{source.label}: not the data of {folder.name}; name it with --data PATH")
    metrics: tuple[PluginEntry[Any], ...] = tuple(registry.metric(name) for name in names or run.metrics)
    if ks:
        _check_ks(ks, folder, run)
    configs = {task.name: config}
    settings = with_task_defaults(_as_recorded(settings, run, metrics), task.plugin, run.protocol)
    read_configs(metrics, settings, configs, {})
    settings.check_claimed()
    # Of validation problems a method that learns leaves some out; of test problems none does.
    learns = run.split != "test" and _learns(run, registry)
    splits, notes = problem_splits(request, task, source, config, needs_training=learns)
    notes += missing_field_notes(splits[run.split], metrics, source.label, run.split)
    changed = replace(
        run,
        metrics=tuple(m.name for m in metrics),
        ks=ks or run.ks,
        options={**run.options, **{m.name: to_json(configs[m.name]) for m in metrics}},
    )
    return RunPlan(changed, task, None, None, metrics, configs, splits, source, {}, notes)


def _learns(run: Run, registry: Registry) -> bool:
    """Whether a part of the run's method needs training problems."""
    parts = (registry.method(name).plugin for name in run.method.split("+"))
    return any(isinstance(part, TuningMethod | PromptingMethod) for part in parts)


def _as_recorded(settings: Settings, run: Run, metrics: Iterable[PluginEntry[Metric]]) -> Settings:
    """`settings` over the options under which the run was scored: another k must not change what a metric means."""
    options: dict[str, Any] = {}
    for metric in metrics:
        if metric.name in run.options:
            config = recorded_config(metric.plugin.Config, run.options[metric.name])
            options |= {f"{metric.name}.{one.name}": getattr(config, one.name) for one in fields(config)}
    return settings.with_defaults(options, "run.json")


def _check_ks(ks: Sequence[int], folder: Path, run: Run) -> None:
    """Refuse values of k for which a problem has too few candidates; a decoder may have selected some of them.

    Raises:
        UsageError: names the value.
    """
    selected = [len(record.selected) for record in runs.read_records(folder) if record.selected]
    most = min(selected, default=run.sampling.candidates)
    if max(ks) > most:
        raise UsageError(f"-k {max(ks)}: {folder.name} has {most} scored candidates per problem")
    if min(ks) < 1:
        raise UsageError(f"-k {min(ks)}: k starts at 1")
