"""BLEU of the first candidate, counted by sacrebleu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

from harness import hookimpl
from harness.errors import unknown
from harness.plugin import Metric, option
from harness.records import Completion, Execution, Problem, Score

ORDERS = (1, 2, 3, 4)
TOKENIZERS = ("13a", "none")


@dataclass(frozen=True)
class Config:
    """Options of `bleu`."""

    tokenize: Literal["13a", "none"] = option("13a", "how sacrebleu splits text: 13a (mteval) or none (at white space)")


class Bleu(Metric):
    """Corpus BLEU-4 with sacrebleu's exponential smoothing, as a share of 1.

    A problem's own value uses the orders that its candidate has, as sacrebleu does for sentences.
    """

    name = "bleu"
    display_measures: ClassVar[Mapping[str, str]] = {"bleu": "BLEU"}
    reference = "Papineni et al. 2002; Post 2018 (arXiv 1804.08771)"
    Config = Config

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        if not problem.references or not completions:
            return Score(self.name, why="the problem has no reference or no candidate")
        if config.tokenize not in TOKENIZERS:
            raise unknown("tokenizer of bleu", config.tokenize, TOKENIZERS)
        result = _scorer(config.tokenize).sentence_score(completions[0].text, list(problem.references))
        sums = {"length": float(result.sys_len), "reference_length": float(result.ref_len)}
        for order, match, total in zip(ORDERS, result.counts, result.totals, strict=True):
            sums |= {f"match_{order}": float(match), f"total_{order}": float(total)}
        return Score(self.name, values={"bleu": min(1.0, result.score / 100)}, sums=sums)

    def combine(self, totals: Mapping[str, Any], n: Any) -> Mapping[str, Any]:
        import numpy as np

        length = np.asarray(totals["length"], dtype=float)
        logs, halvings = np.zeros_like(length), np.zeros_like(length)
        for order in ORDERS:
            match, total = totals[f"match_{order}"], totals[f"total_{order}"]
            missed = (match == 0) & (total > 0)
            halvings = halvings + missed  # each order without a match counts half of the one before
            ratio = np.where(missed, 0.5**halvings, match) / np.where(total == 0, 1.0, total)
            logs = logs + np.log(np.where(total == 0, 0.0, ratio))
        gap = 1 - totals["reference_length"] / np.where(length == 0, 1.0, length)
        score = np.exp(logs / len(ORDERS) + np.minimum(0.0, gap))
        return {"bleu": np.where((length == 0) | (totals["match_1"] == 0), 0.0, score)}


@lru_cache(maxsize=len(TOKENIZERS))
def _scorer(tokenize: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenize, effective_order=True)


@hookimpl
def harness_metrics() -> list[Metric]:
    """BLEU."""
    return [Bleu()]
