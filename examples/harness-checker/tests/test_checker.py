import json
from importlib.resources import files

import pytest

from harness.data.sources import open_path
from harness.errors import DataError
from harness.owntests import OwnTests
from harness.records import Completion, Limits, Outcome, Problem
from harness.testing import TaskContract

DATA = files("harness_checker") / "test.jsonl"


class TestChecker(TaskContract):
    name = "checker"
    data = DATA


@pytest.fixture
def task(harness_registry):
    return harness_registry.task("checker").plugin


@pytest.fixture
def problems(task):
    return {problem.id: problem for problem in task.load(open_path(DATA), task.Config())["test"]}


def judged(task, problem, *texts):
    return list(task.judge((problem, Completion(text, 1)) for text in texts))


def test_another_right_answer_than_the_jurys_is_right(task, problems):
    program = problems["two-primes"].reference.replace("range(2, n)", "range(n - 2, 1, -1)")
    (execution,) = judged(task, problems["two-primes"], program)
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.PASSED, 4, 4)
    assert execution.trust == "isolated"


@pytest.mark.parametrize(
    ("program", "outcome", "passed"),
    [
        ("print(2, int(input()) - 2)", Outcome.FAILED, 1),
        ("print('two primes')", Outcome.FAILED, 0),
        ("print('9' * 5000, 1)", Outcome.FAILED, 0),
        ("print('\\udcff')", Outcome.RAISED, 0),
        ("import os; os.write(1, b'\\xff\\xfe')", Outcome.FAILED, 0),
        ("", Outcome.NO_CODE, 0),
        ("1 / 0", Outcome.RAISED, 0),
        ("import os; os._exit(0)", Outcome.FAILED, 0),
        ("import os; print(2, int(input()) - 2, flush=True); os._exit(3)", Outcome.RAISED, 0),
    ],
)
def test_a_wrong_program_passes_what_it_has_right(task, problems, program, outcome, passed):
    (execution,) = judged(task, problems["two-primes"], program)
    assert (execution.outcome, execution.passed, execution.total) == (outcome, passed, 4)


def test_a_candidate_finds_neither_the_checker_nor_the_answer(task, problems):
    look = """
import os, sys
assert os.listdir('.') == os.listdir('/tmp') == [], os.listdir('/tmp')
assert sys.argv == ['main.py']
for name in ('answer.txt', '../answer.txt', '/tmp/answer.txt', 'output.txt', 'input.txt'):
    assert not os.path.exists(name)
for number in range(3, 64):
    try:
        os.fstat(number)
    except OSError:
        continue
    raise AssertionError(number)
"""
    (execution,) = judged(task, problems["two-primes"], look + problems["two-primes"].reference)
    assert execution.outcome is Outcome.PASSED


def checked(problem, checker):
    return Problem("p", "", (), type(problem.tests)(problem.tests.cases, checker))


def test_no_output_makes_the_checker_fail_and_itself_unmeasured(task, problems):
    fragile = "import os, sys\nif 'bomb' in open(sys.argv[2]).read():\n    os._exit(77)\n"
    problem = checked(problems["two-primes"], fragile)
    bomb, other = judged(task, problem, "print('bomb')", "print('x')")
    assert (bomb.outcome, bomb.passed, other.outcome) == (Outcome.FAILED, 0, Outcome.PASSED)


def test_an_output_larger_than_the_scratch_folder_is_wrong_and_ends_nothing(task, problems):
    limits = Limits(scratch_bytes=65_536, output_bytes=400_000)
    found = task.judge_one(problems["two-primes"], "print('9' * 300_000)", limits)
    assert found.outcome is Outcome.FAILED and found.passed == 0


def test_a_checker_that_is_broken_is_nobodys_fault(task, problems):
    problem = checked(problems["two-primes"], "import os; os._exit(3)")
    (execution,) = judged(task, problem, "print(1)")
    assert execution.outcome is Outcome.SANDBOX_ERROR
    assert "refuses the jury's answer" in execution.error


def test_the_kind_of_tests_is_registered(problems):
    assert OwnTests.kinds()["checker"] is type(problems["cubic"].tests)
    assert '"checker"' in problems["cubic"].tests.shown()


def test_a_problem_whose_tests_are_no_pairs_is_refused(task, tmp_path):
    row = json.loads(DATA.read_text().splitlines()[0])
    for tests in ([], [["1"]], ["1"], [[1, 2]]):
        (tmp_path / "test.jsonl").write_text(json.dumps({**row, "tests": tests}))
        with pytest.raises(DataError, match=r"test.jsonl, line 1: field 'tests' is not a list of \[input, answer\]"):
            task.load(open_path(tmp_path), task.Config())


def test_it_is_scored_and_verified_from_the_command_line(harness_command, tmp_path):
    rows = [json.loads(line) for line in DATA.read_text().splitlines()]
    answers = [{"id": row["id"], "completions": [row["solution"], "print(0)"]} for row in rows]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    words = ["--task", "checker", "--data", str(DATA), "--completions", str(path), "-k", "1", "--json"]
    done = harness_command("score", *words)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[0]
    assert row["estimates"][0]["value"] == 0.5
    verified = harness_command("verify", f"runs/{row['run_id']}", "--judge")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "6 completions" in verified.stdout
