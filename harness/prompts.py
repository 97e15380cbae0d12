"""From a problem to the text and tokens that the model continues.

A prompt is the task's template, preceded by examples when the method chose some (study, section 4.3, and its test.py):

    Generate Python code given a natural language instruction.

    ### Instruction:
    {an example's instruction}
    ### Response:
    {its code}

    ### Instruction:
    {the problem's instruction}
    ### Response:

Examples that do not fit the context are dropped whole, the least useful first, and counted. Only a problem that does
not fit by itself loses the end of its instruction, and that is counted too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from harness.model import Base
from harness.plugin import Task
from harness.records import Problem, digest


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads for one problem, and what became of the examples."""

    id: str
    text: str
    tokens: tuple[int, ...]
    examples: tuple[str, ...] = ()
    dropped: int = 0
    leaks: int = 0
    truncated: bool = False

    @property
    def digest(self) -> str:
        """sha256 of the text; in the record, so that two runs can be seen to have asked the same."""
        return digest(self.text)


@dataclass(frozen=True)
class Pool:
    """The training problems that examples may come from."""

    problems: Sequence[Problem]
    seed: int
    cache: Any = None
    """A folder for indexes, shared between runs; None for none."""

    @cached_property
    def digest(self) -> str:
        """Identifies the pool's instructions and answers."""
        return digest([[p.id, p.instruction, p.reference] for p in self.problems])

    @cached_property
    def _keys(self) -> tuple[list[str], list[str]]:
        keys = [_keys(problem) for problem in self.problems]
        return [instruction for instruction, _ in keys], [answer for _, answer in keys]

    @cached_property
    def _found(self) -> dict[str, frozenset[int]]:
        return {}

    def leaks(self, problem: Problem) -> frozenset[int]:
        """Indexes of pool problems that are `problem` itself or a near-duplicate, which must not be shown for it.

        Near-duplicates have instructions that are at least 95 % alike (normalised edit distance, after dropping case,
        punctuation and white space) or one answer of at least 25 characters (shorter ones, such as `x.sort()`, are
        shared by honest neighbours).
        """
        from rapidfuzz import fuzz, process

        instruction, answer = _keys(problem)
        known = digest([instruction, answer])
        if known not in self._found:
            instructions, answers = self._keys
            alike = process.extract_iter(instruction, instructions, scorer=fuzz.ratio, score_cutoff=ALIKE)
            same = (i for i, theirs in enumerate(answers) if theirs == answer and len(answer) >= 25)
            itself = (i for i, theirs in enumerate(self.problems) if theirs.id == problem.id)
            self._found[known] = frozenset([*(i for _, _, i in alike), *same, *itself])
        return self._found[known]


ALIKE = 95.0
"""Percent of likeness from which two instructions are near-duplicates."""
_NOISE = re.compile(r"[\W_]+")


def _keys(problem: Problem) -> tuple[str, str]:
    return _NOISE.sub(" ", problem.instruction.lower()).strip(), "".join(problem.reference.split())


@dataclass(frozen=True)
class Layout:
    """How prompts are laid out for one task on one model: templates, chat or not, and the room there is."""

    task: Task
    base: Base
    preamble: str = ""
    max_new_tokens: int = 0

    @property
    def room(self) -> int:
        """Tokens a prompt may have. A quarter of the context is always kept for the answer."""
        reserve = min(self.max_new_tokens, self.base.context // 4)
        return self.base.context - reserve - self.base.virtual_tokens

    def prompt(self, problem: Problem, examples: Sequence[Problem] = (), leaks: int = 0) -> Prompt:
        """The prompt of one problem with as many of `examples` (most useful first) as fit."""
        kept = list(examples)
        text = self.text(problem, kept)
        tokens = self.encode(text)
        while len(tokens) > self.room and kept:
            kept.pop()
            text = self.text(problem, kept)
            tokens = self.encode(text)
        truncated = len(tokens) > self.room
        if truncated:
            text, tokens = self._shortened(problem)
        ids = tuple(example.id for example in kept)
        return Prompt(problem.id, text, tokens, ids, len(examples) - len(kept), leaks, truncated)

    def text(self, problem: Problem, examples: Sequence[Problem]) -> str:
        """The prompt's text; the most useful example stands last, next to the problem.

        For a chat model each example is a turn of the user's and one of the assistant's.
        """
        if self.base.spec.chat:
            return self._chat(problem, examples)
        blocks = [f"{self.preamble}\n\n"] if self.preamble else []
        blocks += [f"{self.task.template(e)}{self.task.answer(e)}\n\n" for e in reversed(examples)]
        return "".join([*blocks, self.task.template(problem)])

    def _chat(self, problem: Problem, examples: Sequence[Problem]) -> str:
        turns = []
        for example in reversed(examples):
            turns.append({"role": "user", "content": self.task.template(example)})
            turns.append({"role": "assistant", "content": self.task.answer(example)})
        turns.append({"role": "user", "content": self.task.template(problem)})
        if self.preamble:
            turns[0]["content"] = f"{self.preamble}\n\n{turns[0]['content']}"
        return str(self.base.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def encode(self, text: str) -> tuple[int, ...]:
        """The prompt's tokens, with the model's start token and, for an encoder, its end token."""
        special = not self.base.spec.chat
        tokens = self.base.tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]
        if not self.base.seq2seq and len(tokens) > 1 and tokens[-1] == self.base.tokenizer.eos_token_id:
            tokens = tokens[:-1]
        return tuple(tokens)

    def encode_answer(self, text: str) -> tuple[int, ...]:
        """The answer's tokens with the end token: what tuning teaches after the prompt."""
        tokens = self.base.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return (*tokens, self.base.tokenizer.eos_token_id)

    def _shortened(self, problem: Problem) -> tuple[str, tuple[int, ...]]:
        """The template around as much of the instruction's beginning as fits; the response marker stays whole."""
        low, high = 0, len(problem.instruction)
        while low < high:
            middle = (low + high + 1) // 2
            shorter = replace(problem, instruction=problem.instruction[:middle])
            if len(self.encode(self.text(shorter, ()))) <= self.room:
                low = middle
            else:
                high = middle - 1
        text = self.text(replace(problem, instruction=problem.instruction[:low]), ())
        return text, self.encode(text)
