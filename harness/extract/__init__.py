"""Answer extraction: the code in a completion. Judging and all metrics use the same answer.

Models put code in a Markdown block, in prose, after reasoning, or before another turn of the conversation. Only the
code is the answer; the rest must neither cost nor earn a method points. `AnswerExtractor.extract` finds the answer and
tells which rules found it. `AnswerExtractor.is_complete` tells, during generation, that no further token can change it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.extract.fences import Block, answer_block, ends_in_docstring, has_unusual_fences, inline_code
from harness.extract.fences import blocks as fenced_blocks
from harness.extract.lines import (
    code_without_prose,
    interpreter_input,
    is_prose,
    normalised,
    parses,
    undo_markup,
    without_language_line,
)
from harness.extract.reasoning import after_reasoning
from harness.extract.turns import first_turn, label_end
from harness.extract.wrappers import opens_wrapper, tool_call_code, wrapped_text
from harness.records import Completion

VERSION = 6
"""Raised whenever a completion may be read as another answer than before; it is part of a run's identity."""
BARE, FENCED, INLINE, PROSE = "bare", "fenced", "inline", "prose around code"
REASONING, TURN, WRAPPED, SESSION = "after reasoning", "cut at a turn", "wrapped", "interpreter session"

_IMPORT = re.compile(r"(?:import|from)\s[^;]*$|(?:[Pp]ython3?|py)[ \t]*$", re.MULTILINE)
"""A line that stands before an answer of one line: an import, or the language's name, which belonged to a fence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The text that is scored, and the rules that found it, in the order in which they were applied."""

    text: str
    rules: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The rules in one text: "after reasoning, fenced"."""
        return ", ".join(self.rules)


@dataclass(frozen=True, slots=True)
class AnswerExtractor:
    """How the answers of one task are found.

    `markers` are the lines that begin a turn in the prompt's layout ("### Instruction:"); `stop` are the task's stop
    strings, which hold inside the answer and not for what stands before it; `languages` are the info strings of the
    task's own language, by their beginning; `entry_point` is a name that the answer has to define, where one is known;
    `opened_reasoning` is the marker of a reasoning that the prompt itself begins ("<think>").
    """

    markers: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("py", "ipython")
    entry_point: str = ""
    opened_reasoning: str = ""

    def extract(self, text: str) -> Answer:
        """The answer in `text`; "" where there is none, such as in reasoning that never ended."""
        rules: list[str] = []
        text = normalised(self.opened_reasoning + text)
        if (rest := after_reasoning(text)) != text:
            rules.append(REASONING)
        body = rest[label_end(rest, self.markers) :]
        if (end := first_turn(body, self.markers)) is not None:
            rules.append(TURN)
            body = body[:end]
        if (inner := _unwrapped(body)) is not None:
            rules.append(WRAPPED)
            body = inner
        code, rule = self._code(body)
        rules.append(rule)
        if (lines := interpreter_input(code)) is not None:
            rules.append(SESSION)
            code = lines
        stop = self._stop_strings(fenced=rule == FENCED)
        kept = cut(_from_first_code_line(undo_markup(without_language_line(code)), stop), stop)
        return Answer(undo_markup(kept.rstrip()), tuple(rules))

    def is_complete(self, text: str) -> bool:
        """Whether the answer in `text`, the beginning of a completion, is complete: more text would not change it."""
        text = normalised(self.opened_reasoning + text)
        rest = after_reasoning(text)
        if not rest.strip():
            return False
        body = rest[label_end(rest, self.markers) :]
        end = first_turn(body, self.markers, unfinished=True)
        if end is not None and body[:end].strip():
            return True
        blocks = fenced_blocks(body[: body.rfind("\n") + 1])  # what the last line is shows when it ends
        if blocks:
            whole = itertools.takewhile(lambda block: not ends_in_docstring(block.code), blocks)  # it may hold a fence
            answer = answer_block(blocks, self.languages, self.entry_point)
            return any(self._block_is_complete(block) and answer.endswith(block.code) for block in whole)
        body = _from_first_code_line(body, self.stop)
        kept = cut(body, self.stop)
        return len(kept) < len(body) and not (_may_precede_code(kept) or _IMPORT.match(kept) or opens_wrapper(kept))

    def _code(self, body: str) -> tuple[str, str]:
        if parses(body) and not has_unusual_fences(body) and not _may_precede_code(body):
            return body, BARE
        found = fenced_blocks(body)
        if found:
            return answer_block(found, self.languages, self.entry_point), FENCED
        if (span := inline_code(body)) is not None:
            return span, INLINE
        bare = code_without_prose(body)
        return (body, BARE) if bare is None else (bare, PROSE)

    def _stop_strings(self, *, fenced: bool) -> tuple[str, ...]:
        """In a block only stops that say what an answer is, a line or a paragraph, hold.

        A stop such as "\\ndef" tells where a bare continuation has run past its answer; there the fence does.
        """
        return tuple(stop for stop in self.stop if stop.isspace()) if fenced else self.stop

    def _block_is_complete(self, block: Block) -> bool:
        if not block.language.startswith(self.languages):
            return False
        if block.closed:
            return bool(block.code.strip()) and parses(block.code) and self.entry_point in block.code
        stop = self._stop_strings(fenced=True)
        body = _from_first_code_line(block.code, stop)
        kept = cut(body, stop)
        whole = parses(kept) or parses(f"{kept} pass")
        return len(kept) < len(body) and whole and not _may_precede_code(kept) and not _IMPORT.match(kept)


def _from_first_code_line(text: str, stop: Sequence[str]) -> str:
    """`text` from its first line on, which keeps its indentation; of an answer of one line from the first that is no
    comment and no import for what follows, where there is one."""
    lines = text.split("\n")
    rest = [i for i, line in enumerate(lines) if line.strip()]
    if "\n" in stop:
        rest = [i for i in rest if not lines[i].lstrip().startswith("#")] or rest
        rest = [i for i in rest if not _IMPORT.match(lines[i])] or rest
    return "\n".join(lines[rest[0] :]) if rest else ""


def _unwrapped(body: str) -> str | None:
    """What stands between the tags of an answer, or in a tool call; None for neither."""
    if (argument := tool_call_code(body)) is not None:
        return argument
    found = None if parses(body) else wrapped_text(body)
    return found[1] if found is not None and _may_precede_code(found[0]) else None


def _may_precede_code(text: str) -> bool:
    """Whether `text` may be words before the code rather than code: sentences, one capitalised word, comments."""
    return all(is_prose(line) or line.lstrip().startswith("#") for line in text.splitlines() if line.strip())


def as_completion(
    written: str, extractor: AnswerExtractor, tokens: int, logprob: float | None, finish: str
) -> Completion:
    """A completion whose text is the answer in `written`; `written` itself is kept where it is more than that."""
    answer = extractor.extract(written)
    raw = "" if written.strip() == answer.text.strip() else written
    return Completion(answer.text, tokens, logprob, finish, answer.rule, raw)


def readings(counts: Mapping[str, int]) -> str:
    """How many answers each rule found, the most frequent first: "120 bare, 3 fenced"."""
    return "; ".join(f"{count} {rule}" for rule, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def difference(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """The share of answers that would have to be found by another rule for two runs to be alike, 0 to 1."""
    totals = [max(1, sum(counts.values())) for counts in (first, second)]
    rules = {*first, *second}
    return sum(abs(first.get(r, 0) / totals[0] - second.get(r, 0) / totals[1]) for r in rules) / 2


def program(found: Completion) -> str:
    """The answer of a completion; one that an earlier version wrote is read now."""
    return found.text if found.rule else code(found.text)


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the stop strings, taken literally."""
    ends = [at for at in (text.find(s) for s in stop if s) if at >= 0]
    return text[: min(ends)] if ends else text


def code(text: str) -> str:
    """The Python program in `text`, read without a prompt's layout and stop strings."""
    return AnswerExtractor().extract(text).text
