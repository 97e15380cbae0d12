"""Contest problems that need an algorithm: solutions of up to twenty lines.

The answers that the tests expect come from brute force over all subsets, paths or orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations, product
from random import Random
from typing import Any

from recipe.sample.contest import PEOPLE, THINGS, array_lines, joined, word
from recipe.sample.families import Contest, Values

READ = "n = int(input())\na = list(map(int, input().split()))\n"
READ_K = "n, k = map(int, input().split())\na = list(map(int, input().split()))\n"
N_AND_LIST = "The first line contains an integer n. The second line contains n integers."
FOUR = ((0, 1), (1, 0), (0, -1), (-1, 0))
EIGHT = (*FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1))
Edges = Sequence[tuple[int, int]]


def _spans(a: Sequence[int]) -> list[list[int]]:
    return [list(a[i:j]) for i in range(len(a)) for j in range(i + 1, len(a) + 1)]


def _subsets(a: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    for size in range(len(a) + 1):
        yield from combinations(a, size)


def _signed(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    low = rng.choice((-9, -9, -9, -20))
    return ([rng.randint(low, rng.choice((9, 9, -1))) for _ in range(rng.randint(1, 8))],)


def _few(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    return ([rng.randint(0, 7) for _ in range(rng.randint(1, 8))],)


def _longest(a: Sequence[int], ok: Callable[[int, int], bool]) -> int:
    return max(
        len(s) for s in _subsets(a) if all(ok(p, q) for p, q in zip(s, s[1:], strict=False))
    )


def _kept_lines(a: Sequence[int], k: int) -> list[str]:
    return [f"{len(a)} {k}", joined(a)]


@cache
def _sums(coins: tuple[int, ...], total: int) -> tuple[tuple[int, ...], ...]:
    """All ordered sequences of coins with the given total."""
    if total == 0:
        return ((),)
    return tuple((c, *rest) for c in coins if c <= total for rest in _sums(coins, total - c))


def _grid(rng: Random, v: Values) -> tuple[list[str]]:
    columns = rng.randint(1, 5)
    letters = v["on"] + v["off"] * rng.choice((1, 1, 2))
    return ([word(rng, letters, columns, columns) for _ in range(rng.randint(1, 5))],)


def _grid_lines(grid: Sequence[str]) -> list[str]:
    return [f"{len(grid)} {len(grid[0])}", *grid]


def _areas(grid: Sequence[str], on: str, steps: Edges) -> list[int]:
    """Sizes of the connected areas of `on`, found by merging sets."""
    areas: list[set[tuple[int, int]]] = []
    for cell in product(range(len(grid)), range(len(grid[0]))):
        if grid[cell[0]][cell[1]] != on:
            continue
        near = {(cell[0] + p, cell[1] + q) for p, q in steps}
        touching = [area for area in areas if area & near]
        areas = [area for area in areas if not area & near] + [{cell}.union(*touching)]
    return [len(area) for area in areas]


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


def _graph(rng: Random, v: Values) -> tuple[int, list[tuple[int, int]]]:
    del v
    n = rng.randint(1, 7)
    pairs = list(combinations(range(1, n + 1), 2))
    edges = rng.sample(pairs, min(len(pairs), rng.randint(0, n)))
    return n, [(q, p) if rng.random() < 0.5 else (p, q) for p, q in edges]


def _graph_lines(n: int, edges: Edges) -> list[str]:
    return [f"{n} {len(edges)}", *map(joined, edges)]


def _groups(n: int, edges: Edges) -> list[set[int]]:
    """Connected groups of the nodes 1 to n, found by merging sets."""
    groups = [{node} for node in range(1, n + 1)]
    for p, q in edges:
        both = [group for group in groups if p in group or q in group]
        groups = [group for group in groups if group not in both] + [set().union(*both)]
    return groups


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
    return {"".join(p) for p in _subsets(s)} & {"".join(p) for p in _subsets(t)}


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
        yield [sum(a[p:q]) for p, q in zip(ends, ends[1:], strict=False)]


def _intervals(rng: Random, v: Values) -> tuple[list[tuple[int, int]]]:
    del v
    starts = [rng.randint(0, 12) for _ in range(rng.randint(1, 6))]
    return ([(s, s + rng.randint(1, 6)) for s in starts],)


def _interval_lines(intervals: Edges) -> list[str]:
    return [str(len(intervals)), *map(joined, intervals)]


def _cover(intervals: Edges) -> list[int]:
    """How many intervals [l, r) hold each whole number from 0 on."""
    return [sum(low <= x < high for low, high in intervals) for x in range(20)]


def _is_prime(n: int) -> bool:
    return n > 1 and all(math.gcd(n, d) == 1 for d in range(2, n))


PRIME = tuple(n for n in range(200) if _is_prime(n))
SIEVE = (
    "n = int(input())\nprime = [False] * 2 + [True] * (n - 1)\nfor p in range(2, n + 1):\n"
    "    if prime[p]:\n        for m in range(p * p, n + 1, p):\n            prime[m] = False\n"
    "primes = [p for p in range(n + 1) if prime[p]]\nprint($e)"
)
AREAS = (
    "n, m = map(int, input().split())\ngrid = [input() for _ in range(n)]\nseen = set()\nsizes = []\n"
    "for i in range(n):\n    for j in range(m):\n        if grid[i][j] == '$on' and (i, j) not in seen:\n"
    "            stack = [(i, j)]\n            seen.add((i, j))\n            size = 0\n"
    "            while stack:\n                x, y = stack.pop()\n                size += 1\n"
    "                for p, q in $near:\n"
    "                    if 0 <= p < n and 0 <= q < m and grid[p][q] == '$on' and (p, q) not in seen:\n"
    "                        seen.add((p, q))\n                        stack.append((p, q))\n"
    "            sizes.append(size)\nprint($e)"
)
GROUPS = (
    "n, m = map(int, input().split())\nparent = list(range(n + 1))\n\ndef find(x):\n"
    "    while parent[x] != x:\n        x = parent[x]\n    return x\n\nfor _ in range(m):\n"
    "    a, b = map(int, input().split())\n    parent[find(a)] = find(b)\n"
    "roots = [find(x) for x in range(1, n + 1)]\nprint($e)"
)

CUT_WORTHS = (
    ("sum", "x", "sum(a)", lambda x: x),
    ("sum, where even numbers count double", "x * (2 - x % 2)", "2 * sum(a)",
     lambda x: x if x % 2 else x + x),
    ("sum of squares", "x ** 2", "sum(x ** 2 for x in a)", lambda x: x * x),
    ("sum, where each number counts 1 more", "(x + 1)", "sum(a) + n", lambda x: x - -1),
    ("sum, where numbers above 5 count as 5", "min(x, 5)", "sum(a)", lambda x: sorted((x, 5))[0]),
)

FAMILIES = (
    Contest(
        "best-span",
        "competition",
        (
            "Choose a block of neighbouring elements of an array, $empty. Find the $best possible "
            "sum$twist.",
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
                (", where every number counts double", "a = [2 * x for x in a]\n",
                 lambda a: [x + x for x in a]),
                (", where all numbers are first decreased by 1", "a = [x - 1 for x in a]\n",
                 lambda a: [x + -1 for x in a]),
                (", where all numbers are first increased by 2", "a = [x + 2 for x in a]\n",
                 lambda a: [x - -2 for x in a]),
                (", where even numbers change their sign", "a = [-x if x % 2 == 0 else x for x in a]\n",
                 lambda a: [(x, -x)[x % 2 == 0] for x in a]),
            ),
        },
        _signed,
        lambda v, a: (max if v["f"] == "max" else min)(
            [sum(s) for s in _spans(v["change"](a))] + [0] * v["none"]
        ),
        N_AND_LIST,
        "Print the $best sum.",
        array_lines,
    ),
    Contest(
        "subsequence",
        "competition",
        (
            "Delete some elements of an array so that the remaining ones, in their old order, are "
            "$order. Find $what.",
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
                ("such that each is a multiple of the one before", "a[i] % a[j] == 0",
                 lambda p, q: q // p * p == q),
                ("such that neighbours differ by exactly 1", "abs(a[i] - a[j]) == 1",
                 lambda p, q: p in (q - 1, q + 1)),
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
                ("the least number of coins (-1 if impossible)",
                 "best = [0] + [n + 1] * n\nfor i in range(1, n + 1):\n    for c in $coins:\n"
                 "        if c <= i:\n            best[i] = min(best[i], best[i - c] + 1)",
                 "best[n] if best[n] <= n else -1",
                 lambda ways: min(map(len, ways), default=-1)),
                ("in how many ways this is possible (order does not matter)",
                 "ways = [1] + [0] * n\nfor c in $coins:\n    for i in range(c, n + 1):\n"
                 "        ways[i] += ways[i - c]",
                 "ways[n]", lambda ways: len({tuple(sorted(w)) for w in ways})),
                ("in how many orders this is possible (1 + 3 and 3 + 1 are different)",
                 "ways = [1] + [0] * n\nfor i in range(1, n + 1):\n    for c in $coins:\n"
                 "        if c <= i:\n            ways[i] += ways[i - c]",
                 "ways[n]", len),
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
            "$_who climbs a staircase of n steps, taking $list steps at once. $ban In how many ways "
            "is this possible?",
            "A frog on stone 0 jumps $list stones forward at a time and wants to reach stone n. $ban "
            "Count the ways.",
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
                ("Positions that are multiples of 5 must not be touched.", "i % 5 != 0",
                 lambda at: at not in range(5, 99, 5)),
                ("Positions that are multiples of 4 must not be touched.", "i % 4 != 0",
                 lambda at: at not in range(4, 99, 4)),
                ("Position 3 must not be touched.", "i != 3", lambda at: at - 3 != 0),
                ("Position 6 must not be touched.", "i != 6", lambda at: at - 6 != 0),
            ),
        },
        lambda rng, v: (rng.randint(1, 14),),
        lambda v, n: sum(
            all(v["ok"](sum(way[:i])) for i in range(1, len(way) + 1)) for way in _sums(v["set"], n)
        ),
        "One positive integer n.",
        "Print the number of ways. If n itself is forbidden, the answer is 0.",
        lambda n: [str(n)],
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
                ("going only right, down or diagonally right-down",
                 "        if i > 0 and j > 0:\n            before.append(cost[i - 1][j - 1])\n",
                 ((0, 1), (1, 0), (1, 1))),
            ),
            "best f e do": (
                ("smallest", "min", "cost[-1][-1]", min),
                ("largest", "max", "cost[-1][-1]", max),
                ("smallest (at least 0)", "min", "max(0, cost[-1][-1])",
                 lambda sums: max(0, min(sums))),
                ("largest (at most 30)", "max", "min(30, cost[-1][-1])",
                 lambda sums: min(30, max(sums))),
            ),
        },
        _costs,
        lambda v, t: v["do"](
            [sum(t[i][j] for i, j in path) for path in _paths(len(t), len(t[0]), v["steps"])]
        ),
        "The first line contains n and m. Each of the next n lines contains m integers.",
        "Print the $best sum.",
        _table_lines,
    ),
    Contest(
        "areas",
        "competition",
        (
            "A map has n rows and m columns; '$on' is $land and '$off' is free. Cells of $land are "
            "connected if they touch by $touch. Find $what.",
            "$_who looks at a grid of '$on' ($land) and '$off'. Two cells of $land belong together if "
            "they share $touch. Find $what.",
        ),
        AREAS,
        {
            "_who": PEOPLE,
            "on off land": (("#", ".", "forest"), ("*", "-", "water"), ("1", "0", "land")),
            "touch near steps": (
                ("a side", "((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1))", FOUR),
                ("a side or a corner",
                 "[(x + d, y + e) for d in (-1, 0, 1) for e in (-1, 0, 1)]", EIGHT),
            ),
            "what e do": (
                ("the number of connected areas", "len(sizes)", len),
                ("the size of the largest connected area (0 if none)", "max(sizes, default=0)",
                 lambda s: max([0, *s])),
                ("the size of the smallest connected area (0 if none)", "min(sizes, default=0)",
                 lambda s: sorted(s)[0] if s else 0),
                ("the number of connected areas of a single cell", "sizes.count(1)",
                 lambda s: len([x for x in s if x == 1])),
                ("the sizes of all connected areas in ascending order", "*sorted(sizes)",
                 lambda s: joined(sorted(s))),
            ),
        },
        _grid,
        lambda v, grid: v["do"](_areas(grid, v["on"], v["steps"])),
        "The first line contains n and m, each of the next n lines a row of the grid.",
        "Print $what.",
        _grid_lines,
    ),
    Contest(
        "groups",
        "competition",
        (
            "There are n islands and m bridges, each between two islands. Islands that can reach "
            "each other form a group. Find $what.",
            "Among n people there are m friendships. Friends, and friends of friends and so on, are "
            "in one group. Find $what.",
        ),
        GROUPS,
        {
            "what e do": (
                ("the number of groups", "len(set(roots))", lambda g: len(g)),
                ("the size of the largest group", "max(roots.count(r) for r in roots)",
                 lambda g: sorted(map(len, g))[-1]),
                ("the size of the smallest group", "min(roots.count(r) for r in roots)",
                 lambda g: sorted(map(len, g))[0]),
                ("how many new links are needed until all are in one group",
                 "len(set(roots)) - 1", lambda g: len(g[1:])),
                ("how many members have nobody else in their group",
                 "sum(1 for r in roots if roots.count(r) == 1)",
                 lambda g: len([x for x in g if len(x) == 1])),
                ("the size of the group of number 1", "roots.count(find(1))",
                 lambda g: next(len(x) for x in g if 1 in x)),
                ("whether number 1 and number n are in one group (YES or NO)",
                 "'YES' if find(1) == find(n) else 'NO'",
                 lambda g: "YES" if any({1, max(map(max, g))} <= x for x in g) else "NO"),
                ("whether all are in one group (YES or NO)",
                 "'YES' if len(set(roots)) == 1 else 'NO'",
                 lambda g: "NO" if g[1:] else "YES"),
                ("how many pairs are not in the same group",
                 "sum(1 for i in range(n) for j in range(i) if roots[i] != roots[j])",
                 lambda g: sum(len(x) * len(y) for x, y in combinations(g, 2))),
                ("how many pairs are in the same group",
                 "sum(1 for i in range(n) for j in range(i) if roots[i] == roots[j])",
                 lambda g: sum(math.comb(len(x), 2) for x in g)),
                ("the members of the group of number 1 in ascending order",
                 "*[x for x in range(1, n + 1) if find(x) == find(1)]",
                 lambda g: joined(sorted(next(x for x in g if 1 in x)))),
            ),
        },
        _graph,
        lambda v, n, edges: v["do"](_groups(n, edges)),
        "The first line contains n and m. Each of the next m lines contains two different numbers "
        "from 1 to n, the ends of a link.",
        "Print $what.",
        _graph_lines,
    ),
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
                ("the length of their longest common subsequence", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                 "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])", "d[n][m]",
                 lambda s, t: max(map(len, _common(s, t)))),
                ("how many letters have to be deleted from both together to make them equal", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                 "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                 "n + m - 2 * d[n][m]", lambda s, t: _edits(s, t, 2)),
                ("the length of the shortest word that contains both as subsequences", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                 "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                 "n + m - d[n][m]", lambda s, t: len(s) + len(t) - max(map(len, _common(s, t)))),
                ("whether s is a subsequence of t (YES or NO)", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1\n"
                 "        else:\n            d[i][j] = max(d[i - 1][j], d[i][j - 1])",
                 "'YES' if d[n][m] == n else 'NO'",
                 lambda s, t: "YES" if s in {"".join(p) for p in _subsets(t)} else "NO"),
                ("the length of their longest common substring", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1",
                 "max(max(row) for row in d)",
                 lambda s, t: max(j - i for i in range(len(s)) for j in range(i, len(s) + 1)
                                  if s[i:j] in t)),
                ("the length of the longest suffix that s has in common with t", "1",
                 "        if s[i - 1] == t[j - 1]:\n            d[i][j] = d[i - 1][j - 1] + 1",
                 "d[n][m]", lambda s, t: max(k for k in range(len(s) + 1) if t.endswith(s[len(s) - k:]))),
                ("the least number of insertions, deletions and replacements of a letter that turn "
                 "s into t", "0",
                 "        if i == 0 or j == 0:\n            d[i][j] = i + j\n        else:\n"
                 "            same = s[i - 1] == t[j - 1]\n"
                 "            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, "
                 "d[i - 1][j - 1] + (0 if same else 1))", "d[n][m]",
                 lambda s, t: _edits(s, t, 1)),
                ("the least cost to turn s into t if inserting or deleting a letter costs 1 and "
                 "replacing one costs 2", "0",
                 "        if i == 0 or j == 0:\n            d[i][j] = i + j\n        else:\n"
                 "            same = s[i - 1] == t[j - 1]\n"
                 "            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, "
                 "d[i - 1][j - 1] + (0 if same else 2))", "d[n][m]",
                 lambda s, t: _edits(s, t, 2)),
            ),
        },
        _two_words,
        lambda v, s, t: v["do"](s, t),
        "Two lines with one word each.",
        "Print $what.",
        lambda s, t: [s, t],
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
                ("the largest total value", "0", "value", "best[w]",
                 lambda ws, w: max(x for _, x, _ in ws)),
                ("the largest number of pieces that fit", "0", "1", "best[w]",
                 lambda ws, w: max(k for _, _, k in ws)),
                ("the largest total weight that fits", "0", "weight", "best[w]",
                 lambda ws, w: max(u for u, _, _ in ws)),
                ("how much of the limit stays free at least", "0", "weight", "w - best[w]",
                 lambda ws, w: min(w - u for u, _, _ in ws)),
                ("whether the limit can be reached exactly (YES or NO)", "0", "weight",
                 "'YES' if best[w] == w else 'NO'",
                 lambda ws, w: "YES" if w in [u for u, _, _ in ws] else "NO"),
                ("the largest value of things that weigh exactly w together (-1 if impossible)",
                 "-10 ** 9", "value", "max(best[w], -1)",
                 lambda ws, w: max([x for u, x, _ in ws if u == w], default=-1)),
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
                ("smallest possible value of the largest block $worth", "at most", "max($w for x in a)", "",
                 "        if parts == 0 or run + $w > mid:\n            parts, run = parts + 1, 0\n"
                 "        run += $w\n", "<=", "high = mid", "low = mid + 1", (min, max)),
                ("largest possible value of the smallest block $worth", "exactly", "0", " + 1",
                 "        run += $w\n        if run >= mid:\n            parts, run = parts + 1, 0\n",
                 ">=", "low = mid", "high = mid - 1", (max, min)),
            ),
            "worth w most do": CUT_WORTHS,
        },
        _positive,
        lambda v, a, k: v["f"][0](v["f"][1](parts) for parts in _cuts(list(map(v["do"], a)), k)),
        "The first line contains n and k (1 <= k <= n). The second line contains n positive integers.",
        "Print the $goal.",
        _kept_lines,
    ),
    Contest(
        "intervals",
        "competition",
        (
            "n intervals [l, r) on a line are given. Find $what.",
            "$_who plans n meetings, each from time l to time r (r not included). Find $what.",
        ),
        "n = int(input())\na = sorted(tuple(map(int, input().split())) for _ in range(n))\n$body",
        {
            "_who": PEOPLE,
            "what body do": (
                ("the largest number that take place at the same time",
                 "print(max(sum(1 for l, r in a if l <= x < r) for x, _ in a))",
                 lambda a: max(_cover(a))),
                ("the largest number of them that do not overlap",
                 "count, end = 0, 0\nfor l, r in sorted(a, key=lambda t: t[1]):\n    if l >= end:\n"
                 "        count += 1\n        end = r\nprint(count)",
                 lambda a: max(len(s) for s in _subsets(a) if max(_cover(s)) <= 1)),
                ("how many have to be cancelled so that no two overlap",
                 "count, end = 0, 0\nfor l, r in sorted(a, key=lambda t: t[1]):\n    if l >= end:\n"
                 "        count += 1\n        end = r\nprint(n - count)",
                 lambda a: min(len(a) - len(s) for s in _subsets(a) if max(_cover(s)) <= 1)),
                ("the total length that is covered",
                 "total, end = 0, 0\nfor l, r in a:\n    total += max(0, r - max(l, end))\n"
                 "    end = max(end, r)\nprint(total)",
                 lambda a: len([x for x in _cover(a) if x])),
                ("the total length between the first start and the last end that is not covered",
                 "gap, end = 0, a[0][0]\nfor l, r in a:\n    gap += max(0, l - end)\n"
                 "    end = max(end, r)\nprint(gap)",
                 lambda a: _cover(a)[min(a)[0] : max(r for _, r in a)].count(0)),
                ("how many separate pieces they cover (touching intervals are one piece)",
                 "count, end = 0, -1\nfor l, r in a:\n    if l > end:\n        count += 1\n"
                 "    end = max(end, r)\nprint(count)",
                 lambda a: sum(p == 0 and q > 0 for p, q in
                               zip([0, *_cover(a)], _cover(a), strict=False))),
                ("the longest gap without any of them between the first start and the last end",
                 "best, end = 0, a[0][1]\nfor l, r in a:\n    best = max(best, l - end)\n"
                 "    end = max(end, r)\nprint(best)",
                 lambda a: max(map(len, "".join(
                     "_" if x else "0" for x in _cover(a)[min(a)[0] : max(r for _, r in a)]
                 ).split("_")))),
                ("the length that is covered by exactly one of them",
                 "end = max(r for l, r in a)\n"
                 "covers = [sum(1 for l, r in a if l <= x < r) for x in range(end)]\n"
                 "print(covers.count(1))", lambda a: _cover(a).count(1)),
                ("the length that is covered by at least two of them",
                 "end = max(r for l, r in a)\n"
                 "covers = [sum(1 for l, r in a if l <= x < r) for x in range(end)]\n"
                 "print(sum(1 for c in covers if c >= 2))",
                 lambda a: len([x for x in _cover(a) if x > 1])),
                ("the number of pairs that overlap",
                 "count = 0\nfor i in range(n):\n    for j in range(i):\n"
                 "        if a[i][0] < a[j][1] and a[j][0] < a[i][1]:\n            count += 1\n"
                 "print(count)",
                 lambda a: sum(max(_cover(pair)) == 2 for pair in combinations(a, 2))),
            ),
        },
        _intervals,
        lambda v, a: v["do"](a),
        "The first line contains n. Each of the next n lines contains l and r (l < r).",
        "Print $what.",
        _interval_lines,
    ),
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
                ("how many of them end in 3", "sum(1 for p in primes if p % 10 == 3)",
                 lambda p, n: len([x for x in p if str(x)[-1] == "3"])),
                ("how many of them end in 7", "sum(1 for p in primes if p % 10 == 7)",
                 lambda p, n: len([x for x in p if str(x)[-1] == "7"])),
                ("how many pairs of them differ by exactly 2",
                 "sum(1 for p in primes if p + 2 <= n and prime[p + 2])",
                 lambda p, n: len([1 for x, y in combinations(p, 2) if y - x == 2])),
                ("how many pairs of them differ by exactly 4",
                 "sum(1 for p in primes if p + 4 <= n and prime[p + 4])",
                 lambda p, n: len([1 for x, y in combinations(p, 2) if y - x == 4])),
                ("the largest difference of two consecutive ones, 0 if there is only one",
                 "max([q - p for p, q in zip(primes, primes[1:])], default=0)",
                 lambda p, n: max([p[i] - p[i - 1] for i in range(1, len(p))] + [0])),
                ("how many numbers from 1 to n are not prime", "n - len(primes)",
                 lambda p, n: len([x for x in range(1, n + 1) if x not in p])),
                ("the sum of the digits of all of them",
                 "sum(int(c) for p in primes for c in str(p))",
                 lambda p, n: sum(x // 100 + x // 10 % 10 + x % 10 for x in p)),
                ("in how many ways n is the sum of two of them, the first not larger",
                 "sum(1 for p in primes if 2 * p <= n and prime[n - p])",
                 lambda p, n: len([1 for x in p for y in p if x <= y and x + y == n])),
            ),
        },
        lambda rng, v: (rng.choice((rng.randint(2, 20), rng.randint(2, 120))),),
        lambda v, n: v["do"]([p for p in PRIME if p <= n], n),
        "One integer n, at least 2.",
        "Print $what.",
        lambda n: [str(n)],
    ),
    Contest(
        "next-other",
        "competition",
        (
            "For every element of an array look to the $side for the nearest element that is $than "
            "it. Print $what.",
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
                ("its value, or -1 if there is none", "a[stack[-1]]", "-1",
                 lambda a, i, j: -1 if j is None else a[j]),
                ("its distance, or 0 if there is none", "i - stack[-1]", "0",
                 lambda a, i, j: 0 if j is None else abs(i - j)),
            ),
        },
        _few,
        lambda v, a: joined([v["do"](a, i, _seen(a, i, v["step"], v["ok"])) for i in range(len(a))]),
        N_AND_LIST + " They are not negative.",
        "Print n numbers separated by spaces: for each element $what.",
        array_lines,
    ),
    Contest(
        "recurrence",
        "competition",
        (
            "A sequence starts with f(0) = $p and f(1) = $q. After that f(n) = $rule. Find f(n) "
            "modulo $m.",
            "$_who counts rabbits: $p in month 0, $q in month 1, later f(n) = $rule in month n. Print "
            "f(n) modulo $m.",
        ),
        "n = int(input())\na, b = $p, $q\nfor i in range(n):\n    a, b = b, ($step) % $m\n"
        "print(a % $m)",
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
                ("the sum is not divisible by 5 or is zero", "s % 5 != 0 or s == 0",
                 lambda s: not s or s % 5 in (1, 2, 3, 4)),
                ("the sum is between 0 and 7", "0 <= s <= 7", lambda s: s in range(8)),
            ),
            "what e do": (
                ("the largest such sum", "max(s for s in sums if $c)", max),
                ("the smallest such sum", "min(s for s in sums if $c)", min),
                ("the number of ways to choose", "sum(1 for s in sums if $c)", len),
                ("the number of different sums", "len(set(s for s in sums if $c))",
                 lambda s: len(set(s))),
            ),
        },
        lambda rng, v: ([rng.randint(-4, 9) for _ in range(rng.randint(1, 6))],),
        lambda v, a: v["do"]([sum(s) for s in _subsets(a) if v["ok"](sum(s))]),
        fn="$name",
    ),
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


def _seen(a: Sequence[int], i: int, step: int, ok: Callable[[int, int], bool]) -> int | None:
    """The nearest position from i in direction `step` whose value is `ok` against a[i]."""
    ahead = range(i + 1, len(a)) if step > 0 else range(i - 1, -1, -1)
    return next((j for j in ahead if ok(a[i], a[j])), None)


def _sequence(p: int, q: int, rule: Callable[[int, int, int], int], n: int) -> int:
    values = [p, q]
    for at in range(2, n + 1):
        values.append(rule(values[-2], values[-1], at))
    return values[n]
