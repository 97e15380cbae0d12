"""chrF and chrF++ of the first candidate, counted by sacrebleu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from harness import hookimpl
from harness.compat import chrf_counts
from harness.plugin import Metric
from harness.records import Completion, Execution, Problem, Score

CHARACTERS = 6
WORDS = {"chrf": 0, "chrf++": 2}
BETA = 2
COUNTS = ("candidate", "reference", "match")
"""What sacrebleu counts for each order, in its sequence."""


class ChrF(Metric):
    """F2 of character 1-6-grams over the whole set of problems, as a share of 1; chrF++ adds words and word pairs.

    Among the metrics of this kind the one closest to human judgement of code (Evtikhiev et al., JSS 2023).
    """

    name = "chrf"
    display_measures: ClassVar[Mapping[str, str]] = {"chrf": "chrF"}
    reference = "Popović 2015, 2017; Evtikhiev et al. 2023 (arXiv 2208.03133)"

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
        sums: dict[str, float] = {}
        for measure, words in WORDS.items():
            counts = chrf_counts(_counter(words), completions[0].text, list(problem.references))
            for i in range(CHARACTERS + words):
                for name, count in zip(COUNTS, counts[3 * i : 3 * i + 3], strict=True):
                    sums[f"{measure} {name} {i + 1}"] = float(count)
        values = {name: float(value) for name, value in self.combine(sums, 1).items()}
        return Score(self.name, values=values, sums=sums)

    def combine(self, totals: Mapping[str, Any], n: Any) -> Mapping[str, Any]:
        return {measure: _f_score(totals, measure, CHARACTERS + words) for measure, words in WORDS.items()}


def _f_score(totals: Mapping[str, Any], measure: str, orders: int) -> Any:
    """F2 of the mean precision and the mean recall over the orders that both sides have."""
    precision: Any = 0.0
    recall: Any = 0.0
    number: Any = 0.0
    for order in range(1, orders + 1):
        candidate, reference, match = (
            totals[f"{measure} {name} {order}"] for name in ("candidate", "reference", "match")
        )
        exists = 1.0 * ((candidate > 0) & (reference > 0))
        precision = precision + exists * match / (candidate + (candidate == 0))
        recall = recall + exists * match / (reference + (reference == 0))
        number = number + exists
    number = number + (number == 0)
    precision, recall = precision / number, recall / number
    below = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / (below + (below == 0))


@lru_cache(maxsize=2)
def _counter(words: int) -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(char_order=CHARACTERS, word_order=words, beta=BETA)


@hookimpl
def harness_metrics() -> list[Metric]:
    """chrF and chrF++."""
    return [ChrF()]
