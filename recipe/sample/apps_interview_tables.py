"""Contest problems of medium size about windows, tables and positions."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from recipe.sample.contest import (
    PEOPLE,
    THINGS,
    array,
    joined,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated

READ_K = "n, k = map(int, input().split())\na = list(map(int, input().split()))\n"


Table = list[list[int]]


def _table(rng: Random, v: Values) -> tuple[Table]:
    del v
    columns = rng.randint(1, 4)
    return ([[rng.randint(-9, 20) for _ in range(columns)] for _ in range(rng.randint(1, 4))],)


def _table_lines(table: Table) -> list[str]:
    return [f"{len(table)} {len(table[0])}", *map(joined, table)]


def _window(rng: Random, v: Values) -> tuple[list[int], int]:
    del v
    a = array(rng, 2, 9)
    return a, rng.randint(1, len(a))


def _window_lines(a: Sequence[int], k: int) -> list[str]:
    return [f"{len(a)} {k}", joined(a)]


def _list_and_k(rng: Random, v: Values) -> tuple[list[int], int]:
    del v
    a = [rng.randint(-3, 9) for _ in range(rng.randint(1, 8))]
    return a, rng.randint(1, len(a))


FAMILIES = (
    repeated(
        Contest(
            "window",
            "interview",
            (
                "Given n integers and a number k, look at every block of k neighbouring elements. Print $what.",
                "$_who measures n values and studies all stretches of k consecutive ones. Print $what.",
            ),
            READ_K + "blocks = [a[i:i + k] for i in range(n - k + 1)]\nprint($e)",
            {
                "_who": PEOPLE,
                "what e do": (
                    ("the largest sum of a block", "max(sum(b) for b in blocks)", lambda w: sorted(map(sum, w))[-1]),
                    ("the smallest sum of a block", "min(sum(b) for b in blocks)", lambda w: sorted(map(sum, w))[0]),
                    (
                        "the sum of every block",
                        "*[sum(b) for b in blocks]",
                        lambda w: joined([int(math.fsum(b)) for b in w]),
                    ),
                    (
                        "the maximum of every block",
                        "*[max(b) for b in blocks]",
                        lambda w: joined([sorted(b)[-1] for b in w]),
                    ),
                    (
                        "the minimum of every block",
                        "*[min(b) for b in blocks]",
                        lambda w: joined([sorted(b)[0] for b in w]),
                    ),
                    (
                        "the number of different values in every block",
                        "*[len(set(b)) for b in blocks]",
                        lambda w: joined([len(dict.fromkeys(b)) for b in w]),
                    ),
                    (
                        "the smallest maximum of a block",
                        "min(max(b) for b in blocks)",
                        lambda w: min(sorted(b)[-1] for b in w),
                    ),
                    (
                        "the largest minimum of a block",
                        "max(min(b) for b in blocks)",
                        lambda w: max(sorted(b)[0] for b in w),
                    ),
                    (
                        "the smallest difference of maximum and minimum in a block",
                        "min(max(b) - min(b) for b in blocks)",
                        lambda w: min(sorted(b)[-1] - sorted(b)[0] for b in w),
                    ),
                    (
                        "the largest number of different values in a block",
                        "max(len(set(b)) for b in blocks)",
                        lambda w: max(len(dict.fromkeys(b)) for b in w),
                    ),
                    (
                        "how many blocks have a positive sum",
                        "sum(1 for b in blocks if sum(b) > 0)",
                        lambda w: len([b for b in w if sum(b) >= 1]),
                    ),
                    (
                        "how many blocks have an even sum",
                        "sum(1 for b in blocks if sum(b) % 2 == 0)",
                        lambda w: len([b for b in w if not sum(b) & 1]),
                    ),
                ),
            },
            _window,
            lambda v, a, k: v["do"]([a[i - k : i] for i in range(k, len(a) + 1)]),
            "The first line contains n and k (1 <= k <= n). The second line contains n integers.",
            "Print $what, separated by spaces where there are several numbers.",
            _window_lines,
        )
    ),
    repeated(
        Contest(
            "table",
            "interview",
            (
                "A table has n rows and m columns of integers. Print $what.",
                "$_who stores $_things in a cabinet of n rows and m columns; a table tells how many are "
                "in each place. Print $what.",
            ),
            "n, m = map(int, input().split())\ntable = [list(map(int, input().split())) for _ in range(n)]\nprint($e)",
            {
                "_who": PEOPLE,
                "_things": THINGS,
                "what e do": (
                    ("the n row sums", "*[sum(row) for row in table]", lambda t: joined(map(sum, t))),  # type: ignore[arg-type]
                    (
                        "the m column sums",
                        "*[sum(col) for col in zip(*table)]",
                        lambda t: joined([sum(r[j] for r in t) for j in range(len(t[0]))]),
                    ),
                    (
                        "the largest value of each row",
                        "*[max(row) for row in table]",
                        lambda t: joined([sorted(r)[-1] for r in t]),
                    ),
                    (
                        "the smallest value of each row",
                        "*[min(row) for row in table]",
                        lambda t: joined([sorted(r)[0] for r in t]),
                    ),
                    (
                        "the largest value of each column",
                        "*[max(col) for col in zip(*table)]",
                        lambda t: joined([max(r[j] for r in t) for j in range(len(t[0]))]),
                    ),
                    (
                        "the smallest value of each column",
                        "*[min(col) for col in zip(*table)]",
                        lambda t: joined([min(r[j] for r in t) for j in range(len(t[0]))]),
                    ),
                    ("the largest row sum", "max(sum(row) for row in table)", lambda t: sorted(map(sum, t))[-1]),
                    ("the smallest row sum", "min(sum(row) for row in table)", lambda t: sorted(map(sum, t))[0]),
                    (
                        "the largest column sum",
                        "max(sum(col) for col in zip(*table))",
                        lambda t: max(sum(r[j] for r in t) for j in range(len(t[0]))),
                    ),
                    (
                        "the smallest column sum",
                        "min(sum(col) for col in zip(*table))",
                        lambda t: min(sum(r[j] for r in t) for j in range(len(t[0]))),
                    ),
                    (
                        "the last column from top to bottom",
                        "*[row[-1] for row in table]",
                        lambda t: joined([r[len(r) - 1] for r in t]),
                    ),
                    (
                        "the first column from top to bottom",
                        "*[row[0] for row in table]",
                        lambda t: joined([next(iter(r)) for r in t]),
                    ),
                    (
                        "the number of negative values",
                        "sum(1 for row in table for x in row if x < 0)",
                        lambda t: len([x for r in t for x in r if x <= -1]),
                    ),
                    (
                        "the number of even values",
                        "sum(1 for row in table for x in row if x % 2 == 0)",
                        lambda t: len([x for r in t for x in r if not x & 1]),
                    ),
                ),
            },
            _table,
            lambda v, t: v["do"](t),
            "The first line contains n and m. Each of the next n lines contains m integers.",
            "Print $what, on one line.",
            _table_lines,
        )
    ),
    Contest(
        "solution-array-k",
        "interview",
        (
            "Given an array of integers nums and an integer k, return $what.",
            "You are given integers nums and a number k. Your method has to return $what.",
        ),
        "class Solution:\n    def $name(self, nums: list[int], k: int) -> $kind:\n        return $e",
        {
            "what name kind e do": (
                (
                    "the k-th largest element, k = 1 being the largest",
                    "findKthLargest",
                    "int",
                    "sorted(nums)[-k]",
                    lambda a, k: sorted(a, key=lambda x: -x)[k - 1],
                ),
                (
                    "the k-th smallest element, k = 1 being the smallest",
                    "findKthSmallest",
                    "int",
                    "sorted(nums)[k - 1]",
                    lambda a, k: sorted(a, key=lambda x: -x)[len(a) - k],
                ),
                (
                    "the sum of the k largest elements",
                    "sumLargest",
                    "int",
                    "sum(sorted(nums)[-k:])",
                    lambda a, k: sum(sorted(a, reverse=True)[:k]),
                ),
                (
                    "the sum of the k smallest elements",
                    "sumSmallest",
                    "int",
                    "sum(sorted(nums)[:k])",
                    lambda a, k: sum(sorted(a, reverse=True)[len(a) - k :]),
                ),
                (
                    "the array rotated to the right by k steps",
                    "rotateRight",
                    "list[int]",
                    "nums[-k:] + nums[:-k]",
                    lambda a, k: [a[(i - k) % len(a)] for i in range(len(a))],
                ),
                (
                    "the array rotated to the left by k steps",
                    "rotateLeft",
                    "list[int]",
                    "nums[k:] + nums[:k]",
                    lambda a, k: [a[(i + k) % len(a)] for i in range(len(a))],
                ),
                (
                    "the array with its first k elements reversed",
                    "reverseFirst",
                    "list[int]",
                    "nums[:k][::-1] + nums[k:]",
                    lambda a, k: [a[k - 1 - i] if i < k else a[i] for i in range(len(a))],
                ),
                (
                    "how many elements are greater than k",
                    "countGreater",
                    "int",
                    "sum(1 for x in nums if x > k)",
                    lambda a, k: len([x for x in a if x - k >= 1]),
                ),
                (
                    "how many elements are divisible by k",
                    "countDivisible",
                    "int",
                    "sum(1 for x in nums if x % k == 0)",
                    lambda a, k: len([x for x in a if x // k * k == x]),
                ),
                (
                    "the elements that are not equal to k, in order",
                    "removeValue",
                    "list[int]",
                    "[x for x in nums if x != k]",
                    lambda a, k: [x for x in a if x < k or x > k],
                ),
                (
                    "whether two different positions hold numbers with the sum k",
                    "hasPair",
                    "bool",
                    "any(k - x in nums[i + 1:] for i, x in enumerate(nums))",
                    lambda a, k: any(a[i] + a[j] == k for i in range(len(a)) for j in range(i)),
                ),
                (
                    "the chunks of length k of the array, the last one may be shorter",
                    "chunk",
                    "list[list[int]]",
                    "[nums[i:i + k] for i in range(0, len(nums), k)]",
                    lambda a, k: [a[k * j : k * j + k] for j in range((len(a) - 1) // k + 1)],
                ),
            ),
        },
        _list_and_k,
        lambda v, a, k: v["do"](a, k),
        fn="$name",
    ),
)
