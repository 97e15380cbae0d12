"""The reader that fits a task's prompts: the lines with which they begin a turn are found in the prompt itself."""

from __future__ import annotations

import keyword
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.extract import AnswerExtractor
from harness.records import Problem

if TYPE_CHECKING:
    from harness.modeling.chat import Chat
    from harness.plugin import Task

_STAND_IN = "\ue000instruction\ue001"
_HEADING = re.compile(r"(?:[#*\[<]+.*\w.*|.*\w.*[:\]>])")


def reader(task: Task, problem: Problem, stop: tuple[str, ...], preamble: str = "") -> AnswerExtractor:
    """How a completion for `problem` is read; `preamble` is the line that its method sets before the prompts.

    Turns are told by the heading before the instruction and the one before the answer, so that a task of any package
    gets its own. Lines that could be code, such as the head of a function, are no headings. A task may have its own way
    to read (`Task.extractor`).
    """
    if (own := task.extractor()) is not None:
        return own
    before, separator, after = task.template(replace(problem, instruction=_STAND_IN)).partition(_STAND_IN)
    lines = [preamble, *(_headings(before)[:1] if separator else ()), *_headings(after)[-1:]]
    entry_point = str(getattr(problem.tests, "entry_point", "")).split(" ")[0]  # tests may be about several names
    return AnswerExtractor(tuple(line for line in lines if line), stop, task.languages, entry_point)


def in_chat(plain: AnswerExtractor, chat: Chat) -> AnswerExtractor:
    """`plain` for a model that is talked to through a chat template.

    Where turns end with no token of their own, the text that begins the next one is a marker too.
    """
    markers = plain.markers
    if chat.end.token is None and chat.stop_marker:
        markers = (*markers[:-1], chat.stop_marker.splitlines()[0], *markers[-1:])
    return replace(plain, markers=markers, opened_reasoning=chat.opened_reasoning)


def _headings(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line for line in lines if _HEADING.fullmatch(line) and line.split()[0] not in keyword.kwlist]
