"""Contest problems that need dynamic programming along one line.

The answers that the tests expect come from brute force over all subsets, paths or orders.
"""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from random import Random

from recipe.sample.contest import (
    N_AND_LIST,
    PEOPLE,
    READ,
    THINGS,
    array_lines,
    subsets,
)
from recipe.sample.families import Contest, Values


def _spans(a: Sequence[int]) -> list[list[int]]:
    return [list(a[i:j]) for i in range(len(a)) for j in range(i + 1, len(a) + 1)]


def _signed(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    low = rng.choice((-9, -9, -9, -20))
    return ([rng.randint(low, rng.choice((9, 9, -1))) for _ in range(rng.randint(1, 8))],)


def _longest(a: Sequence[int], ok: Callable[[int, int], bool]) -> int:
    return max(len(s) for s in subsets(a) if all(ok(p, q) for p, q in pairwise(s)))


@cache
def _sums(coins: tuple[int, ...], total: int) -> tuple[tuple[int, ...], ...]:
    """All ordered sequences of coins with the given total."""
    if total == 0:
        return ((),)
    return tuple((c, *rest) for c in coins if c <= total for rest in _sums(coins, total - c))


def _sequence(p: int, q: int, rule: Callable[[int, int, int], int], n: int) -> int:
    values = [p, q]
    for at in range(2, n + 1):
        values.append(rule(values[-2], values[-1], at))
    return values[n]


FAMILIES = (
    Contest(
        "best-span",
        "competition",
        (
            "Choose a block of neighbouring elements of an array, $empty. Find the $best possible sum$twist.",
            "$_who wins or loses some $_things each day. Find the $best total of a period of "
            "consecutive days, $empty$twist.",
        ),
        READ + "${first}best = run = $start\nfor x in a[$skip:]:\n    run = $f($reset, run + x)\n"
        "    best = $f(best, run)\nprint(best)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "best f": (("largest", "max"), ("smallest", "min")),
            "empty start skip reset none": (
                ("at least one of them", "a[0]", "1", "x", False),
                ("possibly none of them (sum 0)", "0", "", "0", True),
            ),
            "twist first change": (
                ("", "", lambda a: a),
                (", where every number counts double", "a = [2 * x for x in a]\n", lambda a: [x + x for x in a]),
                (
                    ", where all numbers are first decreased by 1",
                    "a = [x - 1 for x in a]\n",
                    lambda a: [x + -1 for x in a],
                ),
                (
                    ", where all numbers are first increased by 2",
                    "a = [x + 2 for x in a]\n",
                    lambda a: [x - -2 for x in a],
                ),
                (
                    ", where even numbers change their sign",
                    "a = [-x if x % 2 == 0 else x for x in a]\n",
                    lambda a: [(x, -x)[x % 2 == 0] for x in a],
                ),
            ),
        },
        _signed,
        lambda v, a: (max if v["f"] == "max" else min)([sum(s) for s in _spans(v["change"](a))] + [0] * v["none"]),
        N_AND_LIST,
        "Print the $best sum.",
        array_lines,
    ),
    Contest(
        "subsequence",
        "competition",
        (
            "Delete some elements of an array so that the remaining ones, in their old order, are $order. Find $what.",
            "$_who stands before a row of n towers and picks some from left to right so that their "
            "heights are $order. Find $what.",
        ),
        READ + "best = [1] * n\nfor i in range(n):\n    for j in range(i):\n        if $c:\n"
        "            best[i] = max(best[i], best[j] + 1)\nprint($e)",
        {
            "_who": PEOPLE,
            "order c ok": (
                ("strictly increasing", "a[j] < a[i]", lambda p, q: q - p > 0),
                ("strictly decreasing", "a[j] > a[i]", lambda p, q: p - q > 0),
                ("non-decreasing", "a[j] <= a[i]", lambda p, q: q - p >= 0),
                ("non-increasing", "a[j] >= a[i]", lambda p, q: p - q >= 0),
                ("such that each is a multiple of the one before", "a[i] % a[j] == 0", lambda p, q: q // p * p == q),
                ("such that neighbours differ by exactly 1", "abs(a[i] - a[j]) == 1", lambda p, q: p in (q - 1, q + 1)),
                ("such that neighbours always differ", "a[i] != a[j]", lambda p, q: p - q != 0),
            ),
            "what e do": (
                ("the largest number that can remain", "max(best)", lambda n, best: best),
                ("the least number of deletions", "n - max(best)", lambda n, best: n - best),
            ),
        },
        lambda rng, v: ([rng.randint(1, 9) for _ in range(rng.randint(1, 9))],),
        lambda v, a: v["do"](len(a), _longest(a, v["ok"])),
        N_AND_LIST + " They are positive.",
        "Print $what.",
        array_lines,
    ),
    Contest(
        "coins",
        "competition",
        (
            "There are coins of $list, as many as you like. Find $what to pay exactly n.",
            "$_who has plenty of weights of $list units. Find $what to reach exactly n units.",
        ),
        "n = int(input())\n$code\nprint($e)",
        {
            "_who": PEOPLE,
            "list coins set": (
                ("1, 3 and 4", "(1, 3, 4)", (1, 3, 4)),
                ("2, 3 and 7", "(2, 3, 7)", (2, 3, 7)),
                ("1, 5 and 6", "(1, 5, 6)", (1, 5, 6)),
                ("3, 4 and 5", "(3, 4, 5)", (3, 4, 5)),
                ("2 and 5", "(2, 5)", (2, 5)),
            ),
            "what code e do": (
                (
                    "the least number of coins (-1 if impossible)",
                    "best = [0] + [n + 1] * n\nfor i in range(1, n + 1):\n    for c in $coins:\n"
                    "        if c <= i:\n            best[i] = min(best[i], best[i - c] + 1)",
                    "best[n] if best[n] <= n else -1",
                    lambda ways: min(map(len, ways), default=-1),
                ),
                (
                    "in how many ways this is possible (order does not matter)",
                    "ways = [1] + [0] * n\nfor c in $coins:\n    for i in range(c, n + 1):\n"
                    "        ways[i] += ways[i - c]",
                    "ways[n]",
                    lambda ways: len({tuple(sorted(w)) for w in ways}),
                ),
                (
                    "in how many orders this is possible (1 + 3 and 3 + 1 are different)",
                    "ways = [1] + [0] * n\nfor i in range(1, n + 1):\n    for c in $coins:\n"
                    "        if c <= i:\n            ways[i] += ways[i - c]",
                    "ways[n]",
                    len,
                ),
            ),
        },
        lambda rng, v: (rng.randint(1, 14),),
        lambda v, n: v["do"](_sums(v["set"], n)),
        "One positive integer n.",
        "Print $what.",
        lambda n: [str(n)],
    ),
    Contest(
        "stairs",
        "competition",
        (
            "$_who climbs a staircase of n steps, taking $list steps at once. $ban In how many ways is this possible?",
            "A frog on stone 0 jumps $list stones forward at a time and wants to reach stone n. $ban Count the ways.",
        ),
        "n = int(input())\nways = [1] + [0] * n\nfor i in range(1, n + 1):\n    if $c:\n"
        "        ways[i] = sum(ways[i - k] for k in $jumps if k <= i)\nprint(ways[n])",
        {
            "_who": PEOPLE,
            "list jumps set": (
                ("1 or 2", "(1, 2)", (1, 2)),
                ("1 or 3", "(1, 3)", (1, 3)),
                ("1, 2 or 3", "(1, 2, 3)", (1, 2, 3)),
                ("2 or 3", "(2, 3)", (2, 3)),
                ("1 or 4", "(1, 4)", (1, 4)),
            ),
            "ban c ok": (
                (
                    "Positions that are multiples of 5 must not be touched.",
                    "i % 5 != 0",
                    lambda at: at not in range(5, 99, 5),
                ),
                (
                    "Positions that are multiples of 4 must not be touched.",
                    "i % 4 != 0",
                    lambda at: at not in range(4, 99, 4),
                ),
                ("Position 3 must not be touched.", "i != 3", lambda at: at - 3 != 0),
                ("Position 6 must not be touched.", "i != 6", lambda at: at - 6 != 0),
            ),
        },
        lambda rng, v: (rng.randint(1, 14),),
        lambda v, n: sum(all(v["ok"](sum(way[:i])) for i in range(1, len(way) + 1)) for way in _sums(v["set"], n)),
        "One positive integer n.",
        "Print the number of ways. If n itself is forbidden, the answer is 0.",
        lambda n: [str(n)],
    ),
    Contest(
        "recurrence",
        "competition",
        (
            "A sequence starts with f(0) = $p and f(1) = $q. After that f(n) = $rule. Find f(n) modulo $m.",
            "$_who counts rabbits: $p in month 0, $q in month 1, later f(n) = $rule in month n. Print f(n) modulo $m.",
        ),
        "n = int(input())\na, b = $p, $q\nfor i in range(n):\n    a, b = b, ($step) % $m\nprint(a % $m)",
        {
            "_who": PEOPLE,
            "p q": (("0", "1"), ("1", "1"), ("2", "1"), ("1", "3")),
            "rule step do": (
                ("f(n-1) + f(n-2)", "b + a", lambda x, y, n: x + y),
                ("2 * f(n-1) + f(n-2)", "2 * b + a", lambda x, y, n: x + 2 * y),
                ("f(n-1) + 2 * f(n-2)", "b + 2 * a", lambda x, y, n: x + x + y),
                ("3 * f(n-1) + f(n-2)", "3 * b + a", lambda x, y, n: x + 3 * y),
                ("f(n-1) + 3 * f(n-2)", "b + 3 * a", lambda x, y, n: 3 * x + y),
                ("f(n-1) + f(n-2) + 1", "b + a + 1", lambda x, y, n: 1 + x + y),
                ("f(n-1) + f(n-2) + n", "b + a + i + 2", lambda x, y, n: n + x + y),
            ),
            "m": ("1000", "10007", "1000000007"),
        },
        lambda rng, v: (rng.choice((rng.randint(0, 6), rng.randint(0, 60))),),
        lambda v, n: _sequence(int(v["p"]), int(v["q"]), v["do"], n) % int(v["m"]),
        "One integer n, at least 0.",
        "Print f(n) modulo $m.",
        lambda n: [str(n)],
    ),
    Contest(
        "solution-search",
        "competition",
        (
            "Given a list of integers nums, choose some of its elements (each position at most once, "
            "possibly none) so that $rule. Return $what.",
            "For an array nums consider all its subsets of positions, the empty one included, where "
            "$rule. Return $what.",
        ),
        "class Solution:\n    def $name(self, nums: list[int]) -> int:\n        sums = [0]\n"
        "        for x in nums:\n            sums += [s + x for s in sums]\n"
        "        return $e",
        {
            "name": ("subsetSum", "chooseNumbers"),
            "rule c ok": (
                ("the sum is even", "s % 2 == 0", lambda s: not s & 1),
                ("the sum is divisible by 3", "s % 3 == 0", lambda s: s // 3 * 3 == s),
                ("the sum is at most 10", "s <= 10", lambda s: s < 11),
                (
                    "the sum is not divisible by 5 or is zero",
                    "s % 5 != 0 or s == 0",
                    lambda s: not s or s % 5 in (1, 2, 3, 4),
                ),
                ("the sum is between 0 and 7", "0 <= s <= 7", lambda s: s in range(8)),
            ),
            "what e do": (
                ("the largest such sum", "max(s for s in sums if $c)", max),
                ("the smallest such sum", "min(s for s in sums if $c)", min),
                ("the number of ways to choose", "sum(1 for s in sums if $c)", len),
                ("the number of different sums", "len(set(s for s in sums if $c))", lambda s: len(set(s))),
            ),
        },
        lambda rng, v: ([rng.randint(-4, 9) for _ in range(rng.randint(1, 6))],),
        lambda v, a: v["do"]([sum(s) for s in subsets(a) if v["ok"](sum(s))]),
        fn="$name",
    ),
)
