"""APPS: contest problems in three difficulties, judged by running their tests.

    ### Instruction:
    You are given a string s of n digits. Find the number of even substrings of s. …
    Use Standard Input format
    ### Response:
    n = int(input())
    …

A row of its files:

    {"problem_id": 1, "question": "Double it.", "difficulty": "introductory", "solutions": ["print(2 * int(input()))"],
     "input_output": {"inputs": ["4\\n"], "outputs": ["8\\n"]}}

Hendrycks et al., 2021. The study (section 4.2) tunes on 4,500 problems, validates on 500 and tests on 750: the first
250 of each difficulty. A problem is either a program that reads standard input or a function that is called
(`fn_name`). Read from the hub's JSON lines or from the original folders (`question.txt`, `input_output.json`, …).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.rows import text
from harness.data.sources import DataRow, HubFiles, Source, divide, rows
from harness.data.tests import inputs_and_outputs
from harness.errors import DataError
from harness.extract.whole import WholeText
from harness.options import NoConfig
from harness.plugin import Task
from harness.plugins.metrics.exported import cleaned
from harness.records import CallTests, Limits, Problem, Sampling, Tests

DIFFICULTIES = ("introductory", "interview", "competition")
PER_DIFFICULTY = 250
STDIN, CALL = "\nUse Standard Input format", "\nUse Call-Based format"


class Apps(Task):
    """Whole programs for contest problems, scored by the tests they pass and Pass@k."""

    name = "apps"
    display_name = "APPS"
    version = "1"
    reference = "Hendrycks et al., NeurIPS 2021 (arXiv:2105.09938); study: sections 4.2 and 5.4"
    licence = "MIT"
    metrics: ClassVar[tuple[str, ...]] = ("pass_at_k", "tests_passed")
    sizes: ClassVar[Mapping[str, int]] = {"train": 4500, "validation": 500, "test": 750}
    hub = HubFiles(
        "codeparrot/apps",
        "21e74ddf8de1a21436da12e3e653065c5213e9d1",
        {"train": "train.jsonl", "test": "test.jsonl"},
    )
    limits = Limits(cpu_seconds=4.0, wall_seconds=10.0)
    sample_epochs = 2.0

    def sampling(self) -> Sampling:
        """Five samples at temperature 0.6, top-p 0.95, up to 1,024 tokens (the study's test.py at commit 3f9a194)."""
        return Sampling(candidates=5, max_new_tokens=1024, temperature=0.6, top_p=0.95)

    def default_ks(self) -> tuple[int, ...]:
        """Pass@1, 2 and 5 (study, Table 4)."""
        return (1, 2, 5)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """All problems by split; of the test split the first 250 of each difficulty, each of which must have tests."""
        if source.root.is_dir() and any(source.root.rglob("question.txt")):
            rows_by_split = {split: list(_folder_rows(source.root / split)) for split in _folder_splits(source.root)}
        else:
            rows_by_split = {split: [row for f in files for row in rows(f)] for split, files in source.splits().items()}
        splits = {split: [self.problem(row) for row in part] for split, part in rows_by_split.items()}
        if "" in splits:
            splits = divide(splits[""], {"train": 0.7, "validation": 0.1, "test": 0.2}, seed=42)
        if "train" in splits and "validation" not in splits:
            splits |= self.with_validation(splits["train"])
        if "test" in splits:
            splits["test"] = first_of_each(splits["test"])
        return splits

    def problem(self, row: DataRow) -> Problem:
        """The problem of one row."""
        return _problem(row)

    def with_validation(self, train: Sequence[Problem]) -> Mapping[str, list[Problem]]:
        """The training problems without a tenth, which is the validation split."""
        return divide(train, {"train": 0.9, "validation": 0.1}, seed=42)

    def protocols(self) -> Mapping[str, Task]:
        """The study's own scripts."""
        return {"study": StudyApps()}


@dataclass(frozen=True, slots=True)
class StarterProblem(Problem):
    """A problem whose instruction is the question alone; `starter` is the code that an answer continues."""

    starter: str = ""


class StudyApps(Apps):
    """APPS as the study's scripts ask it (commit 3f9a194, train.py and test.py), after Code Llama's paper, appendix F.

    The prompt opens a Markdown block and writes the starter code into it; the answer ends where the block does, and is
    judged without that code.
    """

    Config: ClassVar[type] = NoConfig
    uses_chat: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Any]] = {"icl.draw": "plain"}

    def problem(self, row: DataRow) -> Problem:
        """The question as it is in the data."""
        made, starter = _problem(row), row.get("starter_code", str, "")
        return StarterProblem(made.id, row.get("question", str), made.references, made.tests, made.slice, starter)

    def with_validation(self, train: Sequence[Problem]) -> Mapping[str, list[Problem]]:
        """A tenth, drawn as `datasets` shuffles with the seed 42."""
        import numpy

        order = numpy.random.default_rng(42).permutation(len(train)).tolist()
        first = len(order) // 10
        return {"validation": [train[i] for i in order[:first]], "train": [train[i] for i in order[first:]]}

    def template(self, problem: Problem) -> str:
        """The prompt without examples."""
        return self.prompt(problem)

    def prompt(
        self,
        problem: Problem,
        examples: Sequence[Problem] = (),
        preamble: str = "",
        *,
        training: bool = False,
        seq2seq: bool = False,
    ) -> str:
        """The text of the scripts, which have no line before it and no starter code when tuning."""
        call = isinstance(problem.tests, CallTests)
        guide = "use the provided function signature" if call else "read from and write to standard IO"
        asked = (
            "[INST] Write a python code to solve the following coding problem that obeys the constraints and passes "
            f"the example test cases. The output code needs to {guide}:\n{problem.instruction}\n[/INST]\n```python\n"
        )
        if training and not examples:
            return asked
        shown = (
            f"### Instruction:\n{e.instruction}\n### Response:\n```python\n{e.reference}\n```\n\n" for e in examples
        )
        starter = getattr(problem, "starter", "")
        return "".join([*shown, asked, starter, "<extra_id_0>" if seq2seq else ""])

    def answer(self, problem: Problem) -> str:
        """One of the solutions, drawn by the problem's id, and the end of the block."""
        if not problem.references:
            return ""
        return f"{random.Random(problem.id).choice(problem.references).strip()}\n```"

    def extractor(self) -> WholeText:
        """What is written up to the end of the block."""
        return WholeText(stop=("```",))

    def code(self, answer: str) -> str:
        """The answer as the script's decoding leaves it: without blanks before punctuation, or at its ends."""
        return cleaned(answer).strip()


