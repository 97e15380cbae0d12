"""The three tasks read every published shape, with the study's splits, and refuse broken rows by name."""

from __future__ import annotations

import hashlib
import inspect
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.sources import open_builtin, open_path
from harness.errors import DataError
from harness.plugin import Task
from harness.plugins.tasks.apps import DIFFICULTIES, Apps, first_of_each
from harness.plugins.tasks.codealpacapy import CodeAlpacaPy, is_python, parses
from harness.plugins.tasks.conala import Conala
from harness.plugins.tasks.my import MyData
from harness.records import CallTests, Completion, Problem, StdinTests

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


@pytest.mark.parametrize("task", [Conala(), CodeAlpacaPy(), Apps(), MyData()], ids=lambda task: task.name)
def test_the_row_that_a_tasks_page_shows_is_read(task: Task, write_json: Write) -> None:
    text = inspect.getdoc(inspect.getmodule(type(task))) or ""
    row, _ = json.JSONDecoder().raw_decode(text, text.index('\n    {"') + 5)
    (problem,) = task.load(open_path(write_json("test.json", [row])), task.Config())["test"]
    assert problem.instruction and problem.reference


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
    (CodeAlpacaPy(), {"messages": [{"role": "user", "content": "x"}]}, "field 'messages' has no answer; add it"),
    (CodeAlpacaPy(), {"messages": [{"role": "user"}]}, "field 'messages' has a turn without words"),
    (CodeAlpacaPy(), {"messages": {"a": 1}}, "field 'messages' is dict, not a list of turns"),
    (CodeAlpacaPy(), {"conversations": [{"from": "gpt", "value": "x"}]}, "no user's turn before an answer"),
    (Apps(), {**APPS_ROW, "input_output": [1]}, "lists 'inputs' and 'outputs' of one length"),
    (Apps(), {**APPS_ROW, "input_output": 3}, "field 'input_output' is int, not str"),
    (Apps(), {**APPS_ROW, "problem_id": 1.5}, "field 'problem_id' is float, no id"),
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


def test_apps_takes_tests_and_solutions_as_values_and_as_json_text(write_json: Write) -> None:
    tests = {"fn_name": None, "inputs": ["1\n"], "outputs": ["2\n"]}
    forms = [
        {**APPS_ROW, "solutions": '["print(2)"]', "input_output": json.dumps(tests)},
        {**APPS_ROW, "solutions": ["print(2)"], "input_output": tests},
    ]
    first, second = (Apps().load(open_path(write_json("test.json", [form])), None)["test"][0] for form in forms)
    assert first == second
    assert first.tests == StdinTests((("1\n", "2\n"),))
    for nothing in (None, "", "null", {}):
        path = write_json("test.json", [{**APPS_ROW, "input_output": nothing}])
        assert Apps().load(open_path(path), None)["test"][0].tests is None


def test_apps_keeps_integers_of_any_length_and_judges_by_them(write_json: Write) -> None:
    digits = "1" * 5000
    call = f'{{"fn_name": "f", "inputs": [[{digits}]], "outputs": [[{digits[:-1]}2]]}}'
    plain = f'{{"inputs": ["{digits}\\n"], "outputs": [{digits[:-1]}2]}}'
    path = write_json(
        "test.json", [{**APPS_ROW, "problem_id": i, "input_output": text} for i, text in enumerate((call, plain))]
    )
    called, printed = Apps().load(open_path(path), None)["test"]
    assert called.tests == CallTests("f", ((f"[{digits}]", f"{digits[:-1]}2"),))
    assert printed.tests == StdinTests(((f"{digits}\n", f"{digits[:-1]}2"),))
    programs = [("def f(x):\n    return x + 1", called), ("print(int(input()) + 1)", printed)]
    wrong = [("def f(x):\n    return x + 2", called), ("print(int(input()) + 2)", printed)]
    jobs = ((problem, Completion(text, 1)) for text, problem in (*programs, *wrong))
    verdicts = Apps().judge(jobs)
    assert verdicts is not None
    assert [v.strict_passed for v in verdicts] == [1, 1, 0, 0]


