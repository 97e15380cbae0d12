"""CodeBLEU: n-grams, keyword-weighted n-grams, syntax and data-flow of the first candidate against the references.

Three profiles (docs/metrics.md has the evidence for every difference):

- `paper`: the evaluator of the study, which is CodeXGLUE's, with its quirks; `flatten` also joins lines as it did.
- `pypi`: the `codebleu` package 0.7.0.
- `fixed`: the same idea without the known defects.

A problem contributes whole numbers to sums over problems, and the four components are ratios of those sums: CodeBLEU
is a corpus measure, and a mean of per-problem scores is another, lower number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness import hookimpl
from harness.errors import unknown
from harness.plugin import Metric, option
from harness.plugins.metrics.exported import cleaned, cut
from harness.records import Completion, Execution, Problem, Score

if TYPE_CHECKING:
    from harness.plugins.metrics.pycode.pairs import Judge

SMOOTHING = 0.1
"""Stands for a numerator of 0 in an n-gram precision (Chen and Cherry 2014, method 1)."""
WEIGHT = 0.25
"""Of each component, and of each n-gram order."""


@dataclass(frozen=True)
class Config:
    """Options of `codebleu`."""

    profile: Literal["paper", "pypi", "fixed"] = option(
        "paper", "paper (the study's evaluator), pypi (the codebleu package 0.7.0) or fixed"
    )
    flatten: bool = option(False, "join all lines before scoring, as the study did on CoNaLa and CodeAlpaca")
    stop: tuple[str, ...] = option(
        (),
        "patterns at which the candidate ends, as the study's script cut it; none: where the answer ends",
        added=True,
    )
    clean_up: bool = option(
        False, "leave out blanks before punctuation on both sides, as the study's decoding did", added=True
    )


class CodeBLEU(Metric):
    """CodeBLEU of the first candidate, over the whole set of problems."""

    name = "codebleu"
    display_measures: ClassVar[Mapping[str, str]] = {"codebleu": "CodeBLEU"}
    reference = "Ren et al. 2020 (arXiv 2009.10297)"
    lower_is_better = ("unparsable",)
    Config = Config

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        if not problem.references:
            return Score(self.name, why="the problem has no reference")
        if not completions:
            return Score(self.name, why="the problem has no candidate")
        from harness.plugins.metrics.pycode.pairs import SUMS

        references, text = problem.references, completions[0].text
        if config.clean_up:
            references, text = tuple(map(cleaned, references)), cleaned(text)
        text = cut(text, config.stop) if config.stop else text
        counts = judge(config.profile, config.flatten).sums(references, text)
        sums = dict(zip(SUMS, map(float, counts), strict=True))
        values = {name: float(value) for name, value in measures(sums, 1).items() if value == value}  # noqa: PLR0124
        if "codebleu" not in values:
            return Score(self.name, why="the reference has no code")
        return Score(self.name, values=values, sums=sums)

    def combine(self, totals: Mapping[str, Any], n: Any) -> Mapping[str, Any]:
        return measures(totals, n)


def measures(totals: Mapping[str, Any], n: Any) -> dict[str, Any]:
    """CodeBLEU, its components and two shares of problems, from the sums over `n` problems; NaN where undefined.

    Works alike on numbers and on arrays of them, so a condition is a factor of 0 or 1.
    """
    fixed = totals["profile"] == 2 * n
    pypi = totals["profile"] == n
    length = totals["length"]
    ngram, has_ngram = _orders(totals, "ngram")
    ngram = ngram * _brevity(length, totals["reference_length"])
    weighted, has_weighted = _orders(totals, "weighted")
    weighted = weighted * _brevity(length, totals["weighted_reference_length"])
    syntax, has_syntax = _share(totals["syntax_match"], totals["syntax_total"])
    flow, has_flow = _share(totals["dataflow_match"], totals["dataflow_total"])
    weights = has_ngram + has_weighted + has_syntax + has_flow  # 4 unless something does not exist
    score = (ngram + weighted + syntax + flow) / (fixed * (weights + (weights == 0)) + (1 - fixed) * 4)
    score = score + pypi * (flow == 0) * WEIGHT  # the package adds a full component where data-flow is 0
    missing = [fixed * (1 - has) for has in (has_ngram, has_weighted, has_syntax, has_flow, 1.0 * (weights > 0))]
    parts = [ngram, weighted, syntax, flow, score]
    ngram, weighted, syntax, flow, score = (_or_nan(part, gap) for part, gap in zip(parts, missing, strict=True))
    return {
        "codebleu": score,
        "ngram": ngram,
        "weighted_ngram": weighted,
        "syntax": syntax,
        "dataflow": flow,
        "unparsable": totals["unparsable"] / n,
        "with_dataflow": totals["with_dataflow"] / n,
    }


def _orders(totals: Mapping[str, Any], part: str) -> tuple[Any, Any]:
    """Geometric mean of the smoothed ratios of orders 1-4, and whether there is any order.

    An order that no reference has does not exist; as published, sums are never below 1 and every order exists.
    """
    product: Any = 1.0
    exist = [1.0 * (totals[f"weighted_total_{order}"] > 0) for order in (1, 2, 3, 4)]
    number = exist[0] + exist[1] + exist[2] + exist[3]
    for order, exists in enumerate(exist, 1):
        fifth = 5 if part == "weighted" and order == 1 else 1
        match, total = totals[f"{part}_match_{order}"] / fifth, totals[f"{part}_total_{order}"] / fifth
        ratio = (match + SMOOTHING * (match == 0)) / (total + (total == 0))
        product = product * ratio ** (exists / (number + (number == 0)))
    return product * (totals[f"{part}_match_1"] > 0), 1.0 * (number > 0)


def _brevity(length: Any, reference_length: Any) -> Any:
    """BLEU's brevity penalty: 1 for a long enough text, 0 for an empty one."""
    excess = 1 - reference_length / (length + (length == 0))
    return math.e ** ((excess - abs(excess)) / 2) * (length > 0)


def _share(match: Any, total: Any) -> tuple[Any, Any]:
    return match / (total + (total == 0)), 1.0 * (total > 0)


def _or_nan(value: Any, missing: Any) -> Any:
    """`value`, or NaN where `missing` is 1."""
    if isinstance(missing, float):
        return math.nan if missing else value
    import numpy as np

    return np.where(missing, np.nan, value)


@lru_cache(maxsize=8)
def judge(profile: str, flatten: bool) -> Judge:
    """The judge of one profile, with what it remembers of the texts it has read.

    Raises:
        UsageError: no such profile.
    """
    from harness.plugins.metrics.pycode.pairs import PROFILES, Judge

    if profile not in PROFILES:
        raise unknown("profile of codebleu", profile, PROFILES)
    return Judge(profile, flatten)


@hookimpl
def harness_metrics() -> list[Metric]:
    """CodeBLEU."""
    return [CodeBLEU()]
