"""The same contest problem once, or for t test cases: one more thing that members can differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from recipe.sample.families import Contest, Values

ONCE_OR_MORE = (
    ("", "", False),
    (
        "The first line contains t, the number of test cases. Each of them looks like this:\n",
        " Do so for every test case, each on its own line.",
        True,
    ),
)


class Runs(list[tuple[Any, ...]]):
    """The arguments of each test case of one test."""


def repeated(contest: Contest) -> Contest:
    """The family with members that solve one input and members that solve t of them in a loop.

    `contest` must read standard input and print one line. See `Variant.answer` for the loop.
    """
    once = contest.lines
    if once is None:
        raise TypeError(f"{contest.name!r} reads no standard input")

    def make(rng: Random, v: Values) -> tuple[Any, ...]:
        if not v["loop"]:
            return contest.make(rng, v)
        return (Runs(contest.make(rng, v) for _ in range(rng.randint(1, 3))),)

    def answer(v: Values, *args: Any) -> Any:
        if not v["loop"]:
            return contest.answer(v, *args)
        return [contest.answer(v, *run) for run in args[0]]

    def lines(*args: Any) -> Sequence[str]:
        if not isinstance(args[0], Runs):
            return once(*args)
        return [str(len(args[0])), *(line for run in args[0] for line in once(*run))]

    return replace(
        contest,
        slots={**contest.slots, "many each loop": ONCE_OR_MORE},
        reads="${many}" + contest.reads,
        prints=contest.prints + "${each}",
        make=make,
        answer=answer,
        lines=lines,
    )