def test_codealpacapy_reads_a_table(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text('instruction,input,output\nPrint.,,"print(1,\n 2)"\n')
    (problem,) = CodeAlpacaPy().load(open_path(tmp_path / "test.csv"), None)["test"]
    assert (problem.instruction, problem.reference) == ("Print.", "print(1,\n 2)")


FENCED = "Here it is:\n```python\nprint(1)\n```\n"
CONVERSATIONS = [
    {"messages": [{"role": "user", "content": "Print 1."}, {"role": "assistant", "content": "print(1)"}]},
    {
        "messages": [
            {"role": "system", "content": "You write Python."},
            {"role": "user", "content": [{"type": "text", "text": "Print 1."}]},
            {"role": "assistant", "content": FENCED},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "Because."},
        ]
    },
    {"conversations": [{"from": "human", "value": "Print 1."}, {"from": "gpt", "value": FENCED}]},
    {"messages": json.dumps([{"role": "user", "content": "Print 1."}, {"role": "assistant", "content": "print(1)"}])},
]


@pytest.mark.parametrize("row", CONVERSATIONS, ids=["plain", "parts", "from-value", "json text"])
def test_codealpacapy_reads_conversations(row: object, write_json: Write) -> None:
    (problem,) = CodeAlpacaPy().load(open_path(write_json("test.json", [row])), None)["test"]
    assert (problem.instruction, problem.reference) == ("Print 1.", "print(1)")


def test_conala_takes_ids_as_numbers_in_both_of_its_shapes(write_json: Write) -> None:
    rows = [
        {"nl": "x", "cmd": "y", "question_id": 7},
        {"intent": "x", "rewritten_intent": None, "snippet": "y", "question_id": "8"},
    ]
    problems = Conala().load(open_path(write_json("test.json", rows)), None)["test"]
    assert [p.id for p in problems] == ["7", "8"]


@pytest.mark.parametrize("task", [Conala(), CodeAlpacaPy(), Apps()], ids=lambda task: task.name)
def test_the_built_in_sample_has_disjoint_splits_and_is_labelled(task: Task) -> None:
    source = open_builtin(task.name)
    splits = task.load(source, None)
    assert source.builtin
    assert set(splits) == {"train", "validation", "test"}
    instructions = [p.instruction for part in splits.values() for p in part]
    assert len(set(instructions)) == len(instructions)
    assert all(task.template(p).endswith("### Response:\n") for p in splits["test"])


def only(task: Task, row: object, write: Write, name: str = "test.json") -> Problem:
    (problem,) = task.load(open_path(write(name, [row])), None)["test"]
    return problem


def test_a_real_row_of_conala_keeps_its_id_its_words_and_its_line(real_data: Path) -> None:
    folder = real_data / "conala" / "docprompting"
    splits = Conala().load(open_path(folder), None)
    raw = {"validation": "cmd_dev.oracle_man.full.json", "test": "cmd_test.oracle_man.full.json"}
    for split, name in raw.items():
        seen: Counter[str] = Counter()
        for row, problem in zip(json.loads((folder / name).read_text()), splits[split], strict=True):
            id = row["question_id"]
            seen[id] += 1
            assert problem == Problem(id if seen[id] == 1 else f"{id}#{seen[id]}", row["nl"], (row["cmd"],))


def test_rewritten_intents_are_asked_where_there_are_some_and_answers_to_one_question_are_counted(
    real_data: Path,
) -> None:
    folder = real_data / "conala" / "original"
    rows = json.loads((folder / "conala-train.json").read_text())
    seen: dict[str, int] = {}
    for row, problem in zip(rows, Conala().load(open_path(folder), None)["train"], strict=True):
        id = str(row["question_id"])
        seen[id] = seen.get(id, 0) + 1
        assert problem.id == (id if seen[id] == 1 else f"{id}#{seen[id]}")
        assert problem.instruction == (row["rewritten_intent"] or row["intent"]).strip()
        assert problem.references == (row["snippet"],)
    assert max(seen.values()) > 2


