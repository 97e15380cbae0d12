"""Contest problems about primes, and about the nearest larger or smaller neighbour."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from random import Random

from recipe.sample.contest import (
    N_AND_LIST,
    PEOPLE,
    READ,
    array_lines,
    joined,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated


def _few(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    return ([rng.randint(0, 7) for _ in range(rng.randint(1, 8))],)


def _is_prime(n: int) -> bool:
    return n > 1 and all(math.gcd(n, d) == 1 for d in range(2, n))


PRIME = tuple(n for n in range(200) if _is_prime(n))


SIEVE = (
    "n = int(input())\nprime = [False] * 2 + [True] * (n - 1)\nfor p in range(2, n + 1):\n"
    "    if prime[p]:\n        for m in range(p * p, n + 1, p):\n            prime[m] = False\n"
    "primes = [p for p in range(n + 1) if prime[p]]\nprint($e)"
)


def _seen(a: Sequence[int], i: int, step: int, ok: Callable[[int, int], bool]) -> int | None:
    """The nearest position from i in direction `step` whose value is `ok` against a[i]."""
    ahead = range(i + 1, len(a)) if step > 0 else range(i - 1, -1, -1)
    return next((j for j in ahead if ok(a[i], a[j])), None)


FAMILIES = (
    repeated(
        Contest(
            "primes",
            "competition",
            (
                "Look at all primes up to n. Find $what.",
                "$_who marks every prime number not larger than n. Find $what.",
            ),
            SIEVE,
            {
                "_who": PEOPLE,
                "what e do": (
                    ("how many there are", "len(primes)", lambda p, n: len(p)),
                    ("their sum", "sum(primes)", lambda p, n: int(math.fsum(p))),
                    ("the largest one", "primes[-1]", lambda p, n: max(p)),
                    (
                        "how many of them end in 3",
                        "sum(1 for p in primes if p % 10 == 3)",
                        lambda p, n: len([x for x in p if str(x)[-1] == "3"]),
                    ),
                    (
                        "how many of them end in 7",
                        "sum(1 for p in primes if p % 10 == 7)",
                        lambda p, n: len([x for x in p if str(x)[-1] == "7"]),
                    ),
                    (
                        "how many pairs of them differ by exactly 2",
                        "sum(1 for p in primes if p + 2 <= n and prime[p + 2])",
                        lambda p, n: len([1 for x, y in combinations(p, 2) if y - x == 2]),
                    ),
                    (
                        "how many pairs of them differ by exactly 4",
                        "sum(1 for p in primes if p + 4 <= n and prime[p + 4])",
                        lambda p, n: len([1 for x, y in combinations(p, 2) if y - x == 4]),
                    ),
                    (
                        "the largest difference of two consecutive ones, 0 if there is only one",
                        "max([q - p for p, q in zip(primes, primes[1:])], default=0)",
                        lambda p, n: max([p[i] - p[i - 1] for i in range(1, len(p))] + [0]),
                    ),
                    (
                        "how many numbers from 1 to n are not prime",
                        "n - len(primes)",
                        lambda p, n: len([x for x in range(1, n + 1) if x not in p]),
                    ),
                    (
                        "the sum of the digits of all of them",
                        "sum(int(c) for p in primes for c in str(p))",
                        lambda p, n: sum(x // 100 + x // 10 % 10 + x % 10 for x in p),
                    ),
                    (
                        "in how many ways n is the sum of two of them, the first not larger",
                        "sum(1 for p in primes if 2 * p <= n and prime[n - p])",
                        lambda p, n: len([1 for x in p for y in p if x <= y and x + y == n]),
                    ),
                ),
            },
            lambda rng, v: (rng.choice((rng.randint(2, 20), rng.randint(2, 120))),),
            lambda v, n: v["do"]([p for p in PRIME if p <= n], n),
            "One integer n, at least 2.",
            "Print $what.",
            lambda n: [str(n)],
        )
    ),
    Contest(
        "next-other",
        "competition",
        (
            "For every element of an array look to the $side for the nearest element that is $than it. Print $what.",
            "$_who stands on each of n towers in turn and looks to the $side for the nearest tower "
            "that is $than the own one. Print for each tower $what.",
        ),
        READ + "${turn}stack = []\nout = []\nfor i in range(n):\n"
        "    while stack and a[stack[-1]] $cmp a[i]:\n        stack.pop()\n"
        "    out.append($e if stack else $none)\n    stack.append(i)\nprint(*out$back)",
        {
            "_who": PEOPLE,
            "side turn back step": (
                ("left", "", "", -1),
                ("right", "a = a[::-1]\n", "[::-1]", 1),
            ),
            "than cmp ok": (
                ("greater than", "<=", lambda x, y: y - x > 0),
                ("smaller than", ">=", lambda x, y: x - y > 0),
                ("at least as large as", "<", lambda x, y: y - x >= 0),
                ("at most as large as", ">", lambda x, y: x - y >= 0),
            ),
            "what e none do": (
                ("its value, or -1 if there is none", "a[stack[-1]]", "-1", lambda a, i, j: -1 if j is None else a[j]),
                (
                    "its distance, or 0 if there is none",
                    "i - stack[-1]",
                    "0",
                    lambda a, i, j: 0 if j is None else abs(i - j),
                ),
            ),
        },
        _few,
        lambda v, a: joined([v["do"](a, i, _seen(a, i, v["step"], v["ok"])) for i in range(len(a))]),
        N_AND_LIST + " They are not negative.",
        "Print n numbers separated by spaces: for each element $what.",
        array_lines,
    ),
)
