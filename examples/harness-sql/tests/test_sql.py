import json
from importlib.resources import files

import pytest

from harness.data.sources import open_path
from harness.errors import DataError
from harness.records import Completion, Outcome
from harness.testing import TaskContract

DATA = files("harness_sql") / "test.jsonl"


class TestSql(TaskContract):
    name = "sql"
    data = DATA


@pytest.fixture
def task(harness_registry):
    return harness_registry.task("sql").plugin


@pytest.fixture
def problems(task):
    return {problem.id: problem for problem in task.load(open_path(DATA), task.Config())["test"]}


def judged(task, problem, *texts):
    return list(task.judge((problem, Completion(text, 1)) for text in texts))


def test_a_query_is_judged_by_its_rows_and_not_by_its_text(task, problems):
    right = "```sql\nselect n from (select name n, price p from item) where p > 3 order by p;\n```"
    (execution,) = judged(task, problems["dear-items"], right)
    assert (execution.outcome, execution.passed, execution.total) == (Outcome.PASSED, 3, 3)
    assert execution.trust == "isolated"


def test_order_counts_where_it_was_asked_for(task, problems):
    backwards = "SELECT name FROM item WHERE price > 3 ORDER BY price DESC"
    assert judged(task, problems["dear-items"], backwards)[0].outcome is Outcome.FAILED
    other = "SELECT name FROM item WHERE id NOT IN (SELECT item FROM sale) ORDER BY name"
    assert judged(task, problems["never-sold"], other)[0].outcome is Outcome.PASSED


def test_a_query_that_fits_one_database_by_chance_fails_on_the_others(task, problems):
    (execution,) = judged(task, problems["never-sold"], "SELECT 'pot'")
    assert (execution.outcome, execution.passed) == (Outcome.FAILED, 1)


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ("SELECT nothing FROM item", Outcome.RAISED),
        ("SELECT 1; SELECT 2", Outcome.RAISED),
        ("", Outcome.NO_CODE),
        ("DROP TABLE item", Outcome.RAISED),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n", Outcome.TIMED_OUT),
        ("ATTACH '/etc/passwd' AS host", Outcome.RAISED),
        ("SELECT load_extension('x')", Outcome.RAISED),
        ("SELECT readfile('/etc/passwd')", Outcome.RAISED),
    ],
)
def test_a_query_that_is_wrong_or_worse_passes_nothing(task, problems, query, outcome):
    (execution,) = judged(task, problems["income"], query)
    assert (execution.outcome, execution.passed, execution.total) == (outcome, 0, 3)


def test_what_one_query_does_is_gone_for_the_next(task, problems):
    spoil = "CREATE TABLE IF NOT EXISTS spoilt AS SELECT 1"
    right = problems["best"].reference
    assert [one.outcome for one in judged(task, problems["best"], spoil, right)] == [Outcome.RAISED, Outcome.PASSED]


def test_a_problem_without_databases_is_refused(task, tmp_path):
    row = json.loads(DATA.read_text().splitlines()[0])
    (tmp_path / "test.jsonl").write_text(json.dumps({**row, "databases": []}))
    with pytest.raises(DataError, match=r"test.jsonl, line 1: field 'databases' is not a list of SQL texts"):
        task.load(open_path(tmp_path), task.Config())


def test_it_is_scored_and_verified_from_the_command_line(harness_command, tmp_path):
    rows = [json.loads(line) for line in DATA.read_text().splitlines()]
    answers = [{"id": row["id"], "completions": [row["query"], "SELECT 0"]} for row in rows]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    words = ["--task", "sql", "--data", str(DATA), "--completions", str(path), "-k", "1", "--json"]
    done = harness_command("score", *words)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[0]
    assert row["estimates"][0]["value"] == 0.5
    verified = harness_command("verify", f"runs/{row['run_id']}", "--judge")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "12 completions" in verified.stdout