def test_a_real_row_of_codealpaca_is_asked_with_its_input_below_and_named_by_its_text(real_data: Path) -> None:
    path = real_data / "codealpaca" / "code_alpaca_2k.json"
    by_text = {}
    for row in json.loads(path.read_text()):
        given = row["input"].strip()
        with_input = given and given.lower() != "noinput"
        by_text[f"{row['instruction']}\n{row['input']}" if with_input else row["instruction"], row["output"]] = row
    splits = CodeAlpacaPy().load(open_path(path), None)
    for problem in (p for part in splits.values() for p in part):
        assert (problem.instruction, problem.reference) in by_text
        assert len(problem.references) == 1 and problem.tests is None and problem.slice is None
        data = json.dumps([problem.instruction, problem.reference], separators=(",", ":"), ensure_ascii=False)
        assert problem.id == hashlib.sha256(data.encode()).hexdigest()[:16]


PYTHON_ROWS = [
    ("Write a function in Python.", "x = 1", True),
    ("Write python code, not Java.", "x = 1", True),
    ("Write a regex.", "import re", False),
    ("Write a SQL query.", "for x in y: pass", False),
    ("Use R to add.", "def f(): pass", False),
    ("Add two numbers.", "def f(): pass", True),
    ("Add two numbers.", "1 + 1", False),
    ("Print.", "print(1)", True),
    ("Add.", "x = lambda a: a", True),
    ("Import.", "import os", True),
    ("Loop.", "[x for x in y]", True),
    ("A javascripts thing.", "import os", True),
    ("Loop in C++ over a list.", "for i in range(3): print(i)", False),
    ("Convert this C# code", "import os", False),
    ("Call it in C++ please.", "import os", False),
    ("Give JSON for it.", "import os", False),
    ("Use monty pythons.", "x = 1", False),
]


@pytest.mark.parametrize(("instruction", "output", "wanted"), PYTHON_ROWS)
def test_a_raw_row_is_python_where_it_says_so_or_names_no_other_language_and_holds_code(
    instruction: str, output: str, wanted: bool
) -> None:
    assert is_python(Problem("1", instruction, (output,))) is wanted


def test_a_raw_file_drops_what_is_no_python_or_does_not_parse_and_keeps_each_row_once(write_json: Write) -> None:
    rows = [{"instruction": f"Print {i}.", "input": "", "output": f"print({i})"} for i in range(10)]
    odd = [rows[0], {"instruction": "Query.", "output": "1 + 1"}, {"instruction": "Print.", "output": "print("}]
    splits = CodeAlpacaPy().load(open_path(write_json("rows.json", [*rows, *odd])), None)
    assert {split: len(part) for split, part in splits.items()} == {"train": 7, "validation": 1, "test": 2}
    assert sorted(p.reference for part in splits.values() for p in part) == [f"print({i})" for i in range(10)]
    again = CodeAlpacaPy().load(open_path(write_json("other.json", [*rows, *odd])), None)
    assert again == splits
    with pytest.raises(DataError, match=r"nothing\.json: no Python row in this file; name another with --data PATH"):
        CodeAlpacaPy().load(open_path(write_json("nothing.json", odd[1:])), None)


def test_a_curated_row_is_kept_whatever_it_is_about_and_twice_named_once(write_json: Write) -> None:
    rows = [{"instruction": "Query.", "input": "noinput", "output": "1 + 1"}, {"nl": " Add. ", "cmd": "a + b"}]
    folder = write_json("curated/train.json", [*rows, rows[0]]).parent
    problems = CodeAlpacaPy().load(open_path(folder), None)["train"]
    assert [(p.instruction, p.references) for p in problems] == [("Query.", ("1 + 1",)), (" Add. ", ("a + b",))]
    blank = only(CodeAlpacaPy(), {"instruction": "Query.", "input": "  ", "output": "1"}, write_json)
    given = only(CodeAlpacaPy(), {"instruction": "Query.", "input": " 3 ", "output": "1"}, write_json)
    assert (blank.instruction, given.instruction) == ("Query.", "Query.\n 3 ")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"nl": "x", "cmd": "def f("}, "cmd"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "def f("}]}, "messages"),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "def f("}]}, "conversations"),
        ({"instruction": "x", "output": "def f("}, "output"),
    ],
)
def test_the_field_that_does_not_parse_is_the_one_that_is_named(row: object, field: str, write_json: Write) -> None:
    with pytest.raises(DataError, match=f"field '{field}' does not parse as Python; mend it or take the row out"):
        only(CodeAlpacaPy(), row, write_json)


