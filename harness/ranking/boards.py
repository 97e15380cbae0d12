"""Rows to boards: one ranking per task, version, data and protocol; the best row first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.display import escape
from harness.errors import unknown
from harness.ranking import ranking
from harness.ranking.costs import COSTS, problem_count
from harness.ranking.names import model_names
from harness.ranking.ranking import RowTests
from harness.ranking.rows import Column, find_estimate, group_key, group_rows, measure_columns, row_labels, sort_key
from harness.ranking.uncertainty import Uncertainty, label_with_seeds, uncertainty_of_rows
from harness.records import Estimate, Row, digest


@dataclass(frozen=True)
class Board:
    """Rows that may be ranked together, best first (or as sorted), with their ranks in `ranked_by`.

    The rank of row i is between `ranks[i]`, one more than the number of rows found better, and `ranks_to[i]`, the last
    that it can have; `basis` says how they were found. `labels` distinguish rows of one model and method by the options
    that differ, and give the number of seeds; `models` are names that distinguish the models. `uncertainty` holds the
    seeds of each row and its standard errors.
    """

    rows: tuple[Row, ...]
    ranks: tuple[int | None, ...]
    ranks_to: tuple[int | None, ...]
    labels: tuple[str, ...]
    models: tuple[str, ...]
    uncertainty: tuple[Uncertainty, ...]
    columns: tuple[Column, ...]
    ranked_by: Column
    basis: str
    row_tests: RowTests | None = None

    def rank_text(self, i: int) -> str:
        """The rank of row i as text: "1", "1-4", or "-" for none."""
        first, last = self.ranks[i], self.ranks_to[i]
        return "-" if first is None else str(first) if first == last else f"{first}-{last}"

    @property
    def id(self) -> str:
        """Eight digits that name the group."""
        return digest(group_key(self.rows[0]))[:8]

    @property
    def title(self) -> str:
        """Task, data and sampling; a board of built-in data says that it is not the real benchmark."""
        run = self.rows[0].run
        label = "BUILT-IN SAMPLE, not the real benchmark; " if run.builtin_data else ""
        limited = f", limited to {run.limit}" if run.limit else ""
        split = "" if run.split == "test" else f"{run.split} "
        sampling = run.sampling
        how = "beam search" if sampling.temperature == 0 else f"sampling at {sampling.temperature:g}"
        how += f" ({sampling.decoder})" if sampling.decoder else ""
        how += f", protocol {run.protocol}" if run.protocol else ""
        return escape(
            f"{run.task} (version {run.task_version}; {label}{problem_count(self.rows[0])} {split}problems{limited}; "
            f"{sampling.candidates} candidates, {how}; data {run.data_digest[:12]})"
        )

    def column(self, row: Row, column: Column) -> Estimate | None:
        """The row's estimate in a column."""
        return find_estimate(row, column)


def rank_boards(
    rows: Iterable[Row],
    folders: Mapping[str, Path] | None = None,
    *,
    metric: str | None = None,
    sort: str | None = None,
    left_out: list[str] | None = None,
    separate_seeds: bool = False,
) -> list[Board]:
    """A board for each group of rows.

    `metric` is a metric or one of its measures: it alone is shown and decides the rank. `sort` is a measure or a cost
    (see `COSTS`). With `folders`, ranks come from paired tests on the records of the runs, and runs that differ only in
    the seed are one row unless `separate_seeds`. A run whose records are torn or do not give its result is left out and
    named in `left_out`.

    Raises:
        UsageError: no row has `metric` or `sort`.
    """
    rows = list(rows)
    _check_names(rows, metric, sort)
    boards = []
    for group in group_rows(rows):
        column = ranking.ranking_column(group, metric)
        if column is None:
            continue
        ranked = ranking.rank(group, folders or {}, column, separate_seeds=separate_seeds)
        if left_out is not None:
            left_out += ranked.left_out
        if ranked.rows:
            boards.append(_board(ranked, column, metric, sort))
    return boards


def _board(ranked: ranking.Ranked, column: Column, metric: str | None, sort: str | None) -> Board:
    rows = [one.row for one in ranked.rows]
    order = sorted(range(len(rows)), key=lambda i: sort_key(rows[i], sort or column))
    columns = measure_columns(rows, everything=metric is not None)
    columns = [c for c in columns if metric is None or (metric in c[:2] and c[2] is None)]
    names = [label_with_seeds(name, one) for name, one in zip(row_labels(rows), ranked.rows, strict=True)]
    ranks = [ranked.ranks[i] or (None, None) for i in order]
    known = uncertainty_of_rows(ranked, column)
    models = model_names({row.run.model.id for row in rows})
    row_tests = ranked.row_tests
    if row_tests is not None:
        place = {old: new for new, old in enumerate(order)}
        row_tests = RowTests(row_tests.tests, tuple(place[i] for i in row_tests.rows))
    return Board(
        rows=tuple(rows[i] for i in order),
        ranks=tuple(first for first, _ in ranks),
        ranks_to=tuple(last for _, last in ranks),
        labels=tuple(escape(names[i]) for i in order),
        models=tuple(escape(models[rows[i].run.model.id]) for i in order),
        uncertainty=tuple(known[i] for i in order),
        columns=tuple(columns or [column]),
        ranked_by=column,
        basis=ranked.basis,
        row_tests=row_tests,
    )


def _check_names(rows: Sequence[Row], metric: str | None, sort: str | None) -> None:
    known = {name for row in rows for e in row.estimates for name in (e.metric, e.measure)} if metric or sort else set()
    if rows and metric is not None and metric not in known:
        raise unknown("metric or measure in these runs", metric, known)
    if rows and sort is not None and sort not in known | set(COSTS):
        raise unknown("measure or cost to sort by", sort, known | set(COSTS))
