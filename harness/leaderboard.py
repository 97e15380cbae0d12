"""Rows to tables: one ranking per task, version, data, protocol; the best row first.

Rows from different data digests, task versions, problem limits or sampling never share a table.
"""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness import runs
from harness.errors import RunError
from harness.records import Estimate, Outcome, Row, digest, to_json


def collect(paths: Iterable[Path]) -> tuple[list[Row], list[str]]:
    """The rows below `paths`, and a line for each run that cannot be read (it is named and left out).

    Raises:
        RunError: a path does not exist.
    """
    rows, broken = [], []
    for path in paths:
        if not path.exists():
            raise RunError(f"{path}: no such folder; run something first: harness eval --method lora --task apps")
        for folder in runs.finished(path):
            try:
                rows.append(runs.read_row(folder))
            except RunError as error:
                broken.append(str(error))
    return rows, broken


def group_key(row: Row) -> tuple[Any, ...]:
    """What rows must share to be ranked together."""
    run = row.run
    return (run.task, run.task_version, run.data_digest, run.limit, digest(run.sampling), run.builtin_data)


def groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that may be ranked together, each group sorted best first."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(group_key(row), []).append(row)
    return [sorted(group, key=_rank) for _, group in sorted(found.items(), key=lambda item: str(item[0]))]


def _rank(row: Row) -> tuple[float, str]:
    main = next((e for e in row.estimates if e.slice is None and e.value is not None), None)
    if main is None or main.value is None:
        return (float("inf"), row.run_id)
    return (-main.value if main.higher_is_better else main.value, row.run_id)


def title(group: Sequence[Row]) -> str:
    """What a table is about; a table of built-in data can never be taken for the real benchmark."""
    row = group[0]
    run = row.run
    n = max((e.n + e.unscored for e in row.estimates if e.slice is None), default=0)
    label = "BUILT-IN SAMPLE, not the real benchmark; " if run.builtin_data else ""
    return f"{run.task} (version {run.task_version}; {label}{n} problems; data {run.data_digest[:12]})"


def measures(group: Sequence[Row], *, everything: bool = False) -> list[tuple[str, str, str | None]]:
    """The (metric, measure, slice) columns of a group, in the order of the metrics; variants only with `everything`."""
    found: dict[tuple[str, str, str | None], None] = {}
    for row in group:
        for e in row.estimates:
            if everything or (e.slice is None and "/" not in e.measure):
                found[e.metric, e.measure, e.slice] = None
    return list(found)


def cell(estimate: Estimate | None) -> str:
    """A score in per cent with its interval: "12.5 [8.1, 17.9]"; what could not be measured says so."""
    if estimate is None or estimate.value is None:
        return "not measured"
    text = f"{100 * estimate.value:.2f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
    return text + (f" ({estimate.unscored} unscored)" if estimate.unscored else "")


def lines(group: Sequence[Row]) -> list[list[str]]:
    """Header and rows of a group's table."""
    columns = measures(group)
    header = ["model", "method", *(measure for _, measure, _ in columns), "trainable", "tune s", "write s", "broken"]
    found = [header]
    for row in group:
        by = {(e.metric, e.measure, e.slice): e for e in row.estimates}
        seconds = {cost.phase: f"{cost.seconds:.0f}" for cost in row.costs}
        broken = row.outcomes.get(Outcome.SANDBOX_ERROR.value, 0)
        found.append(
            [
                row.run.model.name,
                row.run.method,
                *(cell(by.get(column)) for column in columns),
                _count(row.trainable_parameters),
                seconds.get("tune", "-"),
                seconds.get("generate", "-"),
                str(broken),
            ]
        )
    return found


def _count(number: int) -> str:
    if number == 0:
        return "-"
    return f"{number / 1e6:.3g}M" if number >= 10_000 else str(number)


def table(rows: Sequence[Row]) -> str:
    """Plain text, aligned."""
    if not rows:
        return "no finished runs"
    return "\n\n".join(f"{title(group)}\n{_aligned(lines(group))}{_notes(group)}" for group in groups(rows))


def _aligned(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    shown = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([shown[0], "-" * max(map(len, shown)), *shown[1:]])


def _notes(group: Sequence[Row]) -> str:
    notes = dict.fromkeys(f"{row.run.method}: {note}" for row in group for note in row.notes)
    return "".join(f"\n  {note}" for note in notes)


def markdown(rows: Sequence[Row]) -> str:
    """GitHub-flavoured Markdown, one table per group."""
    parts = []
    for group in groups(rows):
        cells = lines(group)
        shown = [f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |" for line in cells]
        shown.insert(1, "|" + " --- |" * len(cells[0]))
        parts.append(f"**{title(group)}**\n\n" + "\n".join(shown))
    return "\n\n".join(parts) or "no finished runs"


def csv(rows: Sequence[Row]) -> str:
    """One line per run and measure, every slice and variant included."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    head = ("run", "task", "version", "builtin", "data", "model", "method", "seed")
    writer.writerow([*head, "metric", "measure", "slice", "value", "low", "high", "n", "unscored"])
    for row in rows:
        run = row.run
        place = (row.run_id, run.task, run.task_version, run.builtin_data, run.data_digest, run.model.id, run.method)
        for e in row.estimates:
            numbers = (e.value, e.low, e.high, e.n, e.unscored)
            writer.writerow([*place, run.seed, e.metric, e.measure, e.slice or "", *numbers])
    return out.getvalue().rstrip("\n")


def as_json(rows: Sequence[Row]) -> list[Any]:
    """Rows as JSON objects, grouped order, with whether they may be published."""
    return [{**to_json(row), "publishable": row.publishable} for group in groups(rows) for row in group]
