"""Rows of finished runs: collecting, selecting, grouping, labelling and sorting.

Rows of different data digests, task versions, problem limits, sampling or metric options never share a board.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import RunError, unknown
from harness.evaluation import runs
from harness.evaluation.facts import run_facts
from harness.modeling.checkpoint import identity
from harness.ranking.costs import COSTS, total_tokens_per_request
from harness.ranking.names import model_names
from harness.records import Estimate, Row, canonical
from harness.stats.estimates import main_measures

Column = tuple[str, str, str | None]
"""(metric, measure, slice); the slice is None for all problems."""


@dataclass(slots=True)
class CollectedRuns:
    """The rows below some paths, the folder and JSON of each by run id, and a line for each run that was left out."""

    rows: list[Row] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def collect(paths: Iterable[Path]) -> CollectedRuns:
    """The rows below `paths`; a run that cannot be read, or whose records are not those of its result, is named and
    left out; one that is there twice counts once.

    Raises:
        RunError: a path does not exist.
    """
    collected = CollectedRuns()
    for path in paths:
        if not path.exists():
            raise RunError(f"{path}: no such folder; run something first: harness eval --method lora --task apps")
        with _without_collector():
            for folder in runs.finished(path):
                _add(collected, folder)
    return collected


def _add(collected: CollectedRuns, folder: Path) -> None:
    try:
        row, result = runs.read_result(folder)
        _check_split(folder, row)
        runs.check_records(folder, result)
        read_run_info(folder)
    except RunError as error:
        collected.left_out.append(str(error))
        return
    if row.run_id in collected.folders:
        collected.left_out.append(f"{folder}: the same run as {collected.folders[row.run_id]}, which counts")
    else:
        collected.rows.append(row)
        collected.folders[row.run_id] = folder
        collected.json[row.run_id] = result["row"]


def _check_split(folder: Path, row: Row) -> None:
    if row.run.split != "test":
        raise RunError(f"{folder}: on {row.run.split} problems, to choose a setting: no result of the task")


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the garbage collector: rows hold no garbage, and collecting takes a quarter of the reading time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def select(
    rows: Iterable[Row], tasks: Sequence[str] = (), methods: Sequence[str] = (), models: Sequence[str] = ()
) -> list[Row]:
    """The rows of these tasks, methods and models; all where none is named.

    A model is named as in a table, by the last part of its id, or by the whole id.

    Raises:
        UsageError: there are rows, and none has a name that was given.
    """
    rows = list(rows)
    shown = model_names({row.run.model.id for row in rows})
    called = {name for row in rows for name in (row.run.model.name, row.run.model.id, shown[row.run.model.id])}
    models = [name if name in called else identity(name) for name in models]
    for what, names, known in (
        ("task", tasks, {row.run.task for row in rows}),
        ("method", methods, {row.run.method for row in rows}),
        ("model", models, called),
    ):
        for name in names:
            if rows and name not in known:
                raise unknown(f"{what} in these runs", name, known)
    return [
        row
        for row in rows
        if (not tasks or row.run.task in tasks)
        and (not methods or row.run.method in methods)
        and (not models or not {row.run.model.name, row.run.model.id, shown[row.run.model.id]}.isdisjoint(models))
    ]


def group_key(row: Row) -> tuple[Any, ...]:
    """What rows must share to be ranked together: all sampling settings but the length limit of the reasoning."""
    run = row.run
    task = canonical(run.options.get(run.task, {}))
    sampling = dataclasses.replace(run.sampling, thinking_tokens=0)
    key: tuple[Any, ...] = (run.task, run.task_version, run.data_digest, run.limit, sampling, task, run.builtin_data)
    # Boards of the first version keep their ids.
    key = key if run.reading == 1 else (*key, run.reading)
    key = (*key, run.protocol) if run.protocol else key
    return key if run.split == "test" else (*key, run.split)


def group_rows(rows: Iterable[Row]) -> list[list[Row]]:
    """Groups of rows that may be ranked together; a metric with several sets of options splits a group."""
    by_key: dict[Any, list[Row]] = {}
    for row in rows:
        by_key.setdefault(group_key(row), []).append(row)
    by_options: dict[Any, list[Row]] = {}
    for key, group in by_key.items():
        contested = _metrics_with_several_options(group)
        for row in group:
            own = tuple(canonical(row.run.options.get(name)) for name in contested)
            by_options.setdefault((*key, own), []).append(row)
    return [group for _, group in sorted(by_options.items(), key=lambda item: str(item[0]))]


def _metrics_with_several_options(group: Sequence[Row]) -> list[str]:
    """The metrics whose options are not the same in all rows that have them."""
    seen: dict[str, set[str]] = {}
    for row in group:
        for name in row.run.metrics:
            seen.setdefault(name, set()).add(canonical(row.run.options.get(name)))
    return sorted(name for name, options in seen.items() if len(options) > 1)


def sort_key(row: Row, by: str | Column) -> tuple[float, float, str]:
    """The best first: the lowest cost, or the best estimate; of equals the fewest tokens; rows without it last."""
    spent = total_tokens_per_request(row) or 0.0
    if isinstance(by, str) and by in COSTS:
        cost = COSTS[by].value(row)
        return (float("inf") if cost is None else cost, spent, row.run_id)
    for e in row.estimates:
        column = (e.metric, e.measure, e.slice)
        wanted = by in column[:2] and e.slice is None if isinstance(by, str) else by == column
        if wanted and e.value is not None:
            return (-e.value if e.higher_is_better else e.value, spent, row.run_id)
    return (float("inf"), spent, row.run_id)


def find_estimate(row: Row, column: Column) -> Estimate | None:
    """The row's estimate in a column; None where the run does not have it."""
    return next((e for e in row.estimates if (e.metric, e.measure, e.slice) == column), None)


