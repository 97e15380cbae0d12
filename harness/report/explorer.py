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

from harness.display import escape, escape_lines
from harness.errors import HarnessError
from harness.evaluation import rescoring, runs
from harness.evaluation.problems import task_of
from harness.owntests import OwnTests
from harness.plugin_system.registry import Registry
from harness.ranking.boards import Board
from harness.ranking.rows import measure_columns
from harness.records import AssertTests, CallTests, Problem, PytestTests, Record, StdinTests, Tests
from harness.report.taxonomy import KINDS, MATCH, NO_MATCH, OTHER_TEXT, SOLVED, kind

MAX_BYTES = 6_000_000
"""Bytes that all runs of a page may take; rows below the last that fits are named on the page."""
MAX_ROWS = 40
"""Runs of one board that are packed at most."""
SCORE_BINS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class PackedRuns:
    """The parts of a page for one board. `distributions` counts problems by score, for each run and slice; `measures`
    are those in which problems have scores of their own, the ranking one first."""

    problems: str
    runs: Mapping[str, str]
    distributions: Mapping[str, Mapping[str, Sequence[int]]]
    missing: str
    measures: Sequence[tuple[str, str]] = ()


def pack_runs(board: Board, folders: Mapping[str, Path], registry: Registry, room: int) -> PackedRuns:
    """The best runs of the board, as many as fit into `room` bytes."""
    chosen = [row for row in board.rows if row.run_id in folders and (folders[row.run_id] / "records.jsonl").is_file()]
    packed: dict[str, str] = {}
    distributions = {}
    problems, pool, missing = _problems(folders[chosen[0].run_id], registry) if chosen else ({}, {}, "")
    order: list[str] = []
    measures: list[tuple[str, str]] = []
    shown_examples: set[str] = set()
    for row in chosen[:MAX_ROWS]:
        records = runs.read_records(folders[row.run_id])
        order = order or [record.id for record in records]
        measures = measures or _measures(records, board)
        text = _compress([_record_facts(record, problems.get(record.id), board, measures) for record in records])
        if sum(map(len, packed.values())) + len(text) > room:
            break
        packed[row.run_id] = text
        distributions[row.run_id] = _distribution(records, board)
        shown_examples |= {name for record in records for name in record.examples}
    shown = [_problem_facts(name, problems.get(name), board, registry) for name in order]
    task = registry.task(board.rows[0].run.task).plugin if pool else None
    used = [pool[name] for name in sorted(shown_examples & pool.keys())]
    examples = {one.id: escape_lines(task.template(one) + task.answer(one)) for one in used} if task else {}
    return PackedRuns(_compress({"problems": shown, "examples": examples}), packed, distributions, missing, measures)


def _compress(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()


def _problems(folder: Path, registry: Registry) -> tuple[dict[str, Problem], dict[str, Problem], str]:
    """The run's test problems and its training problems by id, or why they cannot be shown."""
    try:
        splits = rescoring.splits(folder, registry)
    except HarnessError as error:
        return {}, {}, f"instructions and tests are not shown: {error}"
    test, train = ({p.id: p for p in splits.get(name, ())} for name in ("test", "train"))
    return test, train, ""


def _measures(records: Sequence[Record], board: Board) -> list[tuple[str, str]]:
    """The measures in which problems have scores of their own; the ranking one first."""
    have = {(s.metric, measure) for record in records for s in record.scores for measure in s.values}
    known = {c[:2] for c in measure_columns(board.rows, everything=True) if c[2] is None}
    main = board.ranked_by[:2]
    return [main, *sorted((have & known) - {main})]


def _problem_facts(name: str, problem: Problem | None, board: Board, registry: Registry) -> dict[str, Any]:
    if problem is None:
        return {"id": escape(name)}
    texts = {
        "id": name,
        "slice": problem.slice or "",
        "instruction": problem.instruction,
        "prompt": task_of(board.rows[0].run, registry)[0].plugin.template(problem),
        "reference": problem.reference,
        "tests": _tests(problem.tests),
    }
    return {key: escape_lines(text) for key, text in texts.items()}


def _tests(tests: Tests | None, max_tests: int = 3, max_chars: int = 400) -> str:
    """The first tests in words."""
    if tests is None:
        return ""
    if isinstance(tests, AssertTests | PytestTests):
        return tests.code[: max_tests * max_chars]
    if isinstance(tests, OwnTests):
        return tests.shown()[: max_tests * max_chars]
    labels = ("input", "output") if isinstance(tests, StdinTests) else ("arguments", "value")
    shown = [
        f"{labels[0]}: {given[:max_chars].rstrip()}\n{labels[1]}: {want[:max_chars].rstrip()}"
        for given, want in tests.cases[:max_tests]
    ]
    if isinstance(tests, CallTests):
        shown.insert(0, f"calls {tests.entry_point}")
    more = len(tests.cases) - max_tests
    return "\n\n".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _record_facts(
    record: Record, problem: Problem | None, board: Board, measures: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """One problem of one run: its scores, whether it is solved, the index of each completion's kind, and the texts."""
    executions = record.executions or (None,) * len(record.completions)
    pairs = list(zip(record.completions, executions, strict=False))
    kinds = [kind(completion, execution, problem) for completion, execution in pairs]
    scores = {(s.metric, measure): found for s in record.scores for measure, found in s.values.items()}
    solved = _solved(kinds, scores, board)
    if solved and not any(one in (SOLVED, MATCH) for one in kinds):
        kinds = [OTHER_TEXT if one == NO_MATCH else one for one in kinds]
    found: dict[str, Any] = {
        "v": [None if (v := scores.get(measure)) is None else round(v, 4) for measure in measures],
        "s": int(solved),
        "k": [KINDS.index(one) for one in kinds],
        "c": [escape_lines(completion.text) for completion, _ in pairs],
    }
    if errors := [escape_lines(execution.error[-300:]) if execution else "" for _, execution in pairs]:
        found |= {"e": errors} if any(errors) else {}
    if record.examples:
        found["x"] = [escape(name) for name in record.examples]
    return found


def _solved(kinds: Sequence[str], scores: Mapping[tuple[str, str], float | None], board: Board) -> bool:
    """Whether any completion passed or matched, whatever k ranks the board: where em@1 is 0, em@10 may be full."""
    metric, measure, _ = board.ranked_by
    family = f"{measure.partition('@')[0]}@"
    full = [name for (of, name), value in scores.items() if of == metric and value is not None and value >= 1]
    return any(one in (SOLVED, MATCH) for one in kinds) or any(
        name == measure or (name.startswith(family) and "/" not in name) for name in full
    )


def value(record: Record, board: Board) -> float | None:
    """The problem's own score in the measure that ranks the board."""
    metric, measure, _ = board.ranked_by
    found = next((s.values.get(measure) for s in record.scores if s.metric == metric), None)
    return None if found is None else round(found, 4)


def _distribution(records: Sequence[Record], board: Board) -> dict[str, list[int]]:
    """For all problems (under "") and each slice: how many score 0, up to a quarter, …, below 1, 1; then unscored."""
    counts: dict[str, list[int]] = {}
    for record in records:
        score = value(record, board)
        at = len(SCORE_BINS) + 1 if score is None else sum(score > edge for edge in SCORE_BINS[:-1]) + (score >= 1)
        for name in ("", *([escape(record.slice)] if record.slice else [])):
            counts.setdefault(name, [0] * (len(SCORE_BINS) + 2))[at] += 1
    return counts
