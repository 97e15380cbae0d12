"""SQL: a question about a database; the completion is one query, judged by the rows that it yields in sqlite.

    ### Instruction:
    CREATE TABLE city (name TEXT, people INTEGER);
    Which cities have more than a million people?
    ### Response:
    SELECT name FROM city WHERE people > 1000000

A row has `id`, `question`, `schema` (SQL), `databases` (SQL texts that fill the tables, one for each database) and
`query`. A query is right for a database if it yields the rows that `query` yields: in the same order where `query` asks
for one, else in any. The model sees the schema and none of the databases, so a query that happens to fit one of them is
caught by the others.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.sources import DataRow, Source, rows
from harness.errors import DataError
from harness.owntests import OwnTests
from harness.plugin import Task
from harness.records import Execution, Limits, Outcome, Problem, Sampling
from harness.sandbox import Finished, execute

_DRIVER = """
import json, sqlite3
with open("query.sql", encoding="utf-8") as file:
    query = file.read()
with open("databases.json", encoding="utf-8") as file:
    databases = json.load(file)
for script in databases:
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    cursor = connection.execute(query)
    if cursor.description is None:
        raise SystemExit("the statement yields no rows")
    print(json.dumps(cursor.fetchall(), default=bytes.hex), flush=True)
"""
_FENCED = re.compile(r"^```[ \t]*(?:sql|sqlite)?[ \t]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlTests(OwnTests):
    """Databases, as SQL that makes each, and the query that yields the right rows of them."""

    kind = "sql"
    databases: tuple[str, ...]
    query: str

    @property
    def total(self) -> int:
        """A test for each database."""
        return len(self.databases)


class Sql(Task):
    """One query for a question, judged by the rows that it yields."""

    name = "sql"
    version = "1"
    reference = "problems of this package's own"
    licence = "Apache-2.0"
    metrics: ClassVar[tuple[str, ...]] = ("pass_at_k", "tests_passed")
    languages: ClassVar[tuple[str, ...]] = ("sql",)
    limits = Limits(cpu_seconds=2.0, wall_seconds=6.0)

    def sampling(self) -> Sampling:
        """Five samples."""
        return Sampling(candidates=5, max_new_tokens=128, temperature=0.6)

    def default_ks(self) -> tuple[int, ...]:
        """One and all five."""
        return (1, 5)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The problems of each split that `source` has a file for."""
        return {split: [_problem(row) for f in files for row in rows(f)] for split, files in source.splits().items()}

    def code(self, answer: str) -> str:
        """A fenced block where there is one, else the text."""
        found = _FENCED.search(answer)
        return (found.group(1) if found else answer).strip()

    def judge_one(self, problem: Problem, program: str, limits: Limits, *, accept_unsafe: bool = False) -> Execution:
        """Runs the query and the right one, each in an execution of its own, and compares their rows here."""
        tests = problem.tests
        assert isinstance(tests, SqlTests)
        wanted = _rows(_wanted(tests, limits, accept_unsafe))
        if len(wanted) < tests.total:
            return Execution(Outcome.SANDBOX_ERROR, 0, tests.total, error="the right query yields no rows here")
        done = _run(tests.databases, program, limits, accept_unsafe)
        found = _rows(done)
        ordered = re.search(r"\border\s+by\b", tests.query, re.IGNORECASE) is not None
        passed = sum(_equal(one, other, ordered) for one, other in zip(found, wanted, strict=False))
        outcome = done.outcome
        if outcome is Outcome.PASSED and passed < tests.total:
            outcome = Outcome.FAILED
        return Execution(outcome, passed, tests.total, done.seconds, done.error)


def _problem(row: DataRow) -> Problem:
    databases = row.get("databases", list)
    if not databases or not all(isinstance(one, str) for one in databases):
        raise DataError(f"{row.where}: field 'databases' is not a list of SQL texts")
    schema, query = row.get("schema", str).strip(), row.get("query", str)
    tests = SqlTests(tuple(f"{schema}\n{one}" for one in databases), query)
    return Problem(row.get("id", str), f"{schema}\n{row.get('question', str)}", (query,), tests)


def _run(databases: Sequence[str], query: str, limits: Limits, accept_unsafe: bool) -> Finished:
    files = {"query.sql": query, "databases.json": json.dumps(databases)}
    return execute(_DRIVER, files=files, limits=limits, accept_unsafe=accept_unsafe)


@cache
def _wanted(tests: SqlTests, limits: Limits, accept_unsafe: bool) -> Finished:
    """What the right query yields: the same for every completion of its problem."""
    return _run(tests.databases, tests.query, limits, accept_unsafe)


def _rows(done: Finished) -> list[list[Any]]:
    """The rows of each database that the query came to the end of."""
    lines = done.stdout.decode("utf-8", "replace").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _equal(found: Sequence[Sequence[Any]], wanted: Sequence[Sequence[Any]], ordered: bool) -> bool:
    """Whether two results are the same; numbers to six places, since sums depend on the order of their terms."""
    one, other = ([tuple(map(_value, row)) for row in part] for part in (found, wanted))
    return one == other if ordered else Counter(one) == Counter(other)


def _value(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


@hookimpl
def harness_tasks() -> list[Task]:
    return [Sql()]