@pytest.mark.parametrize("text", ["x = 1", "", "'\\d'", "# only words"])
def test_what_python_takes_parses(text: str) -> None:
    assert parses(text) is True


@pytest.mark.parametrize("text", ["x =", "\0", "\ud800", "(" * 20_000, "a" + "+a" * 100_000])
def test_what_python_does_not_take_does_not_parse(text: str) -> None:
    assert parses(text) is False


def test_a_row_of_apps_is_its_question_its_programs_and_the_form_that_it_wants(write_json: Write) -> None:
    problem = only(Apps(), {**APPS_ROW, "question": " Add.\n ", "solutions": '["print(2)", "x"]'}, write_json)
    assert problem == Problem(
        "1", "Add.\nUse Standard Input format", ("print(2)", "x"), StdinTests((("1\n", "2\n"),)), "interview"
    )
    call = json.dumps({"fn_name": "f", "inputs": [[1]], "outputs": [2]})
    called = only(Apps(), {**APPS_ROW, "input_output": call, "starter_code": "def f(x):\n  \n"}, write_json)
    assert called.instruction == "Add.\ndef f(x):\nUse Call-Based format"
    untested = {**APPS_ROW, "input_output": None}
    assert only(Apps(), untested, write_json).instruction == "Add.\nUse Standard Input format"
    assert (
        only(Apps(), {**untested, "starter_code": " \n"}, write_json).instruction == "Add.\nUse Standard Input format"
    )
    started = only(Apps(), {**untested, "starter_code": "def f():"}, write_json)
    assert started.instruction == "Add.\ndef f():\nUse Call-Based format"
    tested = only(Apps(), {**APPS_ROW, "starter_code": "n = 1"}, write_json)
    assert tested.instruction == "Add.\nn = 1\nUse Standard Input format"


def test_a_row_of_apps_without_solutions_has_no_references(write_json: Write) -> None:
    for nothing in ("", None, [], "[]"):
        assert only(Apps(), {**APPS_ROW, "solutions": nothing}, write_json).references == ()
    for broken in ('{"a": 1}', '"print(2)"', "[1]", ["x", 2]):
        with pytest.raises(DataError, match="field 'solutions' is not a list of programs"):
            only(Apps(), {**APPS_ROW, "solutions": broken}, write_json)


def test_apps_cuts_its_validation_problems_from_the_training_problems_ten_in_a_hundred(write_json: Write) -> None:
    rows = [{**APPS_ROW, "problem_id": i} for i in range(20)]
    path = write_json("folder/train.json", rows).parent
    splits = Apps().load(open_path(path), None)
    assert {split: len(part) for split, part in splits.items()} == {"train": 18, "validation": 2}
    assert sorted(int(p.id) for part in splits.values() for p in part) == list(range(20))
    write_json("folder/validation.json", rows[:3])
    assert {split: len(part) for split, part in Apps().load(open_path(path), None).items()} == {
        "train": 20,
        "validation": 3,
    }
    lone = Apps().load(open_path(write_json("rows.json", rows)), None)
    assert {split: len(part) for split, part in lone.items()} == {"train": 14, "validation": 2, "test": 4}


def test_apps_tests_on_the_first_250_of_each_difficulty(write_json: Write) -> None:
    rows = [{**APPS_ROW, "problem_id": i, "difficulty": DIFFICULTIES[i % 3]} for i in range(3 * 252)]
    problems = Apps().load(open_path(write_json("test.json", rows)), None)["test"]
    assert [p.id for p in problems] == [str(i) for i in range(750)]
    assert Counter(p.slice for p in problems) == dict.fromkeys(DIFFICULTIES, 250)


def folder_of(root: Path, split: str, name: str, **files: str) -> Path:
    folder = root / split / name
    folder.mkdir(parents=True)
    for file, words in ({"question": "Add."} | files).items():
        (folder / {"question": "question.txt", "starter": "starter_code.py"}.get(file, f"{file}.json")).write_text(
            words
        )
    return folder


