"""A finished run answers a request only where it has all that is asked for, computed in the same way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.config import Settings
from harness.errors import RunError, UsageError
from harness.evaluation import rescoring, runs
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.evaluation.resume import (
    check_unaltered,
    extended,
    has_requested_metrics,
    is_scored,
    satisfies,
    saved_executions,
    saved_ids,
    saved_records,
)
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, ModelSpec, Outcome, Record, Run, Sampling, Score, Tuning

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


def test_what_is_written_before_a_run_is_scored_is_found_by_its_problems(tmp_path: Path) -> None:
    assert (saved_ids(tmp_path), saved_executions(tmp_path), is_scored(tmp_path)) == (frozenset(), {}, False)
    one = Record("1", None, "p", 3, (), 0, (Completion("x", 1),))
    (tmp_path / "completions.jsonl").write_text(files.line(one) + files.line(replace(one, id="2"))[:-9])
    run = (Execution(Outcome.PASSED, 1, 1),)
    (tmp_path / "executions.jsonl").write_text(files.line({"id": "1", "executions": run}) + '{"id": "2", "exe')
    assert (saved_ids(tmp_path), saved_executions(tmp_path)) == ({"1"}, {"1": run})


@pytest.mark.parametrize(
    ("names", "scored"),
    [
        (["records.jsonl"], True),
        (["records.jsonl", "completions.jsonl"], False),
        (["records.jsonl", "completions.jsonl", "result.json"], True),
        (["completions.jsonl", "result.json"], False),
    ],
)
def test_records_are_whole_where_nothing_is_left_of_what_they_are_made_from(
    tmp_path: Path, names: list[str], scored: bool
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert is_scored(tmp_path) is scored


def planned(*metrics: str, ks: tuple[int, ...]) -> RunPlan:
    request = Request("zero-shot", "conala", limit=1, metrics=metrics, ks=ks)
    return resolve(request, Registry(), Settings(environ={}, file=Path("none.toml")))


def test_what_is_scored_again_gets_each_k_that_the_run_has() -> None:
    before = replace(RUN, metrics=("exact_match", "bleu"), ks=(1, 10))
    plan = extended(planned("chrf", ks=(10,)), before, Registry())
    assert plan.run.ks == (1, 10) and plan.run.metrics == ("chrf",) == tuple(one.name for one in plan.metrics)
    assert set(plan.run.options) >= {"chrf"} and "bleu" not in plan.configs


def test_for_a_new_k_every_metric_of_the_run_is_computed_under_its_own_options() -> None:
    options = {"exact_match": {"normalisation": "ast", "stop": [";"]}, "bleu": {"tokenize": "none"}}
    before = replace(RUN, metrics=("exact_match", "bleu"), ks=(1, 10), options=options)
    plan = extended(planned("chrf", "exact_match", ks=(5,)), before, Registry())
    assert plan.run.ks == (1, 5, 10) and plan.run.metrics == ("bleu", "chrf", "exact_match")
    assert tuple(one.name for one in plan.metrics) == plan.run.metrics
    assert plan.config(plan.metrics[0]).tokenize == "none" and plan.run.options["bleu"] == {"tokenize": "none"}
    assert plan.config(plan.metrics[2]).normalisation == "literal", "the one that is asked for, as it is asked for"
    alone = extended(planned("chrf", ks=(5,)), before, Registry())
    assert alone.run.metrics == ("exact_match", "bleu", "chrf")
    assert alone.config(alone.metrics[0]).stop == (";",)
    with pytest.raises(UsageError, match="gone"):
        extended(planned("chrf", ks=(5,)), replace(before, metrics=("gone",)), Registry())


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The folder of a run of one problem."""
    (tmp_path / "test.json").write_text(json.dumps([{"nl": "say", "cmd": "x", "question_id": "1"}]))
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "completions": ["x", "y"]}))
    request = Request("external", "conala", data=tmp_path / "test.json", metrics=("exact_match",), ks=(1,))
    settings = Settings(environ={}, file=Path("none.toml"))
    rescoring.score_file(request, tmp_path / "mine.jsonl", "mine", Registry(), settings, tmp_path / "runs")
    [folder] = runs.finished(tmp_path / "runs")
    return folder


def again(folder: Path, *names: str, ks: tuple[int, ...] = ()) -> bool:
    """Whether the run satisfies a plan of the same completions."""
    settings, row = Settings(environ={}, file=Path("none.toml")), runs.read_row(folder)
    return satisfies(row, rescoring.reload_plan(folder, row.run, names, ks, None, Registry(), settings), folder)


def test_a_finished_run_satisfies_what_it_has_and_is_scored_again_for_what_it_lacks(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (again(finished), again(finished, "exact_match", ks=(1,))) == (True, True)
    assert (again(finished, ks=(2,)), again(finished, "bleu")) == (False, False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["conala", "exact_match"])
def test_a_run_that_other_code_made_is_named_and_scored_again_where_that_is_a_metric(
    finished: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    about = json.loads((finished / "run.json").read_text())
    about["plugins"][name]["digest"] = "0" * 64
    files.write_sealed(finished / "run.json", about)
    assert again(finished) is (name == "conala")
    said = f"note: {finished} was made by another state of conala (" if name == "conala" else ""
    assert capsys.readouterr().err.startswith(said) and bool(said) == (name == "conala")


def test_a_run_whose_scoring_broke_off_is_scored_again_and_an_altered_one_never(finished: Path) -> None:
    assert check_unaltered(finished) is True
    path, text = finished / "records.jsonl", (finished / "records.jsonl").read_text()
    runs.announce_records(finished, text.replace('"y"', '"z"'))
    path.write_text(text.replace('"y"', '"z"'))
    assert (check_unaltered(finished), again(finished)) == (False, False)
    path.write_text(text.replace('"y"', '"w"'))
    for asked in (check_unaltered, again):
        with pytest.raises(RunError, match=r"records\.jsonl: not what result\.json was computed from"):
            asked(finished)


def test_a_run_with_another_file_than_its_row_was_computed_from_is_never_scored_again(finished: Path) -> None:
    (finished / "costs.jsonl").write_text('{"phase": "judge", "seconds": 1.0, "peak_rss_bytes": 1}\n')
    result = json.loads((finished / "result.json").read_text())
    files.write_sealed(finished / "result.json", {**result, "inputs": runs.input_stamps(finished)})
    assert check_unaltered(finished)
    (finished / "costs.jsonl").write_text('{"phase": "judge", "seconds": 9.0, "peak_rss_bytes": 1}\n')
    with pytest.raises(RunError, match=r"costs\.jsonl: not what result\.json was computed from"):
        check_unaltered(finished)
