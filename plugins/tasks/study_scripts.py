"""What the scripts of the study ask and how they score, for its two tasks with short answers (`--protocol study`).

    Generate Python code given a natural language instruction.
    ### Instruction:
    sort list `xs`                                ← 32 blanks more, behind an example's instruction
    ### Response:
    xs.sort()

    ### Instruction:
    …

Replication package martin-wey/peft-llm-code, commit c55e532 (train.py, test.py): one line end before each prompt when
testing and none when tuning; for encoder-decoder models a sentinel behind the prompt, and another line before it when
tuning. Nothing is looked for in what a model writes. It is cut when it is scored: `harness.plugins.metrics.exported`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.extract.whole import WholeText
from harness.options import NoConfig
from harness.plugin import Task
from harness.records import Problem

MARKERS = ("<|endoftext|>", "</s>")
"""What ends a candidate of every task."""
_INDENT = " " * 32
"""A continued string of the script takes the next line's indentation with it."""


class StudyScripts(Task):
    """Prompts and scoring as in the study's scripts; mixed into a task."""

    Config: ClassVar[type] = NoConfig
    uses_chat: ClassVar[bool] = False

    def template(self, problem: Problem) -> str:
        """The prompt for a model that was tuned."""
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
        """The text of the scripts; examples stand in the order in which they were drawn or found."""
        asked = f"### Instruction:\n{problem.instruction}\n### Response:\n"
        if training and not (preamble or examples):
            return f"Generate Python code: {asked}" if seq2seq else asked
        shown = (f"\n### Instruction:\n{e.instruction}{_INDENT}\n### Response:\n{e.reference}\n" for e in examples)
        return "".join([preamble, *shown, f"\n{asked}", "<extra_id_0>" if seq2seq else ""])

    def extractor(self) -> WholeText:
        """The whole completion: a beam goes on where the scripts cut it afterwards."""
        return WholeText()


def scoring(stop: tuple[str, ...]) -> Mapping[str, Any]:
    """Options under which the metrics compute what the scripts did with candidates that end at `stop`, and theirs for
    methods where the paper's text says something else."""
    return {
        "exact_match.normalisation": "paper",
        "exact_match.stop": stop,
        "exact_match.clean_up": True,
        "codebleu.profile": "paper",
        "codebleu.flatten": True,
        "codebleu.stop": stop,
        "codebleu.clean_up": True,
        "icl.draw": "plain",
        "ia3.learning_rate": 3e-3,
    }