def first_of_each(problems: Sequence[Problem], count: int = PER_DIFFICULTY) -> list[Problem]:
    """The first `count` problems of each difficulty, in the order of the data."""
    seen: dict[str | None, int] = {}
    kept = []
    for problem in problems:
        seen[problem.slice] = seen.get(problem.slice, 0) + 1
        if seen[problem.slice] <= count:
            kept.append(problem)
    return kept


def _problem(row: DataRow) -> Problem:
    id = row.id("problem_id", "id")
    difficulty = row.get("difficulty", str)
    if difficulty not in DIFFICULTIES:
        raise DataError(f"{row.where}: field 'difficulty' is {difficulty!r}; write one of {', '.join(DIFFICULTIES)}")
    tests = _tests(row)
    starter = row.get("starter_code", str, "")
    form = CALL if isinstance(tests, CallTests) or (tests is None and starter.strip()) else STDIN
    instruction = row.get("question", str).strip() + (f"\n{starter.rstrip()}" if starter.strip() else "") + form
    return Problem(id, instruction, _solutions(row), tests, difficulty)


def _solutions(row: DataRow) -> tuple[str, ...]:
    if not row.values.get("solutions"):
        return ()
    solutions = row.json("solutions")
    if not isinstance(solutions, list) or not all(isinstance(one, str) for one in solutions):
        raise DataError(
            f"{row.where}: field 'solutions' is not a list of programs; write one, as JSON text or as a list"
        )
    return tuple(solutions)


def _tests(row: DataRow) -> Tests | None:
    # The original folders write null where there are no tests.
    if not row.values.get("input_output") or not (data := row.json("input_output")):
        return None
    return inputs_and_outputs(data, f"{row.where}: field 'input_output'")


def _folder_splits(root: Path) -> list[str]:
    splits = [split for split in ("train", "validation", "test") if (root / split).is_dir()]
    if not splits:
        raise DataError(f"{root}: expected the folders train/ and test/, each with one folder per problem")
    return splits


def _folder_rows(folder: Path) -> Iterator[DataRow]:
    for problem in sorted(p for p in folder.iterdir() if p.is_dir()):
        values = {
            field: text(problem / name)
            for field, name in (
                ("question", "question.txt"),
                ("solutions", "solutions.json"),
                ("input_output", "input_output.json"),
                ("starter_code", "starter_code.py"),
            )
            if (problem / name).is_file()
        }
        metadata = problem / "metadata.json"
        about = {"metadata": text(metadata)} if metadata.is_file() else {}
        extra = DataRow(about, str(metadata)).json("metadata") if about else {}
        difficulty = extra.get("difficulty") or _difficulty_by_id(folder.name, problem)
        yield DataRow({**values, "problem_id": problem.name, "difficulty": difficulty}, str(problem))


def _difficulty_by_id(split: str, problem: Path) -> str:
    """The original release numbers its test problems: interview below 3000, competition below 4000, introductory."""
    if split != "test" or not problem.name.isdigit():
        raise DataError(f"{problem}: no metadata.json with a difficulty")
    return "interview" if int(problem.name) < 3000 else "competition" if int(problem.name) < 4000 else "introductory"


@hookimpl
def harness_tasks() -> list[Task]:
    """The task."""
    return [Apps()]
