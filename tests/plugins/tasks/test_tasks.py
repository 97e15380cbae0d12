"""The three tasks read every published shape, with the study's splits, and refuse broken rows by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data import open_builtin, open_path
from harness.errors import DataError
from harness.plugin import Task
from harness.plugins.tasks.apps import Apps, first_of_each
from harness.plugins.tasks.codealpacapy import CodeAlpacaPy, parses
from harness.plugins.tasks.conala import Conala
from harness.records import CallTests, Problem, StdinTests

Write = Callable[[str, object], Path]


def test_docprompting_conala_has_the_studys_sizes(real_data: Path) -> None:
    splits = Conala().load(open_path(real_data / "conala" / "docprompting"), None)
    assert {split: len(problems) for split, problems in splits.items()} == dict(Conala.sizes)
    assert all(problem.instruction and problem.reference for part in splits.values() for problem in part)


def test_original_conala_is_read_with_rewritten_intents(real_data: Path) -> None:
    splits = Conala().load(open_path(real_data / "conala" / "original"), None)
    assert {split: len(problems) for split, problems in splits.items()} == {"train": 2379, "test": 500}
    ids = [p.id for p in splits["train"]]
    assert len(set(ids)) == len(ids)


def test_a_raw_codealpaca_file_gives_python_that_parses_once_cut_70_10_20(real_data: Path) -> None:
    splits = CodeAlpacaPy().load(open_path(real_data / "codealpaca" / "code_alpaca_2k.json"), None)
    sizes = {split: len(problems) for split, problems in splits.items()}
    total = sum(sizes.values())
    assert sizes["train"] == pytest.approx(0.7 * total, abs=1)
    assert sizes["test"] == pytest.approx(0.2 * total, abs=1)
    ids = [p.id for part in splits.values() for p in part]
    assert len(set(ids)) == len(ids) == total
    assert all(parses(p.reference) for part in splits.values() for p in part)


def test_apps_reads_the_hub_shape_with_both_kinds_of_tests(real_data: Path) -> None:
    problems = Apps().load(open_path(real_data / "apps" / "minival_train.jsonl.gz"), None)
    every = [p for part in problems.values() for p in part]
    assert len(every) == 75
    assert sum(isinstance(p.tests, CallTests) for p in every) == 6
    assert sum(isinstance(p.tests, StdinTests) for p in every) == 69
    assert all(p.instruction.endswith(("Use Standard Input format", "Use Call-Based format")) for p in every)


def test_apps_reads_the_original_folders(real_data: Path) -> None:
    splits = Apps().load(open_path(real_data / "apps" / "original_layout"), None)
    assert [p.id for p in splits["test"]] == ["2303"]
    assert splits["test"][0].slice == "interview"
    assert isinstance(splits["test"][0].tests, CallTests)
    assert sorted(p.id for part in ("train", "validation") for p in splits.get(part, [])) == ["0001", "2287"]


def test_apps_test_files_are_the_test_split(real_data: Path) -> None:
    assert set(Apps().load(open_path(real_data / "apps" / "test10.jsonl"), None)) == {"test"}


def test_apps_takes_the_first_of_each_difficulty_in_order() -> None:
    problems = [Problem(str(i), "", slice=s) for i, s in enumerate(["a", "b", "a", "a", "b"])]
    assert [p.id for p in first_of_each(problems, 2)] == ["0", "1", "2", "4"]


APPS_ROW = {
    "problem_id": 1,
    "question": "Add.",
    "solutions": "[]",
    "difficulty": "interview",
    "input_output": json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]}),
}
BROKEN = [
    (Conala(), {"nl": "x", "question_id": "1-1"}, "no field 'cmd'"),
    (Conala(), {"nl": 3, "cmd": "x", "question_id": "1-1"}, "field 'nl' is int, not str"),
    (CodeAlpacaPy(), {"instruction": "x", "input": "", "output": "def f("}, "field 'output' does not parse"),
    (Apps(), {**APPS_ROW, "difficulty": "hard"}, "field 'difficulty' is 'hard'"),
    (Apps(), {**APPS_ROW, "input_output": "{"}, "field 'input_output' is not JSON"),
    (
        Apps(),
        {**APPS_ROW, "input_output": '{"inputs": ["1"], "outputs": []}'},
        "lists 'inputs' and 'outputs' of one length",
    ),
    (Apps(), {**APPS_ROW, "solutions": "[1]"}, "field 'solutions' is not a list of programs"),
    (Apps(), {k: v for k, v in APPS_ROW.items() if k != "problem_id"}, "no field 'problem_id'"),
]


@pytest.mark.parametrize(("task", "row", "words"), BROKEN, ids=[words for _, _, words in BROKEN])
def test_a_broken_row_is_named_by_file_line_and_field(task: Task, row: object, words: str, write_json: Write) -> None:
    path = write_json("test.json", [row])
    with pytest.raises(DataError, match=r"test\.json, line 1: ") as caught:
        task.load(open_path(path), None)
    assert words in str(caught.value)


def test_call_outputs_are_unwrapped_and_inputs_kept_as_argument_lists(write_json: Write) -> None:
    tests = {"fn_name": "f", "inputs": [[[1, 2], "x"]], "outputs": [[3]]}
    path = write_json("test.json", [{**APPS_ROW, "input_output": json.dumps(tests)}])
    problem = Apps().load(open_path(path), None)["test"][0]
    assert problem.tests == CallTests("f", (('[[1, 2], "x"]', "3"),))


@pytest.mark.parametrize("task", [Conala(), CodeAlpacaPy(), Apps()], ids=lambda task: task.name)
def test_the_built_in_sample_has_disjoint_splits_and_is_labelled(task: Task) -> None:
    source = open_builtin(task.name)
    splits = task.load(source, None)
    assert source.builtin
    assert set(splits) == {"train", "validation", "test"}
    instructions = [p.instruction for part in splits.values() for p in part]
    assert len(set(instructions)) == len(instructions)
    assert all(task.template(p).endswith("### Response:\n") for p in splits["test"])
