"""Contest problems that need a table of two dimensions, or a search for the answer.

The answers that the tests expect come from brute force over all subsets, paths or orders.
"""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise, product
from random import Random

from recipe.sample.contest import (
    PEOPLE,
    THINGS,
    Edges,
    joined,
    subsets,
    word,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated

READ_K = "n, k = map(int, input().split())\na = list(map(int, input().split()))\n"


def _kept_lines(a: Sequence[int], k: int) -> list[str]:
    return [f"{len(a)} {k}", joined(a)]


def _costs(rng: Random, v: Values) -> tuple[list[list[int]]]:
    del v
    columns = rng.randint(1, 4)
    return ([[rng.randint(-2, 9) for _ in range(columns)] for _ in range(rng.randint(1, 4))],)


def _table_lines(table: Sequence[Sequence[int]]) -> list[str]:
    return [f"{len(table)} {len(table[0])}", *map(joined, table)]


def _paths(rows: int, columns: int, steps: Edges) -> list[list[tuple[int, int]]]:
    """All ways from the first to the last cell of a grid, as lists of cells."""
    if rows < 1 or columns < 1:
        return []
    end = (rows - 1, columns - 1)
    if end == (0, 0):
        return [[end]]
    return [[*path, end] for p, q in steps for path in _paths(rows - p, columns - q, steps)]


def _two_words(rng: Random, v: Values) -> tuple[str, str]:
    del v
    letters = rng.choice(("ab", "abc", "abcd"))
    return word(rng, letters, 1, 6), word(rng, letters, 1, 6)


@cache
def _edits(s: str, t: str, swap: int) -> int:
    """Cost of turning s into t by inserting and deleting (1 each) and replacing (`swap`)."""
    if not s or not t:
        return len(s) + len(t)
    return min(
        _edits(s[1:], t, swap) + 1,
        _edits(s, t[1:], swap) + 1,
        _edits(s[1:], t[1:], swap) + (0 if s[0] == t[0] else swap),
    )


def _common(s: str, t: str) -> set[str]:
    """All common subsequences of two words."""
    return {"".join(p) for p in subsets(s)} & {"".join(p) for p in subsets(t)}


def _things(rng: Random, v: Values) -> tuple[int, list[tuple[int, int]]]:
    del v
    goods = [(rng.randint(1, 6), rng.randint(1, 9)) for _ in range(rng.randint(1, 5))]
    return rng.randint(1, 14), goods


def _goods_lines(limit: int, goods: Edges) -> list[str]:
    return [f"{len(goods)} {limit}", *map(joined, goods)]


def _positive(rng: Random, v: Values) -> tuple[list[int], int]:
    del v
    a = [rng.randint(1, 9) for _ in range(rng.randint(1, 7))]
    return a, rng.randint(1, len(a))


def _cuts(a: Sequence[int], k: int) -> Iterator[list[int]]:
    """Sums of the parts for every way to cut `a` into k non-empty parts."""
    for cut in combinations(range(1, len(a)), k - 1):
        ends = (0, *cut, len(a))
        yield [sum(a[p:q]) for p, q in pairwise(ends)]


CUT_WORTHS = (
    ("sum", "x", "sum(a)", lambda x: x),
    ("sum, where even numbers count double", "x * (2 - x % 2)", "2 * sum(a)", lambda x: x if x % 2 else x + x),
    ("sum of squares", "x ** 2", "sum(x ** 2 for x in a)", lambda x: x * x),
    ("sum, where each number counts 1 more", "(x + 1)", "sum(a) + n", lambda x: x - -1),
    ("sum, where numbers above 5 count as 5", "min(x, 5)", "sum(a)", lambda x: sorted((x, 5))[0]),
)


def _packed(goods: Edges, limit: int, many: bool) -> list[tuple[int, int, int]]:
    """Weight, value and number of pieces of every way to pack within the limit."""
    most = [limit // weight if many else min(1, limit // weight) for weight, _ in goods]
    ways = []
    for times in product(*(range(m + 1) for m in most)):
        weight = sum(t * w for t, (w, _) in zip(times, goods, strict=True))
        if weight <= limit:
            value = sum(t * x for t, (_, x) in zip(times, goods, strict=True))
            ways.append((weight, value, sum(times)))
    return ways


FAMILIES = (
    repeated(
        Contest(
            "two-words",
            "competition",
            (
                "Two words s and t are given. Find $what.",
                "$_who compares the words s and t. Help to find $what.",
            ),
            "s = input()\nt = input()\nn, m = len(s), len(t)\nd = [[0] * (m + 1) for _ in range(n + 1)]\n"
            "for i in range($from, n + 1):\n    for j in range($from, m + 1):\n$step\nprint($e)",
            {
                "_who": PEOPLE,
                "what from step e do": (
                    (
                        "the length of their longest common subsequence",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                        "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                        "d[n][m]",
                        lambda s, t: max(map(len, _common(s, t))),
                    ),
                    (
                        "how many letters have to be deleted from both together to make them equal",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                        "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                        "n + m - 2 * d[n][m]",
                        lambda s, t: _edits(s, t, 2),
                    ),
                    (
                        "the length of the shortest word that contains both as subsequences",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                        "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                        "n + m - d[n][m]",
                        lambda s, t: len(s) + len(t) - max(map(len, _common(s, t))),
                    ),
                    (
                        "whether s is a subsequence of t (YES or NO)",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                        "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                        "'YES' if d[n][m] == n else 'NO'",
                        lambda s, t: "YES" if s in {"".join(p) for p in subsets(t)} else "NO",
                    ),
                    (
                        "the length of their longest common substring",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1",
                        "max(max(row) for row in d)",
                        lambda s, t: max(j - i for i in range(len(s)) for j in range(i, len(s) + 1) if s[i:j] in t),
                    ),
                    (
                        "the length of the longest suffix that s has in common with t",
                        "1",
                        "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1",
                        "d[n][m]",
                        lambda s, t: max(k for k in range(len(s) + 1) if t.endswith(s[len(s) - k :])),
                    ),
                    (
                        "the least number of insertions, deletions and replacements of a letter that turn s into t",
                        "0",
                        "        if i == 0 or j == 0:\n            d[i][j] = i + j\n        else:\n"
                        "            same = s[i - 1] == t[j - 1]\n"
                        "            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, "
                        "d[i - 1][j - 1] + (0 if same else 1))",
                        "d[n][m]",
                        lambda s, t: _edits(s, t, 1),
                    ),
                    (
                        "the least cost to turn s into t if inserting or deleting a letter costs 1 and "
                        "replacing one costs 2",
                        "0",
                        "        if i == 0 or j == 0:\n            d[i][j] = i + j\n        else:\n"
                        "            same = s[i - 1] == t[j - 1]\n"
                        "            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, "
                        "d[i - 1][j - 1] + (0 if same else 2))",
                        "d[n][m]",
                        lambda s, t: _edits(s, t, 2),
                    ),
                ),
            },
            _two_words,
            lambda v, s, t: v["do"](s, t),
            "Two lines with one word each.",
            "Print $what.",
            lambda s, t: [s, t],
        )
    ),
    Contest(
        "knapsack",
        "competition",
        (
            "A bag carries at most w units. Each of n things has a weight and a value and can be "
            "taken $times. Find $what.",
            "$_who packs $_things into a box for at most w units. Each of n sorts has a weight and "
            "a value and can be chosen $times. Find $what.",
        ),
        "n, w = map(int, input().split())\nbest = [0] + [$none] * w\nfor _ in range(n):\n"
        "    weight, value = map(int, input().split())\n    for i in range($order):\n"
        "        best[i] = max(best[i], best[i - weight] + $gain)\nprint($e)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "times order many": (
                ("once", "w, weight - 1, -1", False),
                ("any number of times", "weight, w + 1", True),
            ),
            "what none gain e do": (
                ("the largest total value", "0", "value", "best[w]", lambda ws, w: max(x for _, x, _ in ws)),
                ("the largest number of pieces that fit", "0", "1", "best[w]", lambda ws, w: max(k for _, _, k in ws)),
                (
                    "the largest total weight that fits",
                    "0",
                    "weight",
                    "best[w]",
                    lambda ws, w: max(u for u, _, _ in ws),
                ),
                (
                    "how much of the limit stays free at least",
                    "0",
                    "weight",
                    "w - best[w]",
                    lambda ws, w: min(w - u for u, _, _ in ws),
                ),
                (
                    "whether the limit can be reached exactly (YES or NO)",
                    "0",
                    "weight",
                    "'YES' if best[w] == w else 'NO'",
                    lambda ws, w: "YES" if w in [u for u, _, _ in ws] else "NO",
                ),
                (
                    "the largest value of things that weigh exactly w together (-1 if impossible)",
                    "-10 ** 9",
                    "value",
                    "max(best[w], -1)",
                    lambda ws, w: max([x for u, x, _ in ws if u == w], default=-1),
                ),
            ),
        },
        _things,
        lambda v, w, goods: v["do"](_packed(goods, w, v["many"]), w),
        "The first line contains n and w. Each of the next n lines contains weight and value of one "
        "thing, all positive.",
        "Print $what.",
        _goods_lines,
    ),
    Contest(
        "grid-path",
        "competition",
        (
            "A path goes from the top left to the bottom right cell of a table with n rows and m "
            "columns, $moves. Find the $best sum of the numbers on a path.",
            "$_who crosses a field of n rows and m columns from the first to the last cell, $moves. "
            "Each cell costs its number. Find the $best total cost.",
        ),
        "n, m = map(int, input().split())\ncost = [list(map(int, input().split())) for _ in range(n)]\n"
        "for i in range(n):\n    for j in range(m):\n        before = []\n        if i > 0:\n"
        "            before.append(cost[i - 1][j])\n        if j > 0:\n"
        "            before.append(cost[i][j - 1])\n$more        if before:\n"
        "            cost[i][j] += $f(before)\nprint($e)",
        {
            "_who": PEOPLE,
            "moves more steps": (
                ("going only right or down", "", ((0, 1), (1, 0))),
                (
                    "going only right, down or diagonally right-down",
                    "        if i > 0 and j > 0:\n            before.append(cost[i - 1][j - 1])\n",
                    ((0, 1), (1, 0), (1, 1)),
                ),
            ),
            "best f e do": (
                ("smallest", "min", "cost[-1][-1]", min),
                ("largest", "max", "cost[-1][-1]", max),
                ("smallest (at least 0)", "min", "max(0, cost[-1][-1])", lambda sums: max(0, min(sums))),
                ("largest (at most 30)", "max", "min(30, cost[-1][-1])", lambda sums: min(30, max(sums))),
            ),
        },
        _costs,
        lambda v, t: v["do"]([sum(t[i][j] for i, j in path) for path in _paths(len(t), len(t[0]), v["steps"])]),
        "The first line contains n and m. Each of the next n lines contains m integers.",
        "Print the $best sum.",
        _table_lines,
    ),
    Contest(
        "cut-array",
        "competition",
        (
            "Cut a row of n positive numbers into $parts k blocks of neighbours. Find the $goal.",
            "$_who splits n tasks, in their order, over $parts k days. A day is a block with the "
            "sum of its tasks. Find the $goal.",
        ),
        READ_K + "low, high = $low, $most\nwhile low < high:\n    mid = (low + high$up) // 2\n"
        "    parts, run = 0, 0\n    for x in a:\n$step    if parts $cmp k:\n        $then\n"
        "    else:\n        $other\nprint(low)",
        {
            "_who": PEOPLE,
            "goal parts low up step cmp then other f": (
                (
                    "smallest possible value of the largest block $worth",
                    "at most",
                    "max($w for x in a)",
                    "",
                    "        if parts == 0 or run + $w > mid:\n            parts, run = parts + 1, 0\n"
                    "        run += $w\n",
                    "<=",
                    "high = mid",
                    "low = mid + 1",
                    (min, max),
                ),
                (
                    "largest possible value of the smallest block $worth",
                    "exactly",
                    "0",
                    " + 1",
                    "        run += $w\n        if run >= mid:\n            parts, run = parts + 1, 0\n",
                    ">=",
                    "low = mid",
                    "high = mid - 1",
                    (max, min),
                ),
            ),
            "worth w most do": CUT_WORTHS,
        },
        _positive,
        lambda v, a, k: v["f"][0](v["f"][1](parts) for parts in _cuts(list(map(v["do"], a)), k)),
        "The first line contains n and k (1 <= k <= n). The second line contains n positive integers.",
        "Print the $goal.",
        _kept_lines,
    ),
)
