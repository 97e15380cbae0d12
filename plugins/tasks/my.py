r"""Rows of your own: what is asked, with an answer, tests, or both.

    {"instruction": "Add.", "answer": "def add(a, b):\n    return a + b", "tests": ["assert add(1, 2) == 3"]}

Fields are found by the names that data sets use (`FIELDS`), or named: `--set my.instruction=question`. Tests are
assertions, functions in the style of pytest, pairs of input and output, or calls with their values
(`harness.data.tests`). The metrics follow from what the rows hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness import hookimpl
from harness.data import conversations, tests
from harness.data.rows import DataRow, rows
from harness.data.sources import Source, split_named
from harness.errors import DataError, nearest
from harness.extract import code
from harness.plugin import Task, TaskConfig, option
from harness.records import Problem, Sampling

FIELDS: Mapping[str, tuple[str, ...]] = {
    "instruction": ("instruction", "prompt", "question", "intent", "nl", "text", "description", "problem", "query"),
    "input": ("input", "context"),
    "answer": (
        *("answer", "output", "response", "completion", "code", "solution", "solutions", "canonical_solution"),
        *("snippet", "cmd", "reference", "target"),
    ),
    "tests": tests.FIELDS,
    "id": ("id", "task_id", "problem_id", "question_id"),
    "split": ("split",),
}
"""Names under which each part of a row is looked for, in this order."""


@dataclass(frozen=True)
class Config(TaskConfig):
    """Fields of a row; those that are not named here are looked for under the usual names (`FIELDS`)."""

    instruction: str = option("", "field that says what to write")
    input: str = option("", "field that is set below it, such as the data to work on")
    answer: str = option("", "field with the code that answers it, or a list of right answers")
    tests: str = option("", "field with the tests")
    entry_point: str = option("", "field with the name of the function under test")
    id: str = option("", "field with the row's id  [default: its number]")
    split: str = option("", "field that says train, validation or test")


class MyData(Task):
    """Your own file or folder (--data), scored by its tests, its answers, or both."""

    name = "my"
    version = "1"
    metrics = ("pass_at_k", "tests_passed", "exact_match", "codebleu")
    Config = Config

    def sampling(self) -> Sampling:
        """Five samples at temperature 0.6, top-p 0.95, as the study's scripts draw them for APPS."""
        return Sampling(candidates=5, max_new_tokens=256, temperature=0.6, top_p=0.95)

    def default_ks(self) -> tuple[int, ...]:
        """One candidate, or any of five."""
        return (1, 5)

    def default_metrics(self, problems: Sequence[Problem]) -> Sequence[str]:
        """Those of tests where a test problem has tests, those of answers where one has an answer."""
        tested, answered = any(one.tests for one in problems), any(one.references for one in problems)
        return [*(self.metrics[:2] if tested else ()), *(self.metrics[2:] if answered else ())]

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """The problems of each split, told by file names, by a field of the rows, or not at all ("")."""
        found: dict[str, list[Problem]] = {}
        has: dict[str, None] = {}
        silent = ""
        unseen = {name: value for name in (*FIELDS, "entry_point") if (value := getattr(config, name))}
        for split, files in source.splits().items():
            for number, row in enumerate((row for file in files for row in rows(file)), 1):
                unseen = {name: field for name, field in unseen.items() if field not in row.values}
                parts = _Parts(row, config)
                has |= dict.fromkeys(map(str, row.values))
                in_split = parts.split(split)
                silent = silent or ("" if in_split else row.where)
                found.setdefault(in_split, []).append(parts.problem(number))
        for name, field in unseen.items():
            close = nearest(field, has)
            meant = f"did you mean {close!r}?" if close else f"they have {', '.join(has) or 'nothing'}"
            raise DataError(f"{source.label}: no row has the field {field!r} of --set my.{name}={field}; {meant}")
        if "" in found and len(found) > 1:
            named = sorted(split for split in found if split)
            raise DataError(f"{silent}: no split, which other rows have ({', '.join(named)}); fill it in")
        return found

    def fields_used(self, row: DataRow, config: Any) -> Iterator[tuple[str, str]]:
        """The named fields, and those that were found."""
        return _Parts(row, config).fields()


class _Parts:
    """The parts of one row, found by the configured names or the usual ones."""

    def __init__(self, row: DataRow, config: Config) -> None:
        self._row, self._config = row, config

    def _field(self, part: str) -> str | None:
        """The field that holds `part`; None where the row has none of the usual names."""
        if named := getattr(self._config, part):
            return str(named) if self._row.values.get(named) is not None else None
        return next((name for name in FIELDS[part] if self._row.values.get(name) is not None), None)

    def _text(self, part: str) -> str:
        field = self._field(part)
        return "" if field is None else self._row.get(field, str, "")

    def fields(self) -> Iterator[tuple[str, str]]:
        """The fields that are read, each behind the option that names it."""
        has = [name for name, value in self._row.values.items() if value is not None]
        found = {part: field for part in FIELDS if (field := self._field(part))}
        talk = [] if self._config.instruction else [name for name in conversations.FIELDS if name in has]
        if talk:
            found = {part: field for part, field in found.items() if part in ("tests", "id", "split")}
            found |= {"instruction": talk[0], "answer": talk[0]}
        yield from found.items()
        if "tests" in found:
            names = [self._config.entry_point] if self._config.entry_point else tests.ENTRY_POINTS
            yield from [("entry_point", name) for name in names if name in has][:1]
            yield from (("tests", name) for name in tests.SETUPS if name in has)

    def split(self, of_file: str) -> str:
        """The split of this row, `of_file` where no field says it."""
        if of_file or not (text := self._text("split")):
            return of_file
        split = split_named(text)
        if split is None:
            raise DataError(f"{self._row.where}: {text!r} is no split; write train, validation or test")
        return split

    def problem(self, number: int) -> Problem:
        """The problem; `number` is its id where no field has one."""
        instruction, answers = self._exchange()
        field = self._field("tests")
        checks = field and tests.read_tests(self._row, field, self._config.entry_point, answers[0] if answers else "")
        if not answers and not checks:
            raise DataError(f"{self._row.where}: neither an answer nor tests{self._hint('answer')}")
        named = self._field("id")
        return Problem(self._row.id(named) if named else str(number), instruction, answers, checks or None)

    def _exchange(self) -> tuple[str, tuple[str, ...]]:
        """What is asked, and the answers."""
        if not self._config.instruction and (turns := conversations.exchange(self._row)) is not None:
            return turns[0].strip(), (code(turns[1]),)
        field = self._field("instruction")
        if field is None:
            raise DataError(f"{self._row.where}: nothing that says what to write{self._hint('instruction')}")
        below = self._text("input")
        instruction = self._row.get(field, str).strip()
        return f"{instruction}\n{below}" if below.strip() else instruction, self._answers()

    def _answers(self) -> tuple[str, ...]:
        field = self._field("answer")
        value: Any = None if field is None else self._row.values.get(field)
        found = value if isinstance(value, list) else [value] if value else []
        if not all(isinstance(one, str) for one in found):
            raise DataError(f"{self._row.where}: field {field!r} is no text and no list of texts; write code as text")
        return tuple(one for one in found if one.strip())

    def _hint(self, part: str) -> str:
        has = ", ".join(sorted(map(str, self._row.values))) or "nothing"
        return f" (the row has {has}); name the field with --set my.{part}=FIELD"


@hookimpl
def harness_tasks() -> list[Task]:
    """The task."""
    return [MyData()]
