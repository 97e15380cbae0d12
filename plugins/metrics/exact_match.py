"""EM@k: is the reference among the first k candidates, character for character?

Three normalisations of both sides (docs/metrics.md has the evidence for each):

- `literal`: cut at an end marker, line ends to LF, stripped. What "exact match" is usually taken to mean.
- `paper`: as the study's evaluator did, with its unescaped pattern that cuts every candidate at `<` or `>`
  (`harness.plugins.metrics.exported`).
- `ast`: equal syntax trees, so that spacing, quotes, redundant parentheses and comments do not count.

A completion arrives already cut at its task's stop strings, so none of them needs to know whether the task's answers
are one-liners; only an end marker that a tokenizer left in the text is cut here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from harness import hookimpl
from harness.errors import unknown
from harness.plugin import Metric, option
from harness.plugins.metrics.exported import cleaned, cut
from harness.records import Completion, Execution, Problem, Score

NORMALISATIONS = ("literal", "paper", "ast")


@dataclass(frozen=True)
class Config:
    """Options of `exact_match`."""

    normalisation: Literal["literal", "paper", "ast"] = option(
        "literal", "what em@k means: literal, paper or ast; the other two are em@k/NAME"
    )
    stop: tuple[str, ...] = option(("<|endoftext|>", "</s>"), "texts at which a candidate ends, beside the task's own")
    clean_up: bool = option(
        False, "in paper: leave out blanks before punctuation on both sides, as the study's decoding did", added=True
    )


class ExactMatch(Metric):
    """Share of problems whose reference equals one of the first k candidates."""

    name = "exact_match"
    display_measures: ClassVar[Mapping[str, str]] = {"em": "EM"}
    reference = "Weyssow et al. 2023 (arXiv 2308.10462), section 4.5"
    Config = Config

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        if config.normalisation not in NORMALISATIONS:
            raise unknown("normalisation of exact_match", config.normalisation, NORMALISATIONS)
        if not problem.references:
            return Score(self.name, why="the problem has no reference")
        values = {}
        for name in (config.normalisation, *(n for n in NORMALISATIONS if n != config.normalisation)):
            suffix = "" if name == config.normalisation else f"/{name}"
            texts = [c.text for c in completions]
            hit = first_hit(problem.reference, texts, name, config.stop, clean_up=config.clean_up)
            values.update({f"em@{k}{suffix}": float(hit is not None and hit <= k) for k in ks})
        return Score(self.name, values=values)


def first_hit(
    reference: str, candidates: Sequence[str], normalisation: str, stop: Sequence[str], *, clean_up: bool = False
) -> int | None:
    """1-based rank of the first candidate that equals the reference; None when none does."""
    normalised: Iterator[object]
    if normalisation == "paper":
        wanted: object = _flat(cleaned(reference) if clean_up else reference)
        normalised = (_flat(cut(cleaned(text) if clean_up else text, stop)) for text in candidates)
    elif normalisation == "literal":
        wanted = _literal(reference, ())
        normalised = (_literal(text, stop) for text in candidates)
    else:
        wanted = _tree(_literal(reference, ()))
        normalised = (_tree(_literal(text, stop)) for text in candidates)
    return next((rank for rank, text in enumerate(normalised, 1) if text == wanted), None)


def _flat(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ")


def _literal(text: str, stop: Sequence[str]) -> str:
    text = text.strip()
    end = min((at for at in (text.find(marker) for marker in stop) if at >= 0), default=len(text))
    return text[:end].replace("\r\n", "\n").strip()


def _tree(text: str) -> object:
    """What two texts with the same syntax tree share; the text itself where Python cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a candidate's invalid escape is no news to the user
            return (ast.dump(ast.parse(text)),)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


@hookimpl
def harness_metrics() -> list[Metric]:
    """EM@k."""
    return [ExactMatch()]
