"""In-context learning: the same random training examples before every problem.

The study (sections 4.3 and 5.1) draws n examples from the training problems, n in 1, 2, 3, 4, 5, 8 and, for CoNaLa,
16, with the seeds 42, 777, 5432, 55555 and 97: `--seed` draws. The examples for n are the first n of those for more.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from harness import hookimpl
from harness.modeling.examples import ExamplePool
from harness.plugin import PREAMBLE, Method, PromptingMethod, option
from harness.records import Problem


@dataclass(frozen=True)
class IclConfig:
    """The options of in-context learning."""

    n: int = option(8, "examples in each prompt; the default is the most that the study used on every task", least=0)
    train: bool = option(False, "with a tuning method: put examples into its training prompts too")
    draw: Literal["nested", "plain"] = option(
        "nested",
        "nested: examples for n are the first of those for more; plain: n at once, as in the study",
        added=True,
    )


class Icl(PromptingMethod):
    """Random training examples before every problem, the same ones each time."""

    name = "icl"
    display_name = "ICL"
    reference = "Weyssow et al., arXiv:2308.10462, sections 4.3 and 5.1"
    Config = IclConfig
    preamble = PREAMBLE

    def prompts_training(self, config: IclConfig) -> bool:
        """As the option says."""
        return config.train

    def examples(
        self, problems: Sequence[Problem], pool: ExamplePool, config: IclConfig
    ) -> Sequence[Sequence[Problem]]:
        """The first n of one shuffle of the pool; a near-duplicate of the problem is replaced by the next.

        With `draw=plain` n of the pool, where a near-duplicate is left out.
        """
        drawn = len(pool.problems) if config.draw == "nested" else min(config.n, len(pool.problems))
        order = random.Random(pool.seed).sample(range(len(pool.problems)), drawn)
        return [
            [pool.problems[i] for i in islice((i for i in order if i not in leaks), config.n)]
            for leaks in map(pool.leaks, problems)
        ]


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [Icl()]
