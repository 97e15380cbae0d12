"""The facts in a run folder as typed values: what `run.json`, `tuning.json`, `leakage.json` and `batch.json` say.

Keys that this version does not use are left aside, so that a later version may add some.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness import files
from harness.errors import RunError
from harness.evaluation.runs import BATCH, RUN, TUNING
from harness.plugin_system.loading import Origin
from harness.records import Cost, from_json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Where a run's data came from, and its digest."""

    source: str
    digest: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What `run.json` says: the command as typed and the one that repeats the run, its data, plugins and versions."""

    command: str
    data: DataFacts
    versions: Mapping[str, str]
    plugins: Mapping[str, Origin] = field(default_factory=dict)
    reproduce: str | None = None
    machine: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TuningFacts:
    """What `tuning.json` says that later phases use; `adapter` is the stamp (`files.stamp`) of each of its files.

    None stands for what an earlier version did not write.
    """

    trainable_parameters: int = 0
    total_parameters: int = 0
    costs: tuple[Cost, ...] = ()
    plugins: Mapping[str, Origin] | None = None
    together: int = 1
    best_loss: float | None = None
    key: Any = None
    adapter: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What `batch.json` says: the problems of a batch, and why transformers' `generate` was used, if it was.

    `together` are the ids of the runs that were written at once with this one, and its own; empty where it was alone.
    """

    problems: int
    why_not_slots: str | None = None
    together: tuple[str, ...] = ()


def run_facts(folder: Path) -> RunFacts:
    """The facts of `run.json`.

    Raises:
        RunError: it is missing, torn, altered or lacks something; names the file.
    """
    path = folder / RUN
    value = files.read_json(path)
    if isinstance(value, dict):
        value = {**value, "data": _known(DataFacts, value.get("data"))}
    return _typed(RunFacts, value, path)


def tuning_facts(folder: Path) -> TuningFacts:
    """The facts of the `tuning.json` of a run or tuning folder.

    Raises:
        RunError: as `run_facts`.
    """
    return _typed(TuningFacts, files.read_json(folder / TUNING), folder / TUNING)


def batch_facts(folder: Path) -> BatchFacts:
    """The facts of `batch.json`.

    Raises:
        RunError: as `run_facts`.
    """
    return _typed(BatchFacts, files.read_json(folder / BATCH), folder / BATCH)


def _typed(kind: type[T], value: Any, path: Path) -> T:
    try:
        return from_json(kind, _known(kind, value))
    except ValueError as error:
        raise RunError(f"{path}: {error}; delete the folder to run it again") from None


def _known(kind: Any, value: Any) -> Any:
    names = {one.name for one in dataclasses.fields(kind)}
    return {name: inner for name, inner in value.items() if name in names} if isinstance(value, dict) else value


def check_adapter(tuning: Path) -> None:
    """Check that the adapter beside a `tuning.json` is the one that was tuned.

    Raises:
        RunError: a file of it is missing or altered; names it.
    """
    for name, stamp in (tuning_facts(tuning).adapter or {}).items():
        path = tuning / "adapter" / name
        if files.stamp(path) != stamp:
            raise RunError(f"{path}: not what was tuned: changed or torn; delete {tuning} to tune it again")
