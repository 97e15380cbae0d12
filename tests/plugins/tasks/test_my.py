"""Rows of one's own: their fields found or named, their splits, and what is said of a row that does not do."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.data.rows import DataRow
from harness.data.sources import open_path
from harness.errors import DataError
from harness.evaluation.problems import task_of
from harness.evaluation.runs import read_row
from harness.plugin_system.registry import Registry
from harness.plugins.tasks.my import Config, MyData
from harness.records import AssertTests, CallTests, Problem, StdinTests

ROW = {"instruction": "Add.", "answer": "def add(a, b):\n    return a + b", "tests": ["assert add(1, 2) == 3"]}


def load(tmp_path, *rows, name="rows.jsonl", **options):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return MyData().load(open_path(file), Config(**options))


def test_a_row_is_a_problem_with_its_answer_and_its_tests(tmp_path):
    (problem,) = load(tmp_path, ROW)[""]
    assert (problem.id, problem.instruction, problem.references) == ("1", "Add.", (ROW["answer"],))
    assert problem.tests == AssertTests("add", "assert add(1, 2) == 3", each=True)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Add.", "completion": "a + b"},
        {"question": "Add.", "solutions": ["a + b"]},
        {"nl": "Add.", "cmd": "a + b"},
        {"messages": [{"role": "user", "content": "Add."}, {"role": "assistant", "content": "```python\na + b\n```"}]},
    ],
)
def test_fields_are_found_by_the_names_that_data_sets_use(tmp_path, row):
    (problem,) = load(tmp_path, row)[""]
    assert (problem.instruction, problem.references) == ("Add.", ("a + b",))


def test_fields_are_named_where_their_names_are_unusual(tmp_path):
    row = {"aufgabe": "Add.", "loesung": "a + b", "proben": [["1 2", "3"]], "nummer": 7, "instruction": "no", "id": 1}
    named = {"instruction": "aufgabe", "answer": "loesung", "tests": "proben", "id": "nummer"}
    (problem,) = load(tmp_path, row, **named)[""]
    assert (problem.id, problem.instruction, problem.references) == ("7", "Add.", ("a + b",))
    assert problem.tests == StdinTests((("1 2", "3"),))


def test_the_input_of_an_instruction_stands_below_it(tmp_path):
    assert load(tmp_path, {**ROW, "input": "3 and 4"})[""][0].instruction == "Add.\n3 and 4"


def test_splits_are_told_by_a_field_or_by_the_file(tmp_path):
    rows = [{**ROW, "split": split} for split in ("train", "dev", "test", "train")]
    assert {split: [p.id for p in problems] for split, problems in load(tmp_path, *rows).items()} == {
        "train": ["1", "4"],
        "validation": ["2"],
        "test": ["3"],
    }
    assert set(load(tmp_path, ROW, name="test.jsonl")) == {"test"}


def test_a_table_holds_tests_in_a_cell(tmp_path):
    file = tmp_path / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["instruction", "answer", "tests"])
        table.writerow(["Add.", ROW["answer"], json.dumps(ROW["tests"])])
    assert MyData().load(open_path(file), Config())[""][0].tests.code == "assert add(1, 2) == 3"


@pytest.mark.parametrize(
    ("row", "metrics"),
    [
        (ROW, ["pass_at_k", "tests_passed", "exact_match", "codebleu"]),
        ({"prompt": "Add.", "code": "a + b"}, ["exact_match", "codebleu"]),
        ({"prompt": "Add.", "tests": [["1", "2"]]}, ["pass_at_k", "tests_passed"]),
    ],
)
def test_metrics_follow_from_what_the_rows_hold(tmp_path, row, metrics):
    assert MyData().default_metrics(load(tmp_path, row)[""]) == metrics


def test_a_run_with_named_fields_and_a_prompt_of_its_own_is_scored_and_verified_by_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"aufgabe": f"Add {i}.", "loesung": f"x + {i}", "id": i} for i in range(4)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [{"id": str(i), "completions": [f"x + {i}" if i else "no"]} for i in range(4)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (tmp_path / "prompt.txt").write_text("# {{ instruction }}\n")
    words = ["--task", "my", "--data", "test.jsonl", "--completions", "mine.jsonl", "-k", "1"]
    named = ["--set", "my.instruction=aufgabe", "--set", "my.answer=loesung", "--set", "my.template=prompt.txt"]
    done = CliRunner().invoke(cli, ["score", *words, *named, "--json"], catch_exceptions=False)
    (row,) = json.loads(done.stdout)
    assert {e["measure"]: e["value"] for e in row["estimates"]}["em@1"] == 0.75
    (tmp_path / "prompt.txt").unlink()  # a run has recorded its text
    task, config = task_of(read_row(tmp_path / "runs" / row["run_id"]).run, Registry())
    assert (config.instruction, config.template) == ("aufgabe", "# {{ instruction }}\n")
    assert task.plugin.template(Problem("1", "Add.")) == "# Add.\n"
    verified = CliRunner().invoke(cli, ["verify", f"runs/{row['run_id']}"], catch_exceptions=False)
    assert verified.exit_code == 0, verified.output
    added = CliRunner().invoke(cli, ["score", f"runs/{row['run_id']}", "--metric", "bleu"], catch_exceptions=False)
    assert added.exit_code == 0, added.output


@pytest.mark.parametrize(
    ("row", "options", "says"),
    [
        ({"a": "Add.", "answer": "1"}, {}, r"\(the row has a, answer\); name the field with --set my.instruction="),
        ({"instruction": "Add."}, {}, r"neither an answer nor tests .* --set my.answer="),
        ({"instruction": "Add.", "answer": ""}, {}, "neither an answer nor tests"),
        ({**ROW, "answer": 3}, {}, "field 'answer' is no text"),
        ({**ROW, "split": "half"}, {}, "'half' is no split; write train, validation or test"),
    ],
)
def test_a_row_that_does_not_do_is_named_with_the_remedy(tmp_path, row, options, says):
    with pytest.raises(DataError, match=says) as refused:
        load(tmp_path, row, **options)
    assert "rows.jsonl, line" in str(refused.value)


def test_a_field_that_no_row_has_is_named_and_one_that_some_rows_have_is_read(tmp_path):
    says = r"no row has the field 'checks' of --set my\.tests=checks; they have instruction, answer, tests"
    with pytest.raises(DataError, match=says):
        load(tmp_path, ROW, tests="checks")
    with pytest.raises(DataError, match=r"'test' of --set my\.tests=test; did you mean 'tests'\?"):
        load(tmp_path, ROW, tests="test")
    first, second = load(tmp_path, {**ROW, "checks": ROW["tests"]}, ROW, tests="checks")[""]
    assert first.tests is not None
    assert second.tests is None


def used(*rows, **options):
    read = [pair for row in rows for pair in MyData().fields_used(DataRow(row, "f"), Config(**options))]
    return {part: [field for other, field in read if other == part] for part, _ in read}


def test_the_fields_that_are_read_are_told_behind_their_options():
    assert used({**ROW, "note": "x", "input": None}) == {
        "instruction": ["instruction"],
        "answer": ["answer"],
        "tests": ["tests"],
    }
    assert used({"prompt": "Add.", "sum": "1"}, answer="sum") == {"instruction": ["prompt"], "answer": ["sum"]}
    beside = {"test_list": ["assert f()"], "fn_name": "f", "test_imports": ["import os"], "split": "test", "id": 1}
    assert used({"text": "Add.", **beside}) == {
        "instruction": ["text"],
        "tests": ["test_list", "test_imports"],
        "entry_point": ["fn_name"],
        "id": ["id"],
        "split": ["split"],
    }
    assert used({"text": "Add.", "test_list": ["assert f()"], "fn_name": "f", "f": "f"}, entry_point="f")[
        "entry_point"
    ] == ["f"]
    assert "entry_point" not in used({"text": "Add.", "answer": "1", "fn_name": "f", "setup": "x"})
    assert used({"messages": [{}], "text": "no", "answer": "no"}) == {
        "instruction": ["messages"],
        "answer": ["messages"],
    }
    assert used({"messages": [{}], "id": 1, "split": "test"}) == {
        "instruction": ["messages"],
        "answer": ["messages"],
        "id": ["id"],
        "split": ["split"],
    }
    assert used({"messages": [{}], "text": "yes"}, instruction="text") == {"instruction": ["text"]}


def test_rows_that_say_their_split_do_not_stand_beside_rows_that_do_not(tmp_path):
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2: no split, which other rows have \(test\); fill it in"):
        load(tmp_path, {**ROW, "split": "test"}, ROW, ROW)


def only(tmp_path, row, **options):
    (problem,) = load(tmp_path, row, **options)[""]
    return problem


ANSWERS = "answer output response completion code solution solutions canonical_solution snippet cmd reference target"
INSTRUCTIONS = "instruction prompt question intent nl text description problem query"


@pytest.mark.parametrize("name", INSTRUCTIONS.split())
def test_each_usual_name_of_an_instruction_is_read(tmp_path, name):
    assert only(tmp_path, {name: " Add. ", "answer": "1"}).instruction == "Add."


@pytest.mark.parametrize("name", ANSWERS.split())
def test_each_usual_name_of_an_answer_is_read(tmp_path, name):
    assert only(tmp_path, {"instruction": "Add.", name: "a + b"}).references == ("a + b",)


@pytest.mark.parametrize("name", ["id", "task_id", "problem_id", "question_id"])
def test_each_usual_name_of_an_id_is_read(tmp_path, name):
    assert only(tmp_path, {**ROW, name: 7}).id == "7"


@pytest.mark.parametrize("name", ["input", "context"])
def test_each_usual_name_of_an_input_is_read_as_it_is_and_a_blank_one_is_none(tmp_path, name):
    assert only(tmp_path, {**ROW, name: " 3\n"}).instruction == "Add.\n 3\n"
    assert only(tmp_path, {**ROW, name: "  "}).instruction == "Add."


def test_the_first_usual_name_that_is_filled_counts_and_a_named_field_before_all(tmp_path):
    row = {"instruction": None, "prompt": "Second.", "question": "Third.", "answer": "1", "mine": "Mine."}
    assert only(tmp_path, row).instruction == "Second."
    assert only(tmp_path, row, instruction="mine").instruction == "Mine."
    several = {"instruction": "Add.", "output": "2", "answer": "1"}
    assert only(tmp_path, several).references == ("1",)
    assert only(tmp_path, several, answer="output").references == ("2",)


def test_answers_may_be_several_and_blank_ones_are_none(tmp_path):
    assert only(tmp_path, {"instruction": "Add.", "solutions": ["a", " ", "b"]}).references == ("a", "b")
    tested = {"instruction": "Add.", "answer": "", "tests": ROW["tests"]}
    assert only(tmp_path, tested).references == () and only(tmp_path, tested).tests is not None
    assert only(tmp_path, {"instruction": "Add.", "answer": "1"}).tests is None
    with pytest.raises(DataError, match="field 'answer' is no text and no list of texts; write code as text"):
        load(tmp_path, {"instruction": "Add.", "answer": ["a", 1]})


def test_ids_are_the_rows_numbers_within_a_split_where_none_is_given(tmp_path):
    problems = load(tmp_path, ROW, {**ROW, "id": "own"}, ROW)[""]
    assert [p.id for p in problems] == ["1", "own", "3"]


def test_the_function_under_test_is_named_by_a_field_of_the_options(tmp_path):
    row = {"instruction": "Add.", "tests": [{"args": [1], "expected": 2}], "function": "add"}
    assert only(tmp_path, row, entry_point="function").tests == CallTests("add", (("[1]", "2"),))
    with pytest.raises(DataError, match="calls a function that no field names"):
        load(tmp_path, row)


def test_assertions_are_about_the_function_that_the_first_answer_defines(tmp_path):
    row = {"instruction": "Add.", "answer": ["def add(a):\n    return a", "def sub(a):\n    return a"]}
    assert only(tmp_path, {**row, "tests": "assert add(sub(1)) == 1"}).tests.entry_point == "add"


def test_a_conversation_is_read_unless_an_instruction_is_named(tmp_path):
    turns = [{"role": "user", "content": " Add. "}, {"role": "assistant", "content": "Here:\n```python\na + b\n```"}]
    row = {"messages": turns, "title": "Other.", "answer": "1"}
    told = only(tmp_path, row)
    assert (told.instruction, told.references) == ("Add.", ("a + b",))
    named = only(tmp_path, row, instruction="title")
    assert (named.instruction, named.references) == ("Other.", ("1",))


def test_a_field_for_the_split_may_be_named_and_a_files_split_goes_before_it(tmp_path):
    row = {**ROW, "fold": "dev"}
    assert set(load(tmp_path, row, split="fold")) == {"validation"}
    assert set(load(tmp_path, {**ROW, "split": "dev"}, name="test.jsonl")) == {"test"}
    assert set(load(tmp_path, {**ROW, "split": ""})) == {""}


@pytest.mark.parametrize("part", ["input", "answer", "tests", "entry_point", "id", "split"])
def test_a_named_field_that_no_row_has_is_refused_with_its_option(tmp_path, part):
    with pytest.raises(DataError, match=rf"rows\.jsonl: no row has the field 'gone' of --set my\.{part}=gone; they"):
        load(tmp_path, {**ROW, "messages": None, "prompt": "x"}, **{part: "gone"})


def test_what_a_row_has_is_listed_by_name_where_something_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"neither an answer nor tests \(the row has b, instruction\); name the field"):
        load(tmp_path, {"instruction": "Add.", "b": 1})
    with pytest.raises(DataError, match=r"line 1: no split, which other rows have \(train\); fill it in"):
        load(tmp_path, ROW, {**ROW, "split": "train"})
    with pytest.raises(DataError, match=r"line 3: no split, which other rows have \(test, train\); fill it in"):
        load(tmp_path, {**ROW, "split": "train"}, {**ROW, "split": "test"}, ROW)
