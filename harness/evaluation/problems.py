"""The problems of a run: where they come from, how they are split, and what the user should know about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.config import recorded_config
from harness.data import sources as data
from harness.data import tests
from harness.errors import DataError, UsageError
from harness.evaluation.fields import fields_of
from harness.evaluation.protocol import task_under_protocol
from harness.evaluation.request import Request
from harness.evaluation.template import with_template
from harness.plugin import Metric, Task
from harness.plugin_system.registry import PluginEntry
from harness.records import Problem, Run

if TYPE_CHECKING:
    from harness.plugin_system.registry import Registry


def configured(task: PluginEntry[Task], config: Any) -> PluginEntry[Task]:
    """`task` with the prompt template of its configuration.

    Raises:
        UsageError: the template does not do.
    """
    return replace(task, plugin=with_template(task.plugin, getattr(config, "template", "")))


def task_of(run: Run, registry: Registry) -> tuple[PluginEntry[Task], Any]:
    """The task of a run under the run's protocol, and its configuration as the run has recorded it."""
    task = task_under_protocol(registry, run.task, run.protocol)
    config = recorded_config(task.plugin.Config, run.options.get(task.name, {}))
    return configured(task, config), config


def task_source(request: Request, task: Task, *, fetch: bool = True) -> data.Source:
    """The source of the problems: `--data`, else the built-in sample where no model is named, else the hub.

    Without `fetch` the hub is not asked: only what was read before is there.
    """
    if request.data is not None:
        return data.open_data(request.data, whole=request.whole_data, fetch=fetch)
    if request.model is None and not request.hub:
        return data.open_builtin(task.name)
    if task.hub is None:
        raise UsageError(f"the task {task.name!r} names no data set on the hub; give its files with --data PATH")
    return data.open_hub(task.hub, fetch=fetch)


def problem_splits(
    request: Request, task: PluginEntry[Task], source: data.Source, config: Any, *, needs_training: bool
) -> tuple[dict[str, list[Problem]], tuple[str, ...]]:
    """The problems of each split, at most `request.limit` of each, and notes for the user.

    Raises:
        DataError: no test problems, no training problems for a method that needs them, or no validation problems where
            those are written for.
    """
    splits = {split: list(problems) for split, problems in task.plugin.load(source, config).items()}
    told, notes = ", ".join(sorted(splits)) or "nothing", []
    if "" in splits:
        splits = data.divide(splits[""], {"train": 0.7, "validation": 0.1, "test": 0.2}, seed=42)
        what = "has no splits" if source.hub else "is one file"
        notes.append(f"{source.label} {what}: cut into train, validation and test 70/10/20 with seed 42")
    if splits.get("train") and not splits.get("validation"):
        splits |= data.divide(splits["train"], {"train": 0.9, "validation": 0.1}, seed=42)
        notes.append("no validation split: a tenth of the training problems, taken with seed 42")
    data.check_ids(splits, source.label)
    if not splits.get("test"):
        remedy = (
            f"add a test file{source.one_file()}" if source.root.is_dir() else "add test rows, or say no split at all"
        )
        raise DataError(f"{source.label}: no test problems (found: {told}); {remedy}")
    if request.split == "validation" and not splits.get("validation") and not needs_training:
        raise DataError(f"{source.label}: no validation problems to choose by (found: {told}); add a validation file")
    if needs_training and not (splits.get("train") and splits.get("validation")):
        raise DataError(f"{source.label}: this method needs training problems, and there are none; add a train file")
    if needs_training:
        notes += leave_out_unanswered(task, splits, source, config)
    for split, problems in splits.items():
        published = task.plugin.sizes.get(split)
        if not source.builtin and published is not None and len(problems) != published:
            notes.append(f"{split}: {len(problems)} problems, the study has {published}")
        splits[split] = data.first_of_slices(problems, request.limit)
    notes += unused_tests_note(source, splits["test"])
    return splits, tuple(notes)


_WORDS = {"train": "training", "validation": "validation"}


def leave_out_unanswered(
    task: PluginEntry[Task], splits: dict[str, list[Problem]], source: data.Source, config: Any
) -> Iterator[str]:
    """Take the problems that have no answer, which nothing is learnt from, out of the training and validation problems.

    Raises:
        DataError: no training problem, or no validation problem, has an answer.
    """
    for split in ("train", "validation"):
        answered = [problem for problem in splits[split] if task.plugin.answer(problem).strip()]
        without = len(splits[split]) - len(answered)
        if not answered:
            fields = fields_of(task.plugin, source, config)
            remedy = f"name its field: --set {task.name}.answer=FIELD" if fields.used else "add them"
            has = f" (not used: {', '.join(fields.unused)})" if fields.unused else ""
            raise DataError(f"{source.label}: no {_WORDS[split]} problem has an answer to learn from{has}; {remedy}")
        if without:
            yield f"{without} of {len(splits[split])} {_WORDS[split]} problems have no answer and are left out"
        splits[split] = answered


def missing_field_notes(
    problems: Sequence[Problem], metrics: Sequence[PluginEntry[Metric]], label: str, split: str = "test"
) -> tuple[str, ...]:
    """A note for each metric that some `problems` of `split` cannot be scored with, for lack of tests or references.

    Raises:
        DataError: none of them can be scored with one of the metrics.
    """
    notes = []
    for metric in metrics:
        without = [p for p in problems if metric.plugin.lacks(p)]
        if without and len(without) == len(problems):
            what = metric.plugin.lacks(without[0])
            raise DataError(f"{label}: no {split} problem has {what}, which the metric {metric.name} needs")
        if without:
            what = metric.plugin.lacks(without[0])
            notes.append(f"{len(without)} of {len(problems)} {split} problems have no {what} (first: {without[0].id})")
    return tuple(dict.fromkeys(notes))


def unused_tests_note(source: data.Source, problems: Sequence[Problem]) -> Iterator[str]:
    """That the rows have tests which the task does not read."""
    if source.builtin or any(problem.tests for problem in problems):
        return
    for files in source.splits().values():
        row = next((row for file in files for row in data.rows(file)), None)
        if row is not None and (field := next((name for name in tests.FIELDS if row.values.get(name)), None)):
            yield f"{source.label}: this task does not read the field {field!r}; --task my judges by tests"
            return
