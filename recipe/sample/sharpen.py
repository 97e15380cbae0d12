"""Do the tests tell wrong from right? Add the tests that are missing, and measure the rest.

A mutant that answers BIG random inputs just as the reference is taken as equivalent: not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from recipe.sample.apps import Case, Problem, draw
from recipe.sample.execute import MUTANT_SECONDS, Program
from recipe.sample.mutants import mutants

BIG = 400
# Inputs tried to find a test for a mutant that the first tests miss; and the most tests added.
POOL = 120
ADDED = 6


@dataclass(frozen=True)
class Verdict:
    """What became of the mutants of one reference; equivalent ones are not counted."""

    killed: int
    survivors: tuple[str, ...]


def _alive(made: Problem) -> list[Program]:
    """The mutants of the reference that pass all tests of the problem."""
    broken = [Program(code, made.fn, MUTANT_SECONDS) for code in mutants(made.solution)]
    return [program for program in broken if all(map(program.passes, made.cases))]


def sharpen(made: Problem, seed: int) -> Problem:
    """The problem with up to ADDED more tests, each of them failed by a mutant so far unnoticed."""
    rng = Random(f"{seed} sharpen {made.question}")
    alive = _alive(made)
    added: list[Case] = []
    for _ in range(POOL if alive else 0):
        case = draw(made.variant, rng)
        left = [program for program in alive if program.passes(case)]
        if len(left) < len(alive) and len(added) < ADDED:
            added.append(case)
            alive = left
    return replace(made, cases=(*made.cases, *added))


def judge(made: Problem, seed: int = 0) -> Verdict:
    """Run all mutants of the reference on its tests, and those that live on many more inputs."""
    alive = _alive(made)
    rng = Random(seed)
    big = [draw(made.variant, rng) for _ in range(BIG if alive else 0)]
    survivors = [program.code for program in alive if not all(map(program.passes, big))]
    return Verdict(len(mutants(made.solution)) - len(alive), tuple(survivors))


def ratio(verdicts: Sequence[Verdict]) -> float:
    """Share of the mutants with different behaviour that the tests notice."""
    killed = sum(v.killed for v in verdicts)
    return killed / (killed + sum(len(v.survivors) for v in verdicts))
