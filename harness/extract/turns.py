"""Where the answer's turn begins and ends: end markers of tokenizers, and the lines of the prompt's own layout."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

_NAMES = (
    r"/?s|/?assistant|/?user|bos|eos|pad|eot|eod|eom|eop|eof|EOT|end|sep|endoftext|end_of_text|end_of_turn|"
    r"start_of_turn|end_of_utterance|end_of_response|turn\||\|turn|fim_\w+|file_sep|repo_name|reponame|filename|"
    r"jupyter_\w+|issue_\w+|commit_\w+|empty_output"
)
_SPECIAL = (
    rf"<\|[A-Za-z_][\w. -]{{0,40}}\|>|<｜[^｜>\n]{{1,40}}｜>|<(?:{_NAMES})>"
    r"|\[/?INST\]|<</?SYS>>|\[(?:EOS|SEP|PAD|CLS)\]"
)
_END = re.compile(_SPECIAL)
_CUT_TAG = re.compile(r"(?:<\|[A-Za-z_][\w. -]{0,40}\|?|<｜[^｜>\n]{1,40}｜?)\Z")
LONGEST_END = 64
"""Characters; no end marker is longer."""
_LEADING = re.compile(rf"(?:\s*(?:{_SPECIAL}))*(?:\s*assistant\s*(?:\n|(?:{_SPECIAL})))?")
_LABEL = re.compile(
    r"\s*(?:\*\*)?(?:The )?(?:Answer|Output|Code|Solution|Python|Python [Cc]ode|Response|Result|Program"
    r"|(?<=The )(?:answer|code|solution|program)(?: is)?)(?:\*\*)?\s*:(?:\*\*)?[ \t]*(?=\S|\n)"
)


def is_end(token: str) -> bool:
    """Whether a tokenizer's special token ends a turn, such as `<|im_end|>`, and is no part of an answer's text."""
    return _END.fullmatch(token.strip()) is not None


def may_end_turn(tail: str, markers: Sequence[str]) -> bool:
    """Whether an end marker or a line that begins a turn stands in `tail`, the end of a text; spaces do not matter."""
    return _END.search(tail) is not None or (bool(markers) and _lines(tuple(markers)).search(tail) is not None)


def label_end(text: str, markers: Sequence[str]) -> int:
    """Where the answer begins: behind special tokens, a repeated prompt, a repeated "### Response:" or "Answer:"."""
    start = _LEADING.match(text)
    at = start.end() if start and start.group().strip() else 0
    if markers:
        first, last = _lines(tuple(markers[:1])), _lines(tuple(markers[-1:]))
        if found := last.match(text, at) or (first.match(text, at) and last.search(text, at)):
            at = found.end()
    label = _LABEL.match(text, at)
    return label.end() if label else at


def first_turn(text: str, markers: Sequence[str], *, unfinished: bool = False) -> int | None:
    """Where the answer's turn ends: at an end marker that no string literal holds, or a line that begins a turn.

    The last line of an `unfinished` text may still close a string. In a finished one it may be the beginning of a
    marker, at which the token limit came.
    """
    ends = [m.start() for m in _END.finditer(text) if not quoted(text, m, unfinished)][:1]
    if markers and (line := _lines(tuple(markers)).search(text)):
        ends.append(line.start())
    if not unfinished and (start := _cut_marker(text, markers)) is not None:
        ends.append(start)
    return min(ends, default=None)


def _cut_marker(text: str, markers: Sequence[str]) -> int | None:
    """Where the beginning of a marker stands at the end of `text`; None where it ends with something else.

    Of a line that begins a turn three characters are needed, and a first one that begins no word of a program.
    """
    if (tag := _CUT_TAG.search(text)) is not None and not quoted(text, tag):
        return tag.start()
    start = text.rfind("\n") + 1
    line = "".join(text[start:].split())
    begins = any("".join(marker.split()).startswith(line) for marker in markers)
    return start if begins and len(line) >= 3 and not line[0].isalnum() else None


@functools.cache
def _lines(markers: tuple[str, ...]) -> re.Pattern[str]:
    """Any of `markers` at the start of a line, however its words are spaced."""
    words = (r"\s*".join(re.escape(word) for word in re.findall(r"\w+|[^\w\s]+", marker)) for marker in markers)
    return re.compile(rf"^[ \t]*(?:{'|'.join(words)})[ \t]*\n?", re.MULTILINE)


def quoted(text: str, found: re.Match[str], unfinished: bool = False) -> bool:
    """Whether `found` stands in a string literal that begins and ends on its line; the last line of an `unfinished`
    text may still end it."""
    start = text.rfind("\n", 0, found.start()) + 1
    quote, at = "", start
    while at < found.start():
        if text[at] == "\\":
            at += 1
        elif quote:
            quote = "" if text[at] == quote else quote
        elif text[at] in "'\"":
            quote = text[at]
        at += 1
    end = text.find("\n", found.end())
    return bool(quote) and ((unfinished and end < 0) or quote in text[found.end() : len(text) if end < 0 else end])