def test_the_original_test_folders_have_their_difficulty_by_number(tmp_path: Path) -> None:
    for name in ("0000", "2999", "3000", "3999", "4000", "4999"):
        folder_of(tmp_path, "test", name)
    problems = Apps().load(open_path(tmp_path), None)["test"]
    assert [(p.id, p.slice) for p in problems] == [
        ("0000", "interview"),
        ("2999", "interview"),
        ("3000", "competition"),
        ("3999", "competition"),
        ("4000", "introductory"),
        ("4999", "introductory"),
    ]


def test_an_original_folder_is_read_file_by_file(tmp_path: Path) -> None:
    tests = json.dumps({"fn_name": "f", "inputs": [[1]], "outputs": [2]})
    files = {"solutions": '["a", "b"]', "input_output": tests, "starter": "def f(x):"}
    folder_of(tmp_path, "test", "0007", metadata='{"difficulty": "competition"}', **files)
    (tmp_path / "test" / "notes.txt").write_text("no problem")
    (problem,) = Apps().load(open_path(tmp_path), None)["test"]
    instruction = "Add.\ndef f(x):\nUse Call-Based format"
    assert problem == Problem("0007", instruction, ("a", "b"), CallTests("f", (("[1]", "2"),)), "competition")


@pytest.mark.parametrize(
    ("split", "name", "words"),
    [("train", "0001", "no metadata.json with a difficulty"), ("test", "x1", "no metadata.json with a difficulty")],
)
def test_a_folder_without_a_difficulty_is_named(tmp_path: Path, split: str, name: str, words: str) -> None:
    folder = folder_of(tmp_path, split, name)
    with pytest.raises(DataError, match=f"{folder}: {words}"):
        Apps().load(open_path(tmp_path), None)


def test_folders_that_are_no_splits_are_refused_with_what_is_expected(tmp_path: Path) -> None:
    folder_of(tmp_path, "other", "0001")
    with pytest.raises(DataError, match="expected the folders train/ and test/, each with one folder per problem"):
        Apps().load(open_path(tmp_path), None)


def cut(count: int, *shares: float) -> list[list[int]]:
    """What of `count` numbers, shuffled with seed 42, falls into each share, in rising order."""
    order = list(range(count))
    random.Random(42).shuffle(order)
    ends = [round(sum(shares[: i + 1]) * count) for i in range(len(shares))]
    return [sorted(order[a:b]) for a, b in zip([0, *ends], ends, strict=False)]


def test_files_without_splits_are_cut_by_the_studys_seed(write_json: Write) -> None:
    rows = [{**APPS_ROW, "problem_id": i} for i in range(30)]
    lone = Apps().load(open_path(write_json("rows.json", rows)), None)
    assert [[int(p.id) for p in lone[split]] for split in ("train", "validation", "test")] == cut(30, 0.7, 0.1, 0.2)
    train = Apps().load(open_path(write_json("folder/train.json", rows).parent), None)
    assert [[int(p.id) for p in train[split]] for split in ("train", "validation")] == cut(30, 0.9, 0.1)
    prints = [{"instruction": f"Print {i}.", "output": f"print({i})"} for i in range(30)]
    raw = CodeAlpacaPy().load(open_path(write_json("raw.json", prints)), None)
    found = [[int(p.reference[6:-1]) for p in raw[split]] for split in ("train", "validation", "test")]
    assert found == cut(30, 0.7, 0.1, 0.2)


@pytest.mark.parametrize(
    "row",
    [
        {"nl": "Print 1.", "cmd": "print(1)"},
        {"instruction": "Print 1.", "output": "print(1)"},
        {"messages": [{"role": "user", "content": "Print 1."}, {"role": "assistant", "content": "print(1)"}]},
    ],
)
def test_one_question_has_one_id_in_every_form(row: object, write_json: Write) -> None:
    wanted = hashlib.sha256(b'["Print 1.","print(1)"]').hexdigest()[:16]
    assert only(CodeAlpacaPy(), row, write_json).id == wanted
