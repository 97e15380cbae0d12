"""CodeAlpacaPy: the Python rows of CodeAlpaca, functions and small programs of several lines.

    ### Instruction:
    Write a function to calculate the standard deviation of data points in Python.
    ### Response:
    def stdev(data):
        ...

A row of its files; the copy on the hub has `nl` and `cmd`:

    {"instruction": "Write a function to double a number in Python.", "input": "", "output": "def f(x): return 2 * x"}

The study keeps rows whose code parses (section 4.2). From its curated copy the splits are taken as they are; from a
raw CodeAlpaca file the Python rows are kept, those that do not parse dropped, and the rest cut 70/10/20. Conversations
(`harness.data.conversations`) are read too: the user's words and the code in the answer.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.conversations import exchange
from harness.data.sources import DataRow, HubFiles, Source, divide, rows
from harness.errors import DataError
from harness.extract import code
from harness.plugin import Task
from harness.plugins.tasks.study_scripts import MARKERS, StudyScripts, scoring
from harness.records import Problem, Sampling, digest

_OTHER = re.compile(
    r"\b(javascript|typescript|java|c\+\+|c#|sql|html|css|php|ruby|rust|golang|swift|kotlin|bash|shell|perl|scala|"
    r"matlab|haskell|regex|regular expression|react|jquery|mysql|json|xml|yaml|latex)(?!\w)|\bR\b",
    re.IGNORECASE,
)
_PYTHON = re.compile(r"\bpython\b", re.IGNORECASE)
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


class CodeAlpacaPy(Task):
    """Python functions and small programs for an instruction, scored by exact match and CodeBLEU."""

    name = "codealpacapy"
    display_name = "CodeAlpacaPy"
    version = "1"
    reference = "Chaudhary, 2023 (CodeAlpaca); study: section 4.2"
    licence = "CC BY-NC 4.0"
    metrics: ClassVar[tuple[str, ...]] = ("exact_match", "codebleu")
    sizes: ClassVar[Mapping[str, int]] = {"train": 2192, "validation": 314, "test": 628}
    hub = HubFiles(
        "antolin/codealpaca-filtered",
        "2e2e5f16ccd5ab5891d6962cdff5453a62e8920b",
        {
            "train": "default/train/0000.parquet",
            "validation": "default/valid/0000.parquet",
            "test": "default/test/0000.parquet",
        },
    )

    def sampling(self) -> Sampling:
        """Beam search, 10 candidates of up to 128 tokens (study, section 4.6)."""
        return Sampling(candidates=10, max_new_tokens=128)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """Rows `instruction`, `input`, `output`, split by file name or, in a raw file, by a seeded 70/10/20 cut."""
        splits = source.splits()
        if set(splits) == {""}:
            return divide(read(splits[""], curated=False), SHARES, seed=42)
        return {split: read(files, curated=True) for split, files in splits.items()}

    def protocols(self) -> Mapping[str, Task]:
        """The study's own scripts."""
        return {"study": StudyCodeAlpacaPy()}


class StudyCodeAlpacaPy(StudyScripts, CodeAlpacaPy):
    """CodeAlpacaPy as the study's scripts ask and score it."""

    options: ClassVar[Mapping[str, Any]] = scoring(MARKERS)


def read(files: Sequence[Path], *, curated: bool) -> list[Problem]:
    """The problems of some files; of a raw (not curated) file only the Python rows that parse, each once."""
    problems: dict[str, Problem] = {}
    for file in files:
        for row in rows(file):
            problem = _problem(row)
            if curated and not parses(problem.reference):
                field = _answer_field(row)
                raise DataError(f"{row.where}: field {field!r} does not parse as Python; mend it or take the row out")
            if curated or (is_python(problem) and parses(problem.reference)):
                problems.setdefault(problem.id, problem)
    if not problems:
        raise DataError(f"{files[0]}: no Python row in this file; name another with --data PATH")
    return list(problems.values())


def _answer_field(row: DataRow) -> str:
    return next((name for name in ("messages", "conversations", "cmd") if row.values.get(name) is not None), "output")


def _problem(row: DataRow) -> Problem:
    if row.values.get("cmd") is not None:  # the curated copy on the hub names its columns as CoNaLa does
        text, output = row.get("nl", str), row.get("cmd", str)
        return Problem(digest([text, output])[:16], text, (output,))
    if (turns := exchange(row)) is not None:
        text, output = turns[0].strip(), code(turns[1])
        return Problem(digest([text, output])[:16], text, (output,))
    instruction, given = row.get("instruction", str), row.get("input", str, "")
    output = row.get("output", str)
    text = f"{instruction}\n{given}" if given.strip() and given.strip().lower() != "noinput" else instruction
    return Problem(digest([text, output])[:16], text, (output,))


def is_python(problem: Problem) -> bool:
    """Whether a CodeAlpaca row asks for Python: it says so, or it names no other language and answers with code."""
    if _PYTHON.search(problem.instruction):
        return True
    if _OTHER.search(problem.instruction):
        return False
    return any(mark in problem.reference for mark in ("def ", "print(", "import ", "lambda ", "return ", "for "))


def parses(code: str) -> bool:
    """Whether `code` is a Python program by the running interpreter's grammar."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a string is no reason to warn the user
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@hookimpl
def harness_tasks() -> list[Task]:
    """The task."""
    return [CodeAlpacaPy()]
