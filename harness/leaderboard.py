"""Finished runs to boards: one ranking per task, version, data and protocol; the best row first.

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

from harness import runs
from harness.errors import RunError, unknown
from harness.records import Estimate, Outcome, Row, canonical, digest, to_json

Column = tuple[str, str, str | None]
"""(metric, measure, slice); the slice is None for all problems."""


@dataclass(slots=True)
class Found:
    """What lies below the given paths: the rows, by run the folder and the JSON, and a line for each run left out."""

    rows: list[Row] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def collect(paths: Iterable[Path]) -> Found:
    """The rows below `paths`; a run that cannot be read, or whose records are not those of its result, is named and
    left out; one that is there twice counts once.

    Raises:
        RunError: a path does not exist.
    """
    found = Found()
    for path in paths:
        if not path.exists():
            raise RunError(f"{path}: no such folder; run something first: harness eval --method lora --task apps")
        with _without_collector():
            for folder in runs.finished(path):
                _add(found, folder)
    return found


def _add(found: Found, folder: Path) -> None:
    try:
        row, result = runs.read_result(folder)
        runs.check_records(folder, result)
    except RunError as error:
        found.left_out.append(str(error))
        return
    if row.run_id in found.folders:
        found.left_out.append(f"{folder}: the same run as {found.folders[row.run_id]}, which counts")
    else:
        found.rows.append(row)
        found.folders[row.run_id] = folder
        found.json[row.run_id] = result["row"]


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing that is read here is garbage, and looking for some takes a quarter of the time of reading it."""
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
    """The rows of these tasks, methods and models (by short name or full id); all where none is named.

    Raises:
        UsageError: there are rows, and none has a name that was given.
    """
    rows = list(rows)
    for what, names, known in (
        ("task", tasks, {row.run.task for row in rows}),
        ("method", methods, {row.run.method for row in rows}),
        ("model", models, {name for row in rows for name in (row.run.model.name, row.run.model.id)}),
    ):
        for name in names:
            if rows and name not in known:
                raise unknown(f"{what} in these runs", name, known)
    return [
        row
        for row in rows
        if (not tasks or row.run.task in tasks)
        and (not methods or row.run.method in methods)
        and (not models or row.run.model.name in models or row.run.model.id in models)
    ]


def group_key(row: Row) -> tuple[Any, ...]:
    """What rows must share to be ranked together."""
    run = row.run
    task = canonical(run.options.get(run.task, {}))
    return (run.task, run.task_version, run.data_digest, run.limit, run.sampling, task, run.builtin_data)


