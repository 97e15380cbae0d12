"""The layouts in which pairs stand in the corpus: comments, doctests, questions and answers, notebooks, programs.

A document holds one or several pairs in one layout, so that what stands earlier in it shows how to go on.  None of the
layouts is the template that `harness` prompts with: that is left for tuning to learn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from recipe.model import functions, idioms
from recipe.model.contamination import Blocklist
from recipe.model.idioms import Pair


def _commented(text: str) -> str:
    return "\n".join(f"# {line}" if line else "#" for line in text.split("\n"))


def _prompted(code: str) -> str:
    first, *rest = code.split("\n")
    return "\n".join([f">>> {first}", *(f"... {line}" for line in rest)])


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in code.split("\n"))


Layout = Callable[[Pair, int], str]
SHORT: list[Layout] = [
    lambda p, _: f"# {p.intent}\n{p.code}\n",
    lambda p, _: f"# {p.intent}\n{p.code}\n",
    lambda p, _: f"{p.intent}\n{p.code}\n",
    lambda p, _: f"Q: {p.intent}\nA: {p.code}\n",
    lambda p, _: f"# Q: {p.intent}\n# A:\n{p.code}\n",
    lambda p, _: f'"""{p.intent}"""\n{p.code}\n',
    lambda p, _: f"{p.intent}:\n\n{_indented(p.code)}\n",
    lambda p, _: f"{p.intent}\n\n{_prompted(p.code)}\n",
    lambda p, _: f"### {p.intent}\n\n```python\n{p.code}\n```\n",
    lambda p, _: f"**{p.intent}**\n```python\n{p.code}\n```\n",
    lambda p, _: f"Task: {p.intent}\nCode:\n{p.code}\n",
    lambda p, _: f"Question:\n{p.intent}\n\nAnswer:\n{p.code}\n",
    lambda p, i: f"In [{i}]: # {p.intent}\n{p.code}\n",
    lambda p, i: f"{i}. {p.intent}\n{p.code}\n",
    lambda p, _: f"[intent] {p.intent}\n[python]\n{p.code}\n",
]
LONG: list[Layout] = [
    lambda p, _: f'"""\n{p.intent}\n"""\n{p.code}\n',
    lambda p, _: f'"""{p.intent}"""\n\n{p.code}\n',
    lambda p, _: f"{_commented(p.intent)}\n{p.code}\n",
    lambda p, _: f"{p.intent}\n\n{p.code}\n",
    lambda p, _: f"Problem:\n{p.intent}\n\nProgram:\n{p.code}\n",
    lambda p, i: f"Task {i}\n{p.intent}\n\nPython\n{p.code}\n",
    lambda p, i: f"## Problem {i}\n\n{p.intent}\n\n```python\n{p.code}\n```\n",
    lambda p, _: f"QUESTION\n{p.intent}\nCODE\n{p.code}\n",
]


def documents(seed: int, blocked: Blocklist, *, short: float = 0.5) -> Iterator[str]:
    """Documents of generated pairs without end.  *short* is the share of documents with one-line idioms.

    A pair that *blocked* finds in a test set (the same or nearly) is left out, and counted there.
    """
    rng = random.Random(seed)
    one_liners, programs = idioms.pairs(rng), functions.pairs(rng)
    while True:
        is_short = rng.random() < short
        source, layouts = (
            (one_liners, SHORT) if is_short else (programs, LONG + SHORT[:1] if rng.random() < 0.6 else LONG)
        )
        layout = rng.choice(layouts)
        many = rng.choice([1, 1, 1, 1, 2, 3, 5, 10]) if is_short else rng.choice([1, 1, 1, 1, 2, 4])
        texts = []
        for number in range(1, many + 1):
            pair = _allowed(source, blocked)
            texts.append(layout(pair, number))
        yield "\n".join(texts).strip("\n")


def _allowed(source: Iterator[Pair], blocked: Blocklist) -> Pair:
    while True:
        pair = next(source)
        if not blocked.contains(pair.intent, pair.code):
            return pair
