"""What the contest families share: conditions, transformations, random inputs, input layouts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random
from typing import Any

Edges = Sequence[tuple[int, int]]
READ = "n = int(input())\na = list(map(int, input().split()))\n"
N_AND_LIST = "The first line contains an integer n. The second line contains n integers."
PEOPLE = ("Anna", "Ben", "Chloe", "Dmitri", "Emre", "Fatima", "Goran", "Hana", "Ivo", "Jun")
THINGS = ("apples", "marbles", "stamps", "books", "coins", "shells", "tickets", "lamps", "plates")
WORDS = (
    "apple",
    "bee",
    "Boat",
    "code",
    "dune",
    "Egg",
    "fox",
    "green",
    "house",
    "Ink",
    "juice",
    "kite",
    "lemon",
    "Moon",
    "noon",
    "ocean",
    "Pen",
    "queen",
    "radar",
    "sun",
    "tree",
    "under",
    "a",
    "be",
)

# adjective before the noun, clause after it, the condition on x, the same as a function
CONDITIONS = (
    ("even ", "", "x % 2 == 0", lambda x: not x & 1),
    ("odd ", "", "x % 2 == 1", lambda x: bool(x & 1)),
    ("positive ", "", "x > 0", lambda x: x >= 1),
    ("negative ", "", "x < 0", lambda x: x <= -1),
    ("", " divisible by 3", "x % 3 == 0", lambda x: x in range(-99, 10000, 3)),
    ("", " divisible by 4", "x % 4 == 0", lambda x: x in range(-100, 10000, 4)),
    ("", " divisible by 5", "x % 5 == 0", lambda x: x in range(-100, 10000, 5)),
    ("", " not divisible by 3", "x % 3 != 0", lambda x: x not in range(-99, 10000, 3)),
    ("", " greater than 10", "x > 10", lambda x: x >= 11),
    ("", " greater than 5", "x > 5", lambda x: x >= 6),
    ("", " less than 8", "x < 8", lambda x: x <= 7),
    ("", " that are at least 7", "x >= 7", lambda x: x > 6),
    ("", " that are at most 12", "x <= 12", lambda x: x < 13),
    ("", " between 3 and 9", "3 <= x <= 9", lambda x: x in (3, 4, 5, 6, 7, 8, 9)),
    ("", " ending in the digit 5", "x % 10 == 5", lambda x: x in range(-95, 10000, 10)),
)
TRANSFORMS = (
    ("doubled", "x * 2", lambda x: x + x),
    ("tripled", "x * 3", lambda x: x + x + x),
    ("squared", "x ** 2", lambda x: x * x),
    ("increased by 1", "x + 1", lambda x: x - -1),
    ("increased by 10", "x + 10", lambda x: x - -10),
    ("decreased by 1", "x - 1", lambda x: x + -1),
    ("decreased by 5", "x - 5", lambda x: x + -5),
    ("multiplied by 10", "x * 10", lambda x: int(f"{x}0")),
    ("with its sign flipped", "-x", lambda x: 0 - x),
    ("replaced by its absolute value", "abs(x)", lambda x: max(x, 0 - x)),
    ("replaced by its remainder modulo 3", "x % 3", lambda x: x - x // 3 * 3),
    ("replaced by its last digit", "abs(x) % 10", lambda x: int(str(x)[-1])),
)
# what, code on the digit string s, the same on the number
DIGIT_OPS = (
    ("the sum of its digits", "sum(int(c) for c in s)", lambda n: sum(_digits(n))),
    ("the largest digit of n", "max(int(c) for c in s)", lambda n: sorted(_digits(n))[-1]),
    ("the smallest digit of n", "min(int(c) for c in s)", lambda n: sorted(_digits(n))[0]),
    ("the number of digits of n", "len(s)", lambda n: len(_digits(n))),
    ("the first digit of n", "s[0]", lambda n: _digits(n)[-1]),
    ("the last digit of n", "s[-1]", lambda n: n % 10),
    ("the digits of n in reverse order", "s[::-1]", lambda n: "".join(map(str, _digits(n)))),
    ("the digits of n in ascending order", "''.join(sorted(s))", lambda n: "".join(map(str, sorted(_digits(n))))),
    ("how many zeros n contains", "s.count('0')", lambda n: _digits(n).count(0)),
    ("how many sevens n contains", "s.count('7')", lambda n: _digits(n).count(7)),
    (
        "how many even digits n has",
        "sum(1 for c in s if int(c) % 2 == 0)",
        lambda n: sum(d in (0, 2, 4, 6, 8) for d in _digits(n)),
    ),
    (
        "how many odd digits n has",
        "sum(1 for c in s if int(c) % 2 == 1)",
        lambda n: sum(d in (1, 3, 5, 7, 9) for d in _digits(n)),
    ),
    ("the number of different digits in n", "len(set(s))", lambda n: len(set(_digits(n)))),
    ("the sum of the squares of its digits", "sum(int(c) ** 2 for c in s)", lambda n: sum(d * d for d in _digits(n))),
    (
        "the sum of n and its reversal",
        "int(s) + int(s[::-1])",
        lambda n: n + sum(d * 10**i for i, d in enumerate(reversed(_digits(n)))),
    ),
)


def _digits(n: int) -> list[int]:
    """The decimal digits of n, last one first."""
    return [n // 10**i % 10 for i in range(1 + int(math.log10(n) + 1e-9))]


def array(rng: Random, least: int, most: int, low: int = -15, high: int = 30) -> list[int]:
    """`least` to `most` integers, drawn so that equal ones are common."""
    few = [rng.randint(low, high) for _ in range(most)]
    return [rng.choice((rng.choice(few), rng.randint(low, high))) for _ in range(rng.randint(least, most))]


def word(rng: Random, letters: str, least: int = 1, most: int = 10) -> str:
    """A string of `least` to `most` of the letters."""
    return "".join(rng.choice(letters) for _ in range(rng.randint(least, most)))


def sentence(rng: Random) -> str:
    """One to six words, single spaces between them."""
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 6)))


def joined(values: Sequence[object]) -> str:
    """Values separated by spaces."""
    return " ".join(map(str, values))


def array_lines(a: Sequence[int]) -> list[str]:
    """The length on one line, the numbers on the next."""
    return [str(len(a)), joined(a)]


def subsets(a: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """All ways to choose some elements of `a`, in their order."""
    for size in range(len(a) + 1):
        yield from combinations(a, size)
