"""The built-in sample is what the recipe builds, is sound, and its test problems are its own."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.data.sources import open_builtin
from harness.plugins.tasks.apps import Apps
from harness.plugins.tasks.codealpacapy import CodeAlpacaPy
from harness.plugins.tasks.conala import Conala
from recipe.sample import build
from recipe.sample.apps import Case, problem
from recipe.sample.check import WrongReference, check_snippet, holds
from recipe.sample.choose import SPLITS, deal
from recipe.sample.execute import Program
from recipe.sample.families import Contest, Snippet, Variant, masked, normalised, unfold
from recipe.sample.mutants import mutants
from recipe.sample.sharpen import judge, ratio, sharpen

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "harness" / "builtin" / "sample"
Rows = dict[str, list[dict[str, Any]]]


def _rows(task: str) -> Rows:
    if task == "apps":
        texts = {split: (SAMPLE / task / f"{split}.jsonl").read_text("utf-8") for split in SPLITS}
        return {split: [json.loads(line) for line in text.splitlines()] for split, text in texts.items()}
    return {split: json.loads((SAMPLE / task / f"{split}.json").read_text("utf-8")) for split in SPLITS}


@cache
def _conala() -> dict[str, list[Variant]]:
    return build.conala()


def _asked(task: str, row: dict[str, Any]) -> str:
    """The instruction of a row; for a contest problem the statement without its example."""
    if task == "apps":
        return str(row["question"]).partition("-----Example-----")[0].partition("Example 1:")[0]
    return str(row["nl"]) if task == "conala" else f"{row['instruction']} {row['input']}"


def _answer(task: str, row: dict[str, Any]) -> str:
    if task == "apps":
        return str(json.loads(row["solutions"])[0])
    return str(row["cmd" if task == "conala" else "output"])


TASKS = ("conala", "codealpacapy", "apps")


@pytest.mark.parametrize("task", [Conala(), CodeAlpacaPy(), Apps()], ids=lambda task: task.name)
def test_the_task_itself_reads_the_sample_with_all_its_problems(task: Conala | CodeAlpacaPy | Apps) -> None:
    splits = task.load(open_builtin(task.name), None)
    assert {split: len(part) for split, part in splits.items()} == {"train": 200, "validation": 40, "test": 60}
    assert len({p.id for part in splits.values() for p in part}) == 300
    assert all(p.reference for part in splits.values() for p in part)


def test_the_contest_problems_have_twenty_tests_of_each_difficulty_in_the_test_split() -> None:
    levels = Counter(row["difficulty"] for row in _rows("apps")["test"])
    assert levels == {"introductory": 20, "interview": 20, "competition": 20}


@pytest.mark.parametrize("task", TASKS)
def test_no_two_problems_share_an_instruction_in_words_nor_with_names_blanked(task: str) -> None:
    every = [_asked(task, row) for rows in _rows(task).values() for row in rows]
    assert len(set(map(normalised, every))) == len(every)
    if task == "conala":
        assert len(set(map(masked, every))) == len(every)


@pytest.mark.parametrize("task", TASKS)
def test_no_answer_occurs_twice(task: str) -> None:
    every = [_answer(task, row) for rows in _rows(task).values() for row in rows]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("task", TASKS)
def test_every_answer_parses(task: str) -> None:
    for rows in _rows(task).values():
        for row in rows:
            ast.parse(_answer(task, row))


def test_answers_and_statements_stay_short_enough_for_a_small_model() -> None:
    most_lines = {"introductory": 6, "interview": 12, "competition": 20}
    for row in (row for rows in _rows("apps").values() for row in rows):
        assert len(_answer("apps", row).splitlines()) <= most_lines[row["difficulty"]]
        assert len(row["question"].split()) <= 180
    assert all("\n" not in row["cmd"] for rows in _rows("conala").values() for row in rows)


def test_every_row_says_that_it_is_of_the_sample() -> None:
    assert all(row["question_id"].startswith("sample-") for rows in _rows("conala").values() for row in rows)
    assert all(row["url"].startswith("sample:") for rows in _rows("apps").values() for row in rows)


def test_every_contest_reference_passes_its_tests_in_a_process_of_its_own() -> None:
    program = """
import json, sys
from pathlib import Path
from recipe.sample.apps import Case
from recipe.sample.execute import Program
for file in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    for row in map(json.loads, file.read_text("utf-8").splitlines()):
        tests = json.loads(row["input_output"])
        fn = tests.get("fn_name", "")
        pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
        assert len(pairs) >= 8, row["problem_id"]
        reference = Program(json.loads(row["solutions"])[0], fn)
        empty = Program(f"def {fn}(*args): return None" if fn else "pass", fn)
        cases = [Case(given, expected[0] if fn else expected) for given, expected in pairs]
        assert all(map(reference.passes, cases)), row["problem_id"]
        assert not all(map(empty.passes, cases)), row["problem_id"]
        print("sound")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, SAMPLE / "apps"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["sound"] * 300


