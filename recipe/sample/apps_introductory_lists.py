"""Contest problems about one or two lists that a beginner solves in a few lines."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import heapq
from collections.abc import Sequence
from random import Random

from recipe.sample.contest import (
    CONDITIONS,
    N_AND_LIST,
    PEOPLE,
    READ,
    THINGS,
    TRANSFORMS,
    array,
    array_lines,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated


def one_array(rng: Random, v: Values) -> tuple[list[int]]:
    """One list of one to eight integers."""
    del v
    return (array(rng, 1, 8),)


def _two_arrays(rng: Random, v: Values) -> tuple[list[int], list[int]]:
    del v
    a = [rng.randint(0, 9) for _ in range(rng.randint(1, 8))]
    return a, [rng.choice((x, rng.randint(0, 9), rng.randint(0, 9))) for x in a]


def _two_lines(a: Sequence[int], b: Sequence[int]) -> list[str]:
    return [str(len(a)), " ".join(map(str, a)), " ".join(map(str, b))]


def _at_least_one(rng: Random, v: Values) -> tuple[list[int]]:
    while True:
        a = array(rng, 1, 8)
        if any(v["ok"](x) for x in a):
            return (a,)


FAMILIES = (
    Contest(
        "array-sum",
        "introductory",
        (
            "$_who wrote down a list of integers. Find the sum of the ${pre}numbers$post.",
            "You are given an array of n integers. Calculate the total of all ${pre}elements$post.",
            "$_who collects $_things. Each bag has a number on it. Add up the ${pre}numbers$post.",
        ),
        READ + "print(sum(x for x in a if $c))",
        {"_who": PEOPLE, "_things": THINGS, "pre post c ok": CONDITIONS},
        one_array,
        lambda v, a: sum([x if v["ok"](x) else 0 for x in a]),
        N_AND_LIST,
        "Print the sum of the ${pre}numbers$post, or 0 if there are none.",
        array_lines,
    ),
    Contest(
        "array-count",
        "introductory",
        (
            "$_who wrote down a list of integers. How many ${pre}numbers$post are in it?",
            "You are given an array of n integers. Count the ${pre}elements$post.",
            "$_who looks at n numbers and wonders how many ${pre}numbers$post there are.",
        ),
        READ + "print(sum(1 for x in a if $c))",
        {"_who": PEOPLE, "pre post c ok": CONDITIONS},
        one_array,
        lambda v, a: len(list(filter(v["ok"], a))),
        N_AND_LIST,
        "Print how many ${pre}numbers$post there are.",
        array_lines,
    ),
    Contest(
        "array-best",
        "introductory",
        (
            "$_who has n cards with integers. Find the $best of the ${pre}numbers$post.",
            "You are given an array of n integers. Among the ${pre}elements$post find the $best.",
            "Read n integers and report the $best one of the ${pre}numbers$post.",
        ),
        READ + "print($f(x for x in a if $c))",
        {
            "_who": PEOPLE,
            "best f at": (("largest", "max", -1), ("smallest", "min", 0)),
            "pre post c ok": CONDITIONS,
        },
        _at_least_one,
        lambda v, a: sorted(filter(v["ok"], a))[v["at"]],
        N_AND_LIST + " At least one of the ${pre}numbers$post is among them.",
        "Print the $best of the ${pre}numbers$post.",
        array_lines,
    ),
    repeated(
        Contest(
            "array-map",
            "introductory",
            (
                "$_who has a list of n integers and wants to see each number $how.",
                "You are given n integers. Output every number $how, in the given order.",
                "A machine of $_who takes n numbers and returns each of them $how.",
            ),
            READ + "print(*[$e for x in a])",
            {"_who": PEOPLE, "how e do": TRANSFORMS},
            one_array,
            lambda v, a: " ".join(str(v["do"](x)) for x in a),
            N_AND_LIST,
            "Print the n new numbers separated by spaces.",
            array_lines,
        )
    ),
    repeated(
        Contest(
            "array-rework",
            "introductory",
            (
                "$_who has n $_things, each with a number. Print the numbers $how.",
                "Given an array of n integers, output it $how.",
                "Read a list of n integers. Your task is to print it $how.",
            ),
            READ + "print(*$e)",
            {
                "_who": PEOPLE,
                "_things": THINGS,
                "how e do": (
                    ("in reverse order", "a[::-1]", lambda a: list(reversed(a))),
                    ("in ascending order", "sorted(a)", lambda a: list(heapq.merge(*([x] for x in a)))),
                    (
                        "in descending order",
                        "sorted(a, reverse=True)",
                        lambda a: [-x for x in sorted(-x for x in a)],
                    ),
                    ("without the first number", "a[1:]", lambda a: [a[i] for i in range(1, len(a))]),
                    (
                        "without the last number",
                        "a[:-1]",
                        lambda a: [a[i] for i in range(len(a) - 1)],
                    ),
                    (
                        "skipping every second number",
                        "a[::2]",
                        lambda a: [x for i, x in enumerate(a) if i % 2 == 0],
                    ),
                    (
                        "starting with the second number and skipping every second one",
                        "a[1::2]",
                        lambda a: [x for i, x in enumerate(a) if i % 2 == 1],
                    ),
                    (
                        "in ascending order without duplicates",
                        "sorted(set(a))",
                        lambda a: [x for i, x in enumerate(sorted(a)) if x not in sorted(a)[:i]],
                    ),
                    (
                        "with the first number moved to the end",
                        "a[1:] + a[:1]",
                        lambda a: [a[(i + 1) % len(a)] for i in range(len(a))],
                    ),
                    (
                        "with the last number moved to the front",
                        "a[-1:] + a[:-1]",
                        lambda a: [a[i - 1] for i in range(len(a))],
                    ),
                    ("twice in a row", "a + a", lambda a: [a[i % len(a)] for i in range(2 * len(a))]),
                    (
                        "in order of absolute value",
                        "sorted(a, key=abs)",
                        lambda a: [x for _, _, x in sorted((abs(x), i, x) for i, x in enumerate(a))],
                    ),
                ),
            },
            one_array,
            lambda v, a: " ".join(map(str, v["do"](a))),
            N_AND_LIST,
            "Print the numbers separated by spaces. The line may be empty.",
            array_lines,
        )
    ),
    repeated(
        Contest(
            "compare-lists",
            "introductory",
            (
                "$_who and a friend play n rounds and note their points. Count the rounds where $what.",
                "Two arrays a and b of length n are given. In how many positions is it true that $what?",
                "On each of n days two shops sell a_i and b_i $_things. On how many days is it so that $what?",
            ),
            "n = int(input())\na = list(map(int, input().split()))\nb = list(map(int, input().split()))"
            "\nprint(sum(1 for x, y in zip(a, b) if $c))",
            {
                "_who": PEOPLE,
                "_things": THINGS,
                "what c ok": (
                    ("the first value is larger", "x > y", lambda x, y: y - x < 0),
                    ("the second value is larger", "x < y", lambda x, y: x - y < 0),
                    ("both values are equal", "x == y", lambda x, y: x - y == 0),
                    ("the values differ", "x != y", lambda x, y: bool(x - y)),
                    ("the first value is not smaller", "x >= y", lambda x, y: not x - y < 0),
                    ("the first value is not larger", "x <= y", lambda x, y: not y - x < 0),
                    ("the sum is even", "(x + y) % 2 == 0", lambda x, y: x % 2 == y % 2),
                    ("the sum is odd", "(x + y) % 2 == 1", lambda x, y: x % 2 != y % 2),
                    ("the sum is greater than 10", "x + y > 10", lambda x, y: y > 10 - x),
                    ("the values differ by exactly 1", "abs(x - y) == 1", lambda x, y: x == y + 1 or y == x + 1),
                    (
                        "both values are even",
                        "x % 2 == 0 and y % 2 == 0",
                        lambda x, y: x in range(0, 99, 2) and y in range(0, 99, 2),
                    ),
                    ("the first value is more than twice the second", "x > 2 * y", lambda x, y: x - y > y),
                ),
            },
            _two_arrays,
            lambda v, a, b: len([i for i in range(len(a)) if v["ok"](a[i], b[i])]),
            "The first line contains n. The second and third line contain n integers each.",
            "Print one number, the count.",
            _two_lines,
        )
    ),
    Contest(
        "solution-list",
        "introductory",
        (
            "Given a list of integers nums, return the ${pre}numbers$post, each $how, in their order.",
            "For an array nums return a new list: take the ${pre}elements$post and put each $how.",
        ),
        "class Solution:\n    def $name(self, nums: list[int]) -> list[int]:\n        return [$e for x in nums if $c]",
        {
            "name": ("transform", "selectNumbers", "process"),
            "how e do": TRANSFORMS,
            "pre post c ok": CONDITIONS,
        },
        one_array,
        lambda v, a: list(map(v["do"], filter(v["ok"], a))),
        fn="$name",
    ),
)