def measure_columns(group: Sequence[Row], *, everything: bool = False) -> list[Column]:
    """The columns of a group, in the order of the metrics; without `everything` those of its main measures."""
    estimates = [e for row in group for e in row.estimates]
    shown = estimates if everything else main_measures(estimates)
    return list(dict.fromkeys((e.metric, e.measure, e.slice) for e in shown))


def row_labels(rows: Sequence[Row]) -> list[str]:
    """The method of each row, with the options (or the seed) in which rows of the same model and method differ."""
    alike: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        alike.setdefault((row.run.model.id, row.run.method), []).append(i)
    method_labels = [row.run.method for row in rows]
    for (_, method), members in alike.items():
        if len(members) == 1:
            continue
        options = [_options(rows[i]) for i in members]
        names = {name for one in options for name in one}
        varying = sorted(n for n in names if len({one.get(n) for one in options}) > 1)
        for i, one in zip(members, options, strict=True):
            # A method's option and the setting of the training loop that it becomes are one thing to a reader.
            shown = dict.fromkeys(f"{name.removeprefix(method + '.')}={one.get(name, '-')}" for name in varying)
            method_labels[i] = f"{method} ({', '.join(shown)})"
    return method_labels


def _options(row: Row) -> dict[str, str]:
    """The options of a run that its group does not fix, by name: "icl.examples", "seed"."""
    run = row.run
    options = {
        f"{plugin}.{name}": str(value)
        for plugin in run.method.split("+")
        if isinstance(options := run.options.get(plugin), Mapping)
        for name, value in options.items()
    }
    if run.tuning is not None:
        options |= {f.name: str(getattr(run.tuning, f.name)) for f in dataclasses.fields(run.tuning)}
    chat = {"chat": run.model.chat, "thinking": run.model.thinking, "thinking_tokens": run.sampling.thinking_tokens}
    options |= {name: str(value) for name, value in chat.items()}
    return options | {"seed": str(run.seed), "revision": str(run.model.revision), "weights": run.model_digest[:8]}


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Facts from a run's `run.json`: the command that repeats it, its data, versions and machine."""

    command: str
    source: str
    versions: Mapping[str, str]
    machine: Mapping[str, Any]


def read_run_info(folder: Path) -> RunInfo:
    """The facts about the run in `folder`.

    Raises:
        RunError: `run.json` is missing, torn or altered.
    """
    facts = run_facts(folder)
    return RunInfo(facts.reproduce or facts.command, facts.data.source, facts.versions, facts.machine)
