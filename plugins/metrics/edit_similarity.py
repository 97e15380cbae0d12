"""Edit similarity: how little typing would turn the first candidate into a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import hookimpl
from harness.plugin import Metric
from harness.records import Completion, Execution, Problem, Score


class EditSimilarity(Metric):
    """1 - Levenshtein distance / longer length of stripped texts, against the nearest reference; a plain mean."""

    name = "edit_similarity"
    reference = "Svyatkovskiy et al. 2020 (arXiv 2005.08025), section 5"

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
        from rapidfuzz.distance import Levenshtein

        text = completions[0].text.strip()
        similar = max(Levenshtein.normalized_similarity(text, known.strip()) for known in problem.references)
        return Score(self.name, values={"edit_similarity": similar})


@hookimpl
def harness_metrics() -> list[Metric]:
    """Edit similarity."""
    return [EditSimilarity()]
