"""CoNaLa: one-line answers to questions that programmers asked on Stack Overflow.

    ### Instruction:
    sort list `xs` by the second item of each tuple
    ### Response:
    xs.sort(key=lambda pair: pair[1])

A row of its files; the original release has `intent`, `rewritten_intent` and `snippet`:

    {"question_id": "1-1", "nl": "sort list `xs` by the second item", "cmd": "xs.sort(key=lambda pair: pair[1])"}

The curated split of DocPrompting (Zhou et al., ICLR 2023), which the study uses (section 4.2): every validation and
test problem needs a function that no training problem uses. The original release is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.sources import DataRow, HubFiles, Source, rows
from harness.plugin import Task
from harness.plugins.tasks.study_scripts import MARKERS, StudyScripts, scoring
from harness.records import Problem, Sampling


class Conala(Task):
    """One-line Python for a natural-language intent, scored by exact match and CodeBLEU."""

    name = "conala"
    display_name = "CoNaLa"
    version = "1"
    reference = "Yin et al., MSR 2018 (arXiv:1805.08949); split: Zhou et al., ICLR 2023; study: section 4.2"
    licence = "CC BY-SA 4.0 (Stack Overflow)"
    metrics: ClassVar[tuple[str, ...]] = ("exact_match", "codebleu")
    sizes: ClassVar[Mapping[str, int]] = {"train": 2135, "validation": 201, "test": 543}
    hub = HubFiles(
        "neulab/docprompting-conala",
        "e55cf1e558759c677795f6188dd89d2f8bbb7633",
        {"train": "conala-train.jsonl", "validation": "conala-dev.jsonl", "test": "conala-test.jsonl"},
    )

    form = "Answer with one line of Python code only."

    def sampling(self) -> Sampling:
        """Beam search, 10 candidates of up to 64 tokens, cut at the first line's end (study, section 4.6)."""
        return Sampling(candidates=10, max_new_tokens=64, stop=("\n",))

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        """DocPrompting's `nl`/`cmd` rows, or the original release's `intent`/`rewritten_intent`/`snippet` rows."""
        return {split: read(files) for split, files in source.splits().items()}

    def protocols(self) -> Mapping[str, Task]:
        """The study's own scripts."""
        return {"study": StudyConala()}


class StudyConala(StudyScripts, Conala):
    """CoNaLa as the study's scripts ask and score it."""

    options: ClassVar[Mapping[str, Any]] = scoring((*MARKERS, "\n"))

    def sampling(self) -> Sampling:
        """Ten beams of up to 64 tokens, none of which ends at a line's end."""
        return replace(super().sampling(), stop=())


def read(files: Sequence[Path]) -> list[Problem]:
    """The problems of one split; an id that comes back (several answers to one question) gets a number."""
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for file in files:
        for row in rows(file):
            question, instruction, reference = _fields(row)
            seen[question] = seen.get(question, 0) + 1
            id = question if seen[question] == 1 else f"{question}#{seen[question]}"
            problems.append(Problem(id, instruction, (reference,)))
    return problems


def _fields(row: DataRow) -> tuple[str, str, str]:
    if "snippet" in row.values:
        intent = row.get("rewritten_intent", str, row.get("intent", str))
        return row.id("question_id"), intent.strip(), row.get("snippet", str)
    return row.id("question_id"), row.get("nl", str), row.get("cmd", str)


@hookimpl
def harness_tasks() -> list[Task]:
    """The task."""
    return [Conala()]
