"""A finished run answers a request only where it has all that is asked for, computed in the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.evaluation.resume import has_requested_metrics, saved_records
from harness.records import Completion, ModelSpec, Record, Run, Sampling, Score, Tuning

RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("a/b"),
    ("exact_match", "bleu"),
    Sampling(10, 64),
    Tuning(3e-4),
    {"exact_match": {"normalisation": "literal"}, "bleu": {"tokenize": "13a"}, "lora": {"r": 16}},
    "d",
    "m",
    None,
    (1, 10),
    42,
)


@pytest.mark.parametrize(
    ("asked", "covered"),
    [
        ({}, True),
        ({"metrics": ("bleu",)}, True),
        ({"metrics": ("bleu", "exact_match")}, True),
        ({"metrics": ("bleu", "chrf")}, False),
        ({"metrics": ("chrf",)}, False),
        ({"ks": (1,)}, True),
        ({"ks": (10, 1)}, True),
        ({"ks": (5,)}, False),
        ({"ks": (1, 5, 10)}, False),
        ({"options": {**RUN.options, "exact_match": {"normalisation": "paper"}}}, False),
        ({"options": {**RUN.options, "bleu": {"tokenize": "none"}}}, False),
        ({"metrics": ("exact_match",), "options": {**RUN.options, "bleu": {"tokenize": "none"}}}, True),
        ({"options": {"exact_match": {"normalisation": "literal"}}}, False),
    ],
)
def test_a_run_has_what_is_asked_for_where_metrics_options_and_ks_are_among_its_own(
    asked: dict[str, Any], covered: bool
) -> None:
    assert has_requested_metrics(RUN, replace(RUN, **asked)) is covered


def test_records_are_read_where_there_are_some_and_completions_before(tmp_path: Path) -> None:
    one = Record("1", None, "p", 3, (), 0, (Completion("x", 1),))
    two = Record("2", "easy", "p", 3, ("t",), 1, (Completion("y", 2),), scores=(Score("m", {"m": 1.0}),))
    assert saved_records(tmp_path) == []
    (tmp_path / "completions.jsonl").write_text(files.line(one) + files.line(two)[:-9])
    assert saved_records(tmp_path) == [one]
    (tmp_path / "completions.jsonl").unlink()
    (tmp_path / "records.jsonl").write_text(files.line(two))
    assert saved_records(tmp_path) == [two]
