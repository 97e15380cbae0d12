"""The training problems that a prompt's examples may come from, without near-duplicates of the problem itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.records import Problem, digest


@dataclass(frozen=True)
class ExamplePool:
    """The training problems that examples may come from."""

    problems: Sequence[Problem]
    seed: int
    cache: Any = None
    """A folder for indexes, shared between runs; None for none."""

    @cached_property
    def digest(self) -> str:
        """Identifies the pool's instructions and answers."""
        return digest([[p.id, p.instruction, p.reference] for p in self.problems])

    @cached_property
    def by_id(self) -> dict[str, Problem]:
        """The training problems by their ids."""
        return {problem.id: problem for problem in self.problems}

    @cached_property
    def _normalised(self) -> tuple[list[str], list[str]]:
        keys = [_normalised(problem) for problem in self.problems]
        return [instruction for instruction, _ in keys], [answer for _, answer in keys]

    @cached_property
    def _leaks_by_problem(self) -> dict[str, frozenset[int]]:
        return {}

    def leaks(self, problem: Problem) -> frozenset[int]:
        """Indexes of pool problems that are `problem` itself or a near-duplicate, which must not be shown for it.

        Near-duplicates have instructions that are at least 95 % alike (normalised edit distance, after dropping case,
        punctuation and white space) or one answer of at least 25 characters (shorter ones, such as `x.sort()`, are
        shared by honest neighbours).
        """
        from rapidfuzz import fuzz, process

        instruction, answer = _normalised(problem)
        key = digest([instruction, answer])
        if key not in self._leaks_by_problem:
            instructions, answers = self._normalised
            near = process.extract_iter(instruction, instructions, scorer=fuzz.ratio, score_cutoff=NEAR_DUPLICATE_RATIO)
            same_answer = (i for i, other in enumerate(answers) if other == answer and len(answer) >= 25)
            same_id = (i for i, other in enumerate(self.problems) if other.id == problem.id)
            self._leaks_by_problem[key] = frozenset([*(i for _, _, i in near), *same_answer, *same_id])
        return self._leaks_by_problem[key]


NEAR_DUPLICATE_RATIO = 95.0
"""Percent of likeness from which two instructions are near-duplicates."""
_NOISE = re.compile(r"[\W_]+")


def _normalised(problem: Problem) -> tuple[str, str]:
    return _NOISE.sub(" ", problem.instruction.lower()).strip(), "".join(problem.reference.split())
