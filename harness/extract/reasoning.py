"""Reasoning that a model writes before its answer."""

from __future__ import annotations

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
_TAG = re.compile(
    rf"(?P<open><(?:{_NAMES})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<unused94>|<\|channel>thought)"
    rf"|(?P<close></(?:{_NAMES})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<unused95>|<channel\|>)",
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")


def is_tag(token: str) -> bool:
    """Whether a tokenizer's special token begins or ends reasoning."""
    return _TAG.fullmatch(token.strip()) is not None


def after_reasoning(text: str) -> str:
    """`text` without its reasoning. "" while reasoning goes on; all before a lone closing tag is reasoning too, since
    many templates open it in the prompt.

    A tag counts only where it is not in a program: an opening one at the start of a line, none right after a quote.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels:  # gpt-oss: only the channel "final" is meant for the user
        return text[channels[-1].end() :] if channels[-1][1].lower() == "final" else ""
    kept, start, inside = [], 0, False
    for tag in _TAG.finditer(text):
        if text[tag.start() - 1 : tag.start()] in ("'", '"'):
            continue
        line = text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()]
        if tag["open"] and not inside and not line.strip():
            kept.append(text[start : tag.start()])
            inside = True
        elif tag["close"]:
            if not inside:
                kept.clear()
            start, inside = tag.end(), False
    return "".join(kept) + ("" if inside else text[start:])
