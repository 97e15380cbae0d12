"""Contest problems of medium size about stretches, pairs and frequencies in a list."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from random import Random
from typing import Any

from recipe.sample.contest import (
    CONDITIONS,
    N_AND_LIST,
    PEOPLE,
    READ,
    THINGS,
    array,
    array_lines,
    joined,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated


def _queries(rng: Random, v: Values) -> tuple[list[int], list[tuple[int, int]]]:
    del v
    a = array(rng, 1, 9)
    ends = [sorted((rng.randint(1, len(a)), rng.randint(1, len(a)))) for _ in range(rng.randint(1, 4))]
    return a, [(low, high) for low, high in ends]


def _query_lines(a: Sequence[int], queries: Sequence[tuple[int, int]]) -> list[str]:
    return [f"{len(a)} {len(queries)}", joined(a), *map(joined, queries)]


def _small(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    return ([rng.randint(-3, 9) for _ in range(rng.randint(1, 9))],)


def _runs(a: Sequence[int], joins: Any) -> int:
    """Length of the longest stretch in which `joins` holds for all neighbours, by brute force."""
    spans = [a[i:j] for i in range(len(a)) for j in range(i + 1, len(a) + 1)]
    return max(len(s) for s in spans if all(joins(p, q) for p, q in pairwise(s)))


FAMILIES = (
    Contest(
        "range-queries",
        "interview",
        (
            "An array of n integers is given and q queries l, r. For each query find $what from "
            "position l to position r (counted from 1, both included).",
            "$_who keeps n $_things in a row, each with a number. For q intervals [l, r] tell $what "
            "at the positions l to r.",
        ),
        "n, q = map(int, input().split())\na = list(map(int, input().split()))\n"
        "for _ in range(q):\n    l, r = map(int, input().split())\n    print($e)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "what e do": (
                ("the sum of the numbers", "sum(a[l - 1:r])", math.fsum),
                ("the largest number", "max(a[l - 1:r])", lambda b: sorted(b)[-1]),
                ("the smallest number", "min(a[l - 1:r])", lambda b: sorted(b)[0]),
                (
                    "the number of different values",
                    "len(set(a[l - 1:r]))",
                    lambda b: len([x for i, x in enumerate(b) if x not in b[:i]]),
                ),
                (
                    "the difference of maximum and minimum",
                    "max(a[l - 1:r]) - min(a[l - 1:r])",
                    lambda b: max(x - y for x in b for y in b),
                ),
                (
                    "the sum of the absolute values",
                    "sum(abs(x) for x in a[l - 1:r])",
                    lambda b: sum(max(x, -x) for x in b),
                ),
                ("the sum of the squares", "sum(x ** 2 for x in a[l - 1:r])", lambda b: sum(x * x for x in b)),
                *(
                    (
                        f"the number of {pre}values{post}",
                        f"sum(1 for x in a[l - 1:r] if {c})",
                        lambda b, ok=ok: len(list(filter(ok, b))),
                    )
                    for pre, post, c, ok in CONDITIONS[:8]
                ),
                *(
                    (
                        f"the sum of the {pre}values{post}",
                        f"sum(x for x in a[l - 1:r] if {c})",
                        lambda b, ok=ok: sum(filter(ok, b)),
                    )
                    for pre, post, c, ok in CONDITIONS[4:]
                ),
            ),
        },
        _queries,
        lambda v, a, queries: [int(v["do"](a[low - 1 : high])) for low, high in queries],
        "The first line contains n and q, the second the array. Each of the next q lines contains l and r.",
        "Print one answer per query, each on its own line.",
        _query_lines,
    ),
    repeated(
        Contest(
            "pairs",
            "interview",
            (
                "Count the pairs of positions i < j in an array for which $what.",
                "$_who has n numbered $_things and takes two of them. In how many ways can this be done "
                "so that $what? The two numbers are called a_i and a_j with i < j.",
            ),
            READ + "count = 0\nfor i in range(n):\n    for j in range(i + 1, n):\n        if $c:\n"
            "            count += 1\nprint(count)",
            {
                "_who": PEOPLE,
                "_things": THINGS,
                "what c ok": (
                    ("a_i and a_j are equal", "a[i] == a[j]", lambda x, y: x - y == 0),
                    ("a_i is greater than a_j", "a[i] > a[j]", lambda x, y: y - x < 0),
                    ("a_i is less than a_j", "a[i] < a[j]", lambda x, y: x - y < 0),
                    ("a_i and a_j differ", "a[i] != a[j]", lambda x, y: x - y != 0),
                    ("a_i + a_j is even", "(a[i] + a[j]) % 2 == 0", lambda x, y: x % 2 == y % 2),
                    ("a_i + a_j is odd", "(a[i] + a[j]) % 2 == 1", lambda x, y: x % 2 != y % 2),
                    ("a_i + a_j is divisible by 3", "(a[i] + a[j]) % 3 == 0", lambda x, y: (x % 3 + y % 3) in (0, 3)),
                    ("a_i + a_j equals 5", "a[i] + a[j] == 5", lambda x, y: y == 5 - x),
                    ("a_i + a_j equals 10", "a[i] + a[j] == 10", lambda x, y: y == 10 - x),
                    ("a_i + a_j is greater than 10", "a[i] + a[j] > 10", lambda x, y: y > 10 - x),
                    ("a_i and a_j differ by exactly 1", "abs(a[i] - a[j]) == 1", lambda x, y: x in (y - 1, y + 1)),
                    ("a_i and a_j differ by exactly 2", "abs(a[i] - a[j]) == 2", lambda x, y: x in (y - 2, y + 2)),
                    (
                        "the product of a_i and a_j is even",
                        "a[i] * a[j] % 2 == 0",
                        lambda x, y: x % 2 == 0 or y % 2 == 0,
                    ),
                    (
                        "the product of a_i and a_j is negative",
                        "a[i] * a[j] < 0",
                        lambda x, y: (x < 0 < y) or (y < 0 < x),
                    ),
                    ("a_i is more than twice a_j", "a[i] > 2 * a[j]", lambda x, y: x - y > y),
                ),
            },
            _small,
            lambda v, a: sum(v["ok"](x, y) for i, x in enumerate(a) for y in a[i + 1 :]),
            N_AND_LIST,
            "Print the number of such pairs.",
            array_lines,
        )
    ),
    repeated(
        Contest(
            "longest-run",
            "interview",
            (
                "Find the length of the longest stretch of consecutive elements in which $what.",
                "$_who writes down a number on n days. What is the largest number of days in a row such that $what?",
            ),
            READ + "best = run = 1\nfor i in range(1, n):\n    if $c:\n        run += 1\n    else:\n"
            "        run = 1\n    best = max(best, run)\nprint(best)",
            {
                "_who": PEOPLE,
                "what c ok": (
                    ("all numbers are equal", "a[i] == a[i - 1]", lambda p, q: p - q == 0),
                    ("every number is larger than the one before", "a[i] > a[i - 1]", lambda p, q: p - q < 0),
                    ("every number is smaller than the one before", "a[i] < a[i - 1]", lambda p, q: p - q > 0),
                    ("no number is smaller than the one before", "a[i] >= a[i - 1]", lambda p, q: not q < p),
                    ("no number is larger than the one before", "a[i] <= a[i - 1]", lambda p, q: not q > p),
                    ("neighbours always differ", "a[i] != a[i - 1]", lambda p, q: p - q != 0),
                    ("every number is the one before plus 1", "a[i] == a[i - 1] + 1", lambda p, q: q - p == 1),
                    ("every number is the one before minus 1", "a[i] == a[i - 1] - 1", lambda p, q: p - q == 1),
                    ("neighbours differ by at most 1", "abs(a[i] - a[i - 1]) <= 1", lambda p, q: -1 <= p - q <= 1),
                    ("neighbours differ by at most 2", "abs(a[i] - a[i - 1]) <= 2", lambda p, q: -2 <= p - q <= 2),
                    ("neighbours differ by at least 2", "abs(a[i] - a[i - 1]) >= 2", lambda p, q: not -2 < p - q < 2),
                    ("the sum of neighbours is always even", "(a[i] + a[i - 1]) % 2 == 0", lambda p, q: p % 2 == q % 2),
                    ("the sum of neighbours is always odd", "(a[i] + a[i - 1]) % 2 == 1", lambda p, q: p % 2 != q % 2),
                ),
            },
            lambda rng, v: ([rng.randint(0, rng.choice((2, 3, 5))) for _ in range(rng.randint(1, 11))],),
            lambda v, a: _runs(a, v["ok"]),
            N_AND_LIST,
            "Print one integer, the length.",
            array_lines,
        )
    ),
    repeated(
        Contest(
            "run-of",
            "interview",
            (
                "A row of n numbers is given. How long is the longest block of neighbouring ${pre}numbers$post?",
                "$_who calls a day good if its number is one of the ${pre}numbers$post. "
                "Find the longest run of good days.",
            ),
            READ + "best = run = 0\nfor x in a:\n    if $c:\n        run += 1\n    else:\n"
            "        run = 0\n    best = max(best, run)\nprint(best)",
            {"_who": PEOPLE, "pre post c ok": CONDITIONS},
            lambda rng, v: (array(rng, 1, 11),),
            lambda v, a: max([0] + [len(list(g)) for ok, g in groupby(a, lambda x: bool(v["ok"](x))) if ok]),
            N_AND_LIST,
            "Print the length of the run, 0 if there is none.",
            array_lines,
        )
    ),
    repeated(
        Contest(
            "frequency",
            "interview",
            (
                "Each of n people names a number. Print $what.",
                "$_who found n numbered $_things. Print $what.",
            ),
            "from collections import Counter\n\n" + READ + "counts = Counter(a)\nprint($e)",
            {
                "_who": PEOPLE,
                "_things": THINGS,
                "what e do": (
                    (
                        "how often the most common number occurs",
                        "max(counts.values())",
                        lambda a: max(a.count(x) for x in a),
                    ),
                    (
                        "how often the rarest number occurs",
                        "min(counts.values())",
                        lambda a: min(a.count(x) for x in a),
                    ),
                    (
                        "how many numbers occur exactly once",
                        "sum(1 for c in counts.values() if c == 1)",
                        lambda a: len([x for x in a if a.count(x) == 1]),
                    ),
                    (
                        "how many different numbers occur exactly twice",
                        "sum(1 for c in counts.values() if c == 2)",
                        lambda a: len([x for x in a if a.count(x) == 2]) // 2,
                    ),
                    (
                        "how many different numbers occur at least twice",
                        "sum(1 for c in counts.values() if c >= 2)",
                        lambda a: len({x for x in a if a.count(x) > 1}),
                    ),
                    (
                        "how many different numbers occur an odd number of times",
                        "sum(1 for c in counts.values() if c % 2 == 1)",
                        lambda a: len({x for x in a if a.count(x) in (1, 3, 5, 7, 9)}),
                    ),
                    (
                        "the sum of the numbers that occur exactly once",
                        "sum(x for x, c in counts.items() if c == 1)",
                        lambda a: sum(x for x in a if a.count(x) == 1),
                    ),
                    (
                        "the sum of the different numbers that occur at least twice",
                        "sum(x for x, c in counts.items() if c >= 2)",
                        lambda a: sum({x for x in a if a.count(x) > 1}),
                    ),
                    (
                        "the smallest of the most common numbers",
                        "min(x for x, c in counts.items() if c == max(counts.values()))",
                        lambda a: sorted(a, key=lambda x: (-a.count(x), x))[0],
                    ),
                    (
                        "the largest of the most common numbers",
                        "max(x for x, c in counts.items() if c == max(counts.values()))",
                        lambda a: sorted(a, key=lambda x: (a.count(x), x))[-1],
                    ),
                    ("how many different numbers there are", "len(counts)", lambda a: len(set(a))),
                    (
                        "how many numbers have to be removed so that all are different",
                        "n - len(counts)",
                        lambda a: len(a) - len(set(a)),
                    ),
                    (
                        "how many have to be removed so that all are equal",
                        "n - max(counts.values())",
                        lambda a: len(a) - max(a.count(x) for x in a),
                    ),
                ),
            },
            lambda rng, v: ([rng.randint(-2, rng.choice((1, 3, 9))) for _ in range(rng.randint(1, 9))],),
            lambda v, a: v["do"](a),
            N_AND_LIST,
            "Print $what.",
            array_lines,
        )
    ),
)
