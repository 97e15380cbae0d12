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

A model that is talked to reads no such headings: the user says the instruction, and before the first one what the
answer is to look like (`Task.request`, `Task.form`).

Examples that do not fit the context are dropped whole, the least useful first, and counted. Only a problem that does
not fit by itself loses the end of its instruction, and that is counted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from harness.modeling.base import Base
from harness.modeling.chat import Chat
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
    reworded: int = 0
    """Examples whose text the prompting method changed."""

    @property
    def digest(self) -> str:
        """sha256 of the text; in the record, so that two runs can be seen to have asked the same."""
        return digest(self.text)


class Template(Protocol):
    """What of a task stands in a prompt (`harness.plugin.Task`)."""

    form: ClassVar[str]
    """What a model that is talked to is told once of the answer's form."""

    def template(self, problem: Problem) -> str:
        """The prompt of one problem, up to where the answer begins."""

    def request(self, problem: Problem) -> str:
        """What the user says of one problem to a model that is talked to."""

    def answer(self, problem: Problem) -> str:
        """What stands there for an example, and is taught."""

    def prompt(
        self, problem: Problem, examples: Sequence[Problem], preamble: str, *, training: bool, seq2seq: bool
    ) -> str:
        """The whole text that the model continues, where no chat template is used."""


@dataclass(frozen=True)
class PromptBuilder:
    """How prompts are laid out for one task on one model: templates, chat or not, and the room there is."""

    task: Template
    base: Base
    preamble: str = ""
    max_new_tokens: int = 0
    training: bool = False

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
        """The prompt's text; as a rule the most useful example stands last, next to the problem.

        For a chat model each example is a turn of the user's and one of the assistant's.
        """
        if self.base.chat is not None:
            return self._chat(self.base.chat, problem, examples)
        kind = {"training": self.training, "seq2seq": self.base.seq2seq}
        return self.task.prompt(problem, examples, self.preamble, **kind)

    def _chat(self, chat: Chat, problem: Problem, examples: Sequence[Problem]) -> str:
        turns = []
        for example in reversed(examples):
            turns.append(("user", self.task.request(example)))
            turns.append(("assistant", self.task.answer(example)))
        turns.append(("user", self.task.request(problem)))
        if self.preamble:
            turns[0] = ("user", f"{self.preamble} {self.task.form}".rstrip() + f"\n\n{turns[0][1]}")
        return chat.prompt(turns)

    def encode(self, text: str) -> tuple[int, ...]:
        """The prompt's tokens, with the model's start token and, for an encoder, its end token.

        A chat template writes both itself, wherever they belong.
        """
        tokenizer = self.base.tokenizer
        if self.base.chat is not None:
            return tuple(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        tokens = tokenizer(text, verbose=False)["input_ids"]
        if not self.base.seq2seq and len(tokens) > 1 and tokens[-1] == tokenizer.eos_token_id:
            tokens = tokens[:-1]
        return tuple(tokens)

    def encode_answer(self, prompt: Prompt, text: str) -> tuple[int, ...]:
        """The answer's tokens with what ends it: what tuning teaches after the prompt.

        Under a chat template that is the end of the model's turn, and prompt and answer together are what the template
        writes.
        """
        end = self.base.tokenizer.eos_token_id
        chat = self.base.chat
        if chat is None or self.base.seq2seq:
            return (*self._plain(text), end)
        text = chat.answer(text)
        whole = self.encode(prompt.text + text)
        answer = whole[len(prompt.tokens) :]
        if whole[: len(prompt.tokens)] != prompt.tokens:
            answer = self._behind(text)
        return answer if chat.end.token is not None else (*answer, end)

    def _plain(self, text: str) -> tuple[int, ...]:
        return tuple(self.base.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _behind(self, text: str) -> tuple[int, ...]:
        """The tokens of `text` behind other text; some tokenizers put a space before what they take for a beginning."""
        for other in ("\n", ":", "."):
            before, tokens = self._plain(other), self._plain(other + text)
            if tokens[: len(before)] == before:
                return tokens[len(before) :]
        return self._plain(text)

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
