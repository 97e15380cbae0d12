"""What the difference explorer needs of each run: per problem the score, the completions and what went wrong.

Packed as JSON, gzip, base64: a browser unpacks it when the run is chosen.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import external, runs
from harness.errors import HarnessError
from harness.leaderboard import Board
from harness.records import AssertTests, CallTests, Problem, Record, StdinTests, Tests
from harness.registry import Registry
from harness.report.taxonomy import KINDS, kind

BUDGET = 6_000_000
"""Bytes that all runs of a page may take; rows below the last that fits are named on the page."""
ROWS = 40
"""Runs of one board that are packed at most."""
BINS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Packed:
    """The parts of a page for one board. `distributions` counts problems by score, for each run and slice."""

    problems: str
    runs: Mapping[str, str]
    distributions: Mapping[str, Mapping[str, Sequence[int]]]
    missing: str


def pack(board: Board, folders: Mapping[str, Path], registry: Registry, room: int) -> Packed:
    """The best runs of the board, as many as fit into `room` bytes."""
    chosen = [row for row in board.rows if row.run_id in folders and (folders[row.run_id] / "records.jsonl").is_file()]
    packed: dict[str, str] = {}
    distributions = {}
    problems, missing = _problems(folders[chosen[0].run_id], registry) if chosen else ({}, "")
    order: list[str] = []
    for row in chosen[:ROWS]:
        records = runs.read_records(folders[row.run_id])
        order = order or [record.id for record in records]
        text = _packed([_facts(record, problems.get(record.id), board) for record in records])
        if sum(map(len, packed.values())) + len(text) > room:
            break
        packed[row.run_id] = text
        distributions[row.run_id] = _distribution(records, board)
    shown = [_shown(name, problems.get(name), board, registry) for name in order]
    return Packed(_packed(shown), packed, distributions, missing)


def _packed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()


def _problems(folder: Path, registry: Registry) -> tuple[dict[str, Problem], str]:
    """The run's test problems by id, or why they cannot be shown."""
    try:
        return {p.id: p for p in external.problems(folder, registry)}, ""
    except HarnessError as error:
        return {}, f"instructions and tests are not shown: {error}"


def _shown(name: str, problem: Problem | None, board: Board, registry: Registry) -> dict[str, Any]:
    if problem is None:
        return {"id": name}
    return {
        "id": name,
        "slice": problem.slice,
        "instruction": problem.instruction,
        "prompt": registry.task(board.rows[0].run.task).plugin.template(problem),
        "reference": problem.reference,
        "tests": _tests(problem.tests),
    }


def _tests(tests: Tests | None, most: int = 3, longest: int = 400) -> str:
    """The first tests in words."""
    if tests is None:
        return ""
    if isinstance(tests, AssertTests):
        return tests.code[: most * longest]
    words = ("input", "output") if isinstance(tests, StdinTests) else ("arguments", "value")
    shown = [
        f"{words[0]}: {given[:longest].rstrip()}\n{words[1]}: {want[:longest].rstrip()}"
        for given, want in tests.cases[:most]
    ]
    if isinstance(tests, CallTests):
        shown.insert(0, f"calls {tests.entry_point}")
    more = len(tests.cases) - most
    return "\n\n".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _facts(record: Record, problem: Problem | None, board: Board) -> dict[str, Any]:
    """One problem of one run: its score, the index of each completion's kind, and the texts."""
    executions = record.executions or (None,) * len(record.completions)
    pairs = list(zip(record.completions, executions, strict=False))
    found: dict[str, Any] = {
        "v": value(record, board),
        "k": [KINDS.index(kind(completion, execution, problem)) for completion, execution in pairs],
        "c": [completion.text for completion, _ in pairs],
    }
    if errors := [execution.error[-300:] if execution else "" for _, execution in pairs]:
        found |= {"e": errors} if any(errors) else {}
    if record.examples:
        found["x"] = list(record.examples)
    return found


def value(record: Record, board: Board) -> float | None:
    """The problem's own score in the measure that ranks the board."""
    metric, measure, _ = board.ranked_by
    found = next((s.values.get(measure) for s in record.scores if s.metric == metric), None)
    return None if found is None else round(found, 4)


def _distribution(records: Sequence[Record], board: Board) -> dict[str, list[int]]:
    """For all problems (under "") and each slice: how many score 0, up to a quarter, …, below 1, 1; then unscored."""
    found: dict[str, list[int]] = {}
    for record in records:
        score = value(record, board)
        at = len(BINS) + 1 if score is None else sum(score > edge for edge in BINS[:-1]) + (score >= 1)
        for name in ("", *([record.slice] if record.slice else [])):
            found.setdefault(name, [0] * (len(BINS) + 2))[at] += 1
    return found
