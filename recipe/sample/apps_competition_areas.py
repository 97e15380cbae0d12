"""Contest problems about areas, groups and intervals.

The answers that the tests expect come from brute force over all subsets, paths or orders.
"""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product
from random import Random

from recipe.sample.contest import (
    PEOPLE,
    Edges,
    joined,
    subsets,
    word,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated

FOUR = ((0, 1), (1, 0), (0, -1), (-1, 0))


EIGHT = (*FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1))


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


def _intervals(rng: Random, v: Values) -> tuple[list[tuple[int, int]]]:
    del v
    starts = [rng.randint(0, 12) for _ in range(rng.randint(1, 6))]
    return ([(s, s + rng.randint(1, 6)) for s in starts],)


def _interval_lines(intervals: Edges) -> list[str]:
    return [str(len(intervals)), *map(joined, intervals)]


def _cover(intervals: Edges) -> list[int]:
    """How many intervals [l, r) hold each whole number from 0 on."""
    return [sum(low <= x < high for low, high in intervals) for x in range(20)]


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


FAMILIES = (
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
                ("a side or a corner", "[(x + d, y + e) for d in (-1, 0, 1) for e in (-1, 0, 1)]", EIGHT),
            ),
            "what e do": (
                ("the number of connected areas", "len(sizes)", len),
                ("the size of the largest connected area (0 if none)", "max(sizes, default=0)", lambda s: max([0, *s])),
                (
                    "the size of the smallest connected area (0 if none)",
                    "min(sizes, default=0)",
                    lambda s: sorted(s)[0] if s else 0,
                ),
                (
                    "the number of connected areas of a single cell",
                    "sizes.count(1)",
                    lambda s: len([x for x in s if x == 1]),
                ),
                ("the sizes of all connected areas in ascending order", "*sorted(sizes)", lambda s: joined(sorted(s))),
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
                ("the number of groups", "len(set(roots))", len),
                (
                    "the size of the largest group",
                    "max(roots.count(r) for r in roots)",
                    lambda g: sorted(map(len, g))[-1],
                ),
                (
                    "the size of the smallest group",
                    "min(roots.count(r) for r in roots)",
                    lambda g: sorted(map(len, g))[0],
                ),
                (
                    "how many new links are needed until all are in one group",
                    "len(set(roots)) - 1",
                    lambda g: len(g[1:]),
                ),
                (
                    "how many members have nobody else in their group",
                    "sum(1 for r in roots if roots.count(r) == 1)",
                    lambda g: len([x for x in g if len(x) == 1]),
                ),
                (
                    "the size of the group of number 1",
                    "roots.count(find(1))",
                    lambda g: next(len(x) for x in g if 1 in x),
                ),
                (
                    "whether number 1 and number n are in one group (YES or NO)",
                    "'YES' if find(1) == find(n) else 'NO'",
                    lambda g: "YES" if any({1, max(map(max, g))} <= x for x in g) else "NO",
                ),
                (
                    "whether all are in one group (YES or NO)",
                    "'YES' if len(set(roots)) == 1 else 'NO'",
                    lambda g: "NO" if g[1:] else "YES",
                ),
                (
                    "how many pairs are not in the same group",
                    "sum(1 for i in range(n) for j in range(i) if roots[i] != roots[j])",
                    lambda g: sum(len(x) * len(y) for x, y in combinations(g, 2)),
                ),
                (
                    "how many pairs are in the same group",
                    "sum(1 for i in range(n) for j in range(i) if roots[i] == roots[j])",
                    lambda g: sum(math.comb(len(x), 2) for x in g),
                ),
                (
                    "the members of the group of number 1 in ascending order",
                    "*[x for x in range(1, n + 1) if find(x) == find(1)]",
                    lambda g: joined(sorted(next(x for x in g if 1 in x))),
                ),
            ),
        },
        _graph,
        lambda v, n, edges: v["do"](_groups(n, edges)),
        "The first line contains n and m. Each of the next m lines contains two different numbers "
        "from 1 to n, the ends of a link.",
        "Print $what.",
        _graph_lines,
    ),
    repeated(
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
                    (
                        "the largest number that take place at the same time",
                        "print(max(sum(1 for l, r in a if l <= x < r) for x, _ in a))",
                        lambda a: max(_cover(a)),
                    ),
                    (
                        "the largest number of them that do not overlap",
                        "count, end = 0, 0\nfor l, r in sorted(a, key=lambda t: t[1]):\n    if l >= end:\n"
                        "        count += 1\n        end = r\nprint(count)",
                        lambda a: max(len(s) for s in subsets(a) if max(_cover(s)) <= 1),
                    ),
                    (
                        "how many have to be cancelled so that no two overlap",
                        "count, end = 0, 0\nfor l, r in sorted(a, key=lambda t: t[1]):\n    if l >= end:\n"
                        "        count += 1\n        end = r\nprint(n - count)",
                        lambda a: min(len(a) - len(s) for s in subsets(a) if max(_cover(s)) <= 1),
                    ),
                    (
                        "the total length that is covered",
                        "total, end = 0, 0\nfor l, r in a:\n    total += max(0, r - max(l, end))\n"
                        "    end = max(end, r)\nprint(total)",
                        lambda a: len([x for x in _cover(a) if x]),
                    ),
                    (
                        "the total length between the first start and the last end that is not covered",
                        "gap, end = 0, a[0][0]\nfor l, r in a:\n    gap += max(0, l - end)\n"
                        "    end = max(end, r)\nprint(gap)",
                        lambda a: _cover(a)[min(a)[0] : max(r for _, r in a)].count(0),
                    ),
                    (
                        "how many separate pieces they cover (touching intervals are one piece)",
                        "count, end = 0, -1\nfor l, r in a:\n    if l > end:\n        count += 1\n"
                        "    end = max(end, r)\nprint(count)",
                        lambda a: sum(p == 0 and q > 0 for p, q in zip([0, *_cover(a)], _cover(a), strict=False)),
                    ),
                    (
                        "the longest gap without any of them between the first start and the last end",
                        "best, end = 0, a[0][1]\nfor l, r in a:\n    best = max(best, l - end)\n"
                        "    end = max(end, r)\nprint(best)",
                        lambda a: max(
                            map(
                                len,
                                "".join("_" if x else "0" for x in _cover(a)[min(a)[0] : max(r for _, r in a)]).split(
                                    "_"
                                ),
                            )
                        ),
                    ),
                    (
                        "the length that is covered by exactly one of them",
                        "end = max(r for l, r in a)\n"
                        "covers = [sum(1 for l, r in a if l <= x < r) for x in range(end)]\n"
                        "print(covers.count(1))",
                        lambda a: _cover(a).count(1),
                    ),
                    (
                        "the length that is covered by at least two of them",
                        "end = max(r for l, r in a)\n"
                        "covers = [sum(1 for l, r in a if l <= x < r) for x in range(end)]\n"
                        "print(sum(1 for c in covers if c >= 2))",
                        lambda a: len([x for x in _cover(a) if x > 1]),
                    ),
                    (
                        "the number of pairs that overlap",
                        "count = 0\nfor i in range(n):\n    for j in range(i):\n"
                        "        if a[i][0] < a[j][1] and a[j][0] < a[i][1]:\n            count += 1\n"
                        "print(count)",
                        lambda a: sum(max(_cover(pair)) == 2 for pair in combinations(a, 2)),
                    ),
                ),
            },
            _intervals,
            lambda v, a: v["do"](a),
            "The first line contains n. Each of the next n lines contains l and r (l < r).",
            "Print $what.",
            _interval_lines,
        )
    ),
)