def test_no_contest_problem_is_passed_by_always_giving_one_answer() -> None:
    for row in (row for rows in _rows("apps").values() for row in rows):
        outputs = Counter(map(json.dumps, json.loads(row["input_output"])["outputs"]))
        assert outputs.most_common(1)[0][1] <= 0.9 * outputs.total(), row["problem_id"]


def test_building_again_gives_the_same_one_liners_and_functions() -> None:
    for path, content in build.build_snippets().items():
        assert (SAMPLE / path).read_bytes() == content, path


def test_building_again_gives_the_same_contest_problems() -> None:
    rows = _rows("apps")
    for level, families in build.APPS.items():
        dealt = deal(f"apps {level}", families, build.APPS_SIZES[level], build.SEED)
        for split in SPLITS:
            held = [row for row in rows[split] if row["difficulty"] == level]
            assert [v.answer for v in dealt[split]] == [_answer("apps", row) for row in held]
        # The tests of all 300 take half a minute to sharpen; two of each level stand for them.
        for variant, row in list(
            zip(dealt["test"], [r for r in rows["test"] if r["difficulty"] == level], strict=True)
        )[:4]:
            assert build.apps_row(variant, row["problem_id"]) == row


def test_every_family_is_used_and_there_are_dozens() -> None:
    assert len(build.CONALA) >= 40
    assert len(build.CODEALPACAPY) >= 40
    assert sum(map(len, build.APPS.values())) >= 30
    assert {v.family.name for v in _conala()["train"]} == {family.name for family in build.CONALA}
    assert {row["url"].partition(":")[2] for row in _rows("apps")["train"]} == {
        family.name for families in build.APPS.values() for family in families
    }


def test_tests_notice_the_mutants_of_the_reference() -> None:
    verdicts = []
    for families in build.APPS.values():
        for family in families[::4]:
            variant = next(unfold(family))
            verdicts.append(judge(sharpen(problem(variant, build.SEED), build.SEED)))
    assert min(verdict.killed for verdict in verdicts) >= 3
    assert ratio(verdicts) >= 0.95


ADD = Contest(
    "add",
    "introductory",
    ("Add a and b.",),
    "a, b = map(int, input().split())\nprint(a + b)",
    {},
    lambda rng, v: (rng.randint(0, 99), rng.randint(0, 99)),  # noqa: ARG005
    lambda v, a, b: sum((a, b)),  # noqa: ARG005
    "Two integers.",
    "The sum.",
    lambda a, b: [f"{a} {b}"],
)


def test_a_mutant_that_no_test_notices_gets_a_test_or_is_reported() -> None:
    made = problem(Variant(ADD, ADD.story[0], {}), 1)
    blind = type(made)(made.variant, made.question, made.solution, "", "", (Case("0 0\n", "0\n"),))
    verdict = judge(blind)
    assert any("a - b" in code for code in verdict.survivors)
    assert judge(sharpen(blind, 1)).survivors == ()


def test_mutants_differ_from_the_program_and_from_each_other() -> None:
    code = "n = int(input())\nprint(sum(x for x in range(1, n + 1) if x % 2 == 0))"
    found = mutants(code)
    assert len(set(found)) == len(found) >= 10
    assert ast.unparse(ast.parse(code)) not in found


def test_a_program_that_never_ends_fails_its_test() -> None:
    assert not Program("while True:\n    pass", "", 0.05).passes(Case("", ""))


def test_a_reference_that_does_something_else_is_refused() -> None:
    family = Snippet("double", ("double `n`",), "n + n + 1", {}, "result == 6", "n = 3")
    with pytest.raises(WrongReference, match="double `n`"):
        check_snippet(Variant(family, family.ask[0], {}))


def test_the_judge_of_a_family_tells_a_wrong_one_liner_from_the_reference() -> None:
    noticed = 0
    for variant in _conala()["test"]:
        for code in mutants(variant.answer):
            try:
                noticed += not holds(variant, code)
            except Exception:  # noqa: BLE001  a mutant may raise anything, which is noticed too
                noticed += 1
    assert noticed >= 3 * 60


def test_too_narrow_families_are_an_error_and_not_a_smaller_sample() -> None:
    with pytest.raises(ValueError, match="too few different members for validation"):
        deal("narrow", [ADD], {"train": 1, "validation": 1, "test": 1}, 0)