def groups(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that may be ranked together; a metric that was computed with two sets of options parts them further."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(group_key(row), []).append(row)
    parted: dict[Any, list[Row]] = {}
    for key, group in found.items():
        contested = _contested(group)
        for row in group:
            own = tuple(canonical(row.run.options.get(name)) for name in contested)
            parted.setdefault((*key, own), []).append(row)
    return [group for _, group in sorted(parted.items(), key=lambda item: str(item[0]))]


def _contested(group: Sequence[Row]) -> list[str]:
    """The metrics whose options are not the same in all rows that have them."""
    seen: dict[str, set[str]] = {}
    for row in group:
        for name in row.run.metrics:
            seen.setdefault(name, set()).add(canonical(row.run.options.get(name)))
    return sorted(name for name, options in seen.items() if len(options) > 1)


@dataclass(frozen=True)
class Board:
    """Rows that may be ranked together, best first (or as sorted), with their ranks in `ranked_by`.

    `ranks` are tie groups: rows with one number were not found to differ from the first of them. `basis` says how
    that was decided. `labels` tell rows of one model and method apart by what differs.
    """

    rows: tuple[Row, ...]
    ranks: tuple[int | None, ...]
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    ranked_by: Column
    basis: str

    @property
    def id(self) -> str:
        """Eight digits that name the group."""
        return digest(group_key(self.rows[0]))[:8]

    @property
    def title(self) -> str:
        """What the board is about; one of built-in data can never be taken for the real benchmark."""
        run = self.rows[0].run
        label = "BUILT-IN SAMPLE, not the real benchmark; " if run.builtin_data else ""
        limited = f", limited to {run.limit}" if run.limit else ""
        sampling = run.sampling
        how = "beam search" if sampling.temperature == 0 else f"sampling at {sampling.temperature:g}"
        return (
            f"{run.task} (version {run.task_version}; {label}{problems(self.rows[0])} problems{limited}; "
            f"{sampling.candidates} candidates, {how}; data {run.data_digest[:12]})"
        )

    def column(self, row: Row, column: Column) -> Estimate | None:
        """The row's estimate in a column."""
        return next((e for e in row.estimates if (e.metric, e.measure, e.slice) == column), None)


def boards(
    rows: Iterable[Row],
    folders: Mapping[str, Path] | None = None,
    *,
    metric: str | None = None,
    sort: str | None = None,
    left_out: list[str] | None = None,
) -> list[Board]:
    """A board for each group of rows.

    `metric` is a metric or one of its measures: only its columns are shown, and it decides the rank. `sort` is a
    measure or a cost (see `COSTS`). With `folders`, ranks come from paired tests on the runs' records, and a run
    whose records are torn or do not give its result is named in `left_out` and left out.

    Raises:
        UsageError: no row has `metric` or `sort`.
    """
    from harness import ranking

    rows = list(rows)
    _check_names(rows, metric, sort)
    found = []
    for group in groups(rows):
        column = ranking.leading(group, metric)
        if column is None:
            continue
        ranked = ranking.rank(group, folders or {}, column)
        if left_out is not None:
            left_out += ranked.left_out
        if ranked.rows:
            found.append(_board(ranked.rows, ranked.ranks, column, ranked.basis, metric, sort))
    return found


def _board(
    rows: Sequence[Row], ranks: Sequence[int | None], column: Column, basis: str, metric: str | None, sort: str | None
) -> Board:
    order = sorted(range(len(rows)), key=lambda i: sort_key(rows[i], sort or column))
    columns = measures(rows, everything=metric is not None)
    columns = [c for c in columns if metric is None or (metric in c[:2] and c[2] is None)]
    names = labels(rows)
    return Board(
        rows=tuple(rows[i] for i in order),
        ranks=tuple(ranks[i] for i in order),
        labels=tuple(names[i] for i in order),
        columns=tuple(columns or [column]),
        ranked_by=column,
        basis=basis,
    )


def _check_names(rows: Sequence[Row], metric: str | None, sort: str | None) -> None:
    known = {name for row in rows for e in row.estimates for name in (e.metric, e.measure)} if metric or sort else set()
    if rows and metric is not None and metric not in known:
        raise unknown("metric or measure in these runs", metric, known)
    if rows and sort is not None and sort not in known | set(COSTS):
        raise unknown("measure or cost to sort by", sort, known | set(COSTS))


def sort_key(row: Row, by: str | Column) -> tuple[float, float, str]:
    """The best first: the lowest cost, or the best estimate; of equals the fewest tokens; rows without it last."""
    tokens = _tokens(row) or 0.0
    if isinstance(by, str) and by in COSTS:
        cost = COSTS[by](row)
        return (float("inf") if cost is None else cost, tokens, row.run_id)
    for e in row.estimates:
        wanted = (
            e.slice is None and by in (e.measure, e.metric) if isinstance(by, str) else by[1:] == (e.measure, e.slice)
        )
        if wanted and e.value is not None:
            return (-e.value if e.higher_is_better else e.value, tokens, row.run_id)
    return (float("inf"), tokens, row.run_id)


def measures(group: Sequence[Row], *, everything: bool = False) -> list[Column]:
    """The columns of a group, in the order of the metrics.

    Without `everything` neither slices nor variants ("em@1/literal"), and of a metric that has a measure of its own
    name (CodeBLEU) only that one: the others are its parts.
    """
    found: dict[Column, None] = {(e.metric, e.measure, e.slice): None for row in group for e in row.estimates}
    if everything:
        return list(found)
    whole = {metric for metric, measure, _ in found if metric == measure}
    return [c for c in found if c[2] is None and "/" not in c[1] and (c[0] not in whole or c[0] == c[1])]


def labels(rows: Sequence[Row]) -> list[str]:
    """The method of each row, with the options (or the seed) that tell it from rows of the same model and method."""
    alike: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        alike.setdefault((row.run.model.id, row.run.method), []).append(i)
    found = [row.run.method for row in rows]
    for (_, method), members in alike.items():
        if len(members) == 1:
            continue
        options = [_options(rows[i]) for i in members]
        names = {name for one in options for name in one}
        varying = sorted(n for n in names if len({one.get(n) for one in options}) > 1)
        for i, one in zip(members, options, strict=True):
            shown = ", ".join(f"{name.removeprefix(method + '.')}={one.get(name, '-')}" for name in varying)
            found[i] = f"{method} ({shown})"
    return found


def _options(row: Row) -> dict[str, str]:
    """What decides a run beside its group, by name: "icl.examples", "seed"."""
    run = row.run
    found = {
        f"{plugin}.{name}": str(value)
        for plugin in run.method.split("+")
        if isinstance(options := run.options.get(plugin), Mapping)
        for name, value in options.items()
    }
    if run.tuning is not None:
        found |= {f.name: str(getattr(run.tuning, f.name)) for f in dataclasses.fields(run.tuning)}
    return found | {"seed": str(run.seed), "revision": str(run.model.revision), "weights": run.model_digest[:8]}


# ---- costs -------------------------------------------------------------------------------------------------------


def problems(row: Row) -> int:
    """How many problems the run has."""
    return max((e.n + e.unscored for e in row.estimates if e.slice is None), default=0)


def peak_bytes(row: Row) -> int | None:
    """The largest peak of any phase: of the GPU's memory where there is one, else of the process."""
    gpu = [cost.peak_gpu_bytes for cost in row.costs if cost.peak_gpu_bytes is not None]
    return max(gpu) if gpu else max((cost.peak_rss_bytes for cost in row.costs), default=None)


def seconds(row: Row, phase: str) -> float | None:
    """Seconds of one phase; None where it did not happen."""
    return next((cost.seconds for cost in row.costs if cost.phase == phase), None)


def tokens_per_request(row: Row) -> tuple[float, float] | None:
    """Tokens read and written for one problem, all candidates counted."""
    cost = next((cost for cost in row.costs if cost.phase == "generate"), None)
    n = problems(row)
    return (cost.tokens_in / n, cost.tokens_out / n) if cost and n else None


def energy(row: Row) -> float | None:
    """Joules of all phases; None where it is not known of one that used the GPU."""
    known = [cost.energy_joules for cost in row.costs if cost.energy_joules is not None]
    return sum(known) if known else None


def _tokens(row: Row) -> float | None:
    both = tokens_per_request(row)
    return sum(both) if both else None


def _writing(row: Row) -> float | None:
    spent, n = seconds(row, "generate"), problems(row)
    return spent / n if spent is not None and n else None


COSTS = {
    "trainable": lambda row: float(row.trainable_parameters),
    "memory": lambda row: None if (peak := peak_bytes(row)) is None else float(peak),
    "tuning": lambda row: seconds(row, "tune") or 0.0,
    "writing": _writing,
    "tokens": _tokens,
    "energy": energy,
}
"""What a row cost, by the name it is sorted by; lower is better: trainable parameters, peak bytes, seconds of tuning,
seconds and tokens for one request, joules in all."""


def failures(row: Row) -> tuple[int, int]:
    """(candidates that ran out of time, executions that say nothing because the sandbox failed)."""
    return row.outcomes.get(Outcome.TIMED_OUT.value, 0), row.outcomes.get(Outcome.SANDBOX_ERROR.value, 0)


@dataclass(frozen=True, slots=True)
class About:
    """What a run's `run.json` says of it: how to make it again, and with what it was made."""

    command: str
    source: str
    versions: Mapping[str, str]
    machine: Mapping[str, Any]


def about(folder: Path) -> About:
    """The facts beside a row.

    Raises:
        RunError: `run.json` is missing or torn.
    """
    data = runs.read_json(folder / "run.json")
    try:
        command = data.get("reproduce", data["command"])
        return About(command, data["data"]["source"], data["versions"], data.get("machine", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder / 'run.json'}: has no {error}; run the same command again to write it") from None


def table(rows: Sequence[Row], folders: Mapping[str, Path] | None = None) -> str:
    """The rows as plain text; see `harness.tables` for the other forms."""
    from harness import tables

    return tables.text(boards(rows, folders))


def as_json(rows: Sequence[Row]) -> list[Any]:
    """The rows as JSON objects, in the order of their boards, with whether they may be published."""
    return [{**to_json(row), "publishable": row.publishable} for group in groups(rows) for row in group]
