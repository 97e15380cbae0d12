"""Contest problems of medium size: solutions of up to twelve lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from random import Random
from typing import Any

from recipe.sample.contest import (
    CONDITIONS,
    DIGIT_OPS,
    PEOPLE,
    THINGS,
    WORDS,
    array,
    array_lines,
    joined,
    word,
)
from recipe.sample.families import Contest, Values

READ = "n = int(input())\na = list(map(int, input().split()))\n"
READ_K = "n, k = map(int, input().split())\na = list(map(int, input().split()))\n"
N_AND_LIST = "The first line contains an integer n. The second line contains n integers."
MOVES = {"U": (0, 1), "D": (0, -1), "L": (-1, 0), "R": (1, 0)}
Table = list[list[int]]


def _numbers(rng: Random, v: Values) -> tuple[list[int]]:
    del v
    few = (rng.randint(1, 99), rng.randint(100, 9999), rng.randint(1, 30))
    return ([rng.choice((*few, rng.randint(1, 999))) for _ in range(rng.randint(1, 5))],)


def _one_per_line(a: Sequence[int]) -> list[str]:
    return [str(len(a)), *map(str, a)]


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


def _walk(s: str) -> list[tuple[int, int]]:
    """The positions of a walk, the start first."""
    at = [(0, 0)]
    for c in s:
        at.append((at[-1][0] + MOVES[c][0], at[-1][1] + MOVES[c][1]))
    return at


def _depths(s: str, opening: str) -> list[int]:
    """How many brackets are open after each character, the start first."""
    return [2 * s[:i].count(opening) - i for i in range(len(s) + 1)]


def _balanced(rng: Random, v: Values) -> tuple[str]:
    p, q = v["p"], v["q"]
    if rng.random() < 0.6:
        return (word(rng, p + q, 1, 8),)
    s = ""
    for _ in range(rng.randint(1, 5)):
        at = rng.randint(0, len(s))
        s = s[:at] + p + q + s[at:]
    return (s,)


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


def _words(rng: Random, v: Values) -> tuple[list[str]]:
    del v
    return ([rng.choice(WORDS) for _ in range(rng.randint(1, 7))],)


def _word_lines(a: Sequence[str]) -> list[str]:
    return [str(len(a)), *a]


def _stable(a: Sequence[Any], *keys: Any) -> list[Any]:
    """Insertion sort by several keys, the most important one first."""
    out: list[Any] = []
    for x in a:
        at = len(out)
        while at and tuple(k(out[at - 1]) for k in keys) > tuple(k(x) for k in keys):
            at -= 1
        out.insert(at, x)
    return out


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if math.gcd(d, n) == d]


def _collatz(n: int) -> list[int]:
    return [n] if n == 1 else [n, *_collatz(n // 2 if n % 2 == 0 else 3 * n + 1)]


def _commands(rng: Random, v: Values) -> tuple[list[str]]:
    """Commands `+ x` and `-`, never more of the second than of the first so far."""
    out, size = [], 0
    while len(out) < 9 and (not size or rng.random() < 0.85):
        grow = not size or rng.random() < 0.65
        size += 1 if grow else -1
        out.append(f"{v['put']} {rng.randint(1, 20)}" if grow else str(v["take"]))
    return (out,)


def _after(commands: Sequence[str], newest: bool) -> list[int]:
    """What a stack (`newest`) or a queue holds after the commands."""
    held: list[int] = []
    for command in commands:
        if " " in command:
            held = [*held, int(command.split(" ")[1])]
        else:
            held = held[: len(held) - 1] if newest else held[1 : len(held)]
    return held


def _runs(a: Sequence[int], joins: Any) -> int:
    """Length of the longest stretch in which `joins` holds for all neighbours, by brute force."""
    spans = [a[i:j] for i in range(len(a)) for j in range(i + 1, len(a) + 1)]
    return max(len(s) for s in spans if all(joins(p, q) for p, q in zip(s, s[1:], strict=False)))


FAMILIES = (
    Contest(
        "cases",
        "interview",
        (
            "$_who asks t questions. In each one a positive integer n is given; answer with $what.",
            "For each of t test cases you get a positive integer n. Find $what.",
        ),
        "for _ in range(int(input())):\n    s = input()\n    print($e)",
        {"_who": PEOPLE, "what e do": DIGIT_OPS},
        _numbers,
        lambda v, a: [v["do"](n) for n in a],
        "The first line contains t. Each of the next t lines contains one integer n.",
        "For each test case print $what on its own line.",
        _one_per_line,
    ),
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
                ("the number of different values", "len(set(a[l - 1:r]))",
                 lambda b: len([x for i, x in enumerate(b) if x not in b[:i]])),
                ("the difference of maximum and minimum", "max(a[l - 1:r]) - min(a[l - 1:r])",
                 lambda b: max(x - y for x in b for y in b)),
                ("the sum of the absolute values", "sum(abs(x) for x in a[l - 1:r])",
                 lambda b: sum(max(x, -x) for x in b)),
                ("the sum of the squares", "sum(x ** 2 for x in a[l - 1:r])",
                 lambda b: sum(x * x for x in b)),
                *(
                    (f"the number of {pre}values{post}", f"sum(1 for x in a[l - 1:r] if {c})",
                     lambda b, ok=ok: len(list(filter(ok, b))))
                    for pre, post, c, ok in CONDITIONS[:8]
                ),
                *(
                    (f"the sum of the {pre}values{post}", f"sum(x for x in a[l - 1:r] if {c})",
                     lambda b, ok=ok: sum(filter(ok, b)))
                    for pre, post, c, ok in CONDITIONS[4:]
                ),
            ),
        },
        _queries,
        lambda v, a, queries: [int(v["do"](a[low - 1 : high])) for low, high in queries],
        "The first line contains n and q, the second the array. Each of the next q lines contains l "
        "and r.",
        "Print one answer per query, each on its own line.",
        _query_lines,
    ),
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
                ("a_i + a_j is divisible by 3", "(a[i] + a[j]) % 3 == 0",
                 lambda x, y: (x % 3 + y % 3) in (0, 3)),
                ("a_i + a_j equals 5", "a[i] + a[j] == 5", lambda x, y: y == 5 - x),
                ("a_i + a_j equals 10", "a[i] + a[j] == 10", lambda x, y: y == 10 - x),
                ("a_i + a_j is greater than 10", "a[i] + a[j] > 10", lambda x, y: y > 10 - x),
                ("a_i and a_j differ by exactly 1", "abs(a[i] - a[j]) == 1",
                 lambda x, y: x in (y - 1, y + 1)),
                ("a_i and a_j differ by exactly 2", "abs(a[i] - a[j]) == 2",
                 lambda x, y: x in (y - 2, y + 2)),
                ("the product of a_i and a_j is even", "a[i] * a[j] % 2 == 0",
                 lambda x, y: x % 2 == 0 or y % 2 == 0),
                ("the product of a_i and a_j is negative", "a[i] * a[j] < 0",
                 lambda x, y: (x < 0 < y) or (y < 0 < x)),
                ("a_i is more than twice a_j", "a[i] > 2 * a[j]", lambda x, y: x - y > y),
            ),
        },
        _small,
        lambda v, a: sum(v["ok"](x, y) for i, x in enumerate(a) for y in a[i + 1 :]),
        N_AND_LIST,
        "Print the number of such pairs.",
        array_lines,
    ),
    Contest(
        "longest-run",
        "interview",
        (
            "Find the length of the longest stretch of consecutive elements in which $what.",
            "$_who writes down a number on n days. What is the largest number of days in a row such "
            "that $what?",
        ),
        READ + "best = run = 1\nfor i in range(1, n):\n    if $c:\n        run += 1\n    else:\n"
        "        run = 1\n    best = max(best, run)\nprint(best)",
        {
            "_who": PEOPLE,
            "what c ok": (
                ("all numbers are equal", "a[i] == a[i - 1]", lambda p, q: p - q == 0),
                ("every number is larger than the one before", "a[i] > a[i - 1]",
                 lambda p, q: p - q < 0),
                ("every number is smaller than the one before", "a[i] < a[i - 1]",
                 lambda p, q: p - q > 0),
                ("no number is smaller than the one before", "a[i] >= a[i - 1]",
                 lambda p, q: not q < p),
                ("no number is larger than the one before", "a[i] <= a[i - 1]",
                 lambda p, q: not q > p),
                ("neighbours always differ", "a[i] != a[i - 1]", lambda p, q: p - q != 0),
                ("every number is the one before plus 1", "a[i] == a[i - 1] + 1",
                 lambda p, q: q - p == 1),
                ("every number is the one before minus 1", "a[i] == a[i - 1] - 1",
                 lambda p, q: p - q == 1),
                ("neighbours differ by at most 1", "abs(a[i] - a[i - 1]) <= 1",
                 lambda p, q: -1 <= p - q <= 1),
                ("neighbours differ by at most 2", "abs(a[i] - a[i - 1]) <= 2",
                 lambda p, q: -2 <= p - q <= 2),
                ("neighbours differ by at least 2", "abs(a[i] - a[i - 1]) >= 2",
                 lambda p, q: not -2 < p - q < 2),
                ("the sum of neighbours is always even", "(a[i] + a[i - 1]) % 2 == 0",
                 lambda p, q: p % 2 == q % 2),
                ("the sum of neighbours is always odd", "(a[i] + a[i - 1]) % 2 == 1",
                 lambda p, q: p % 2 != q % 2),
            ),
        },
        lambda rng, v: ([rng.randint(0, rng.choice((2, 3, 5))) for _ in range(rng.randint(1, 11))],),
        lambda v, a: _runs(a, v["ok"]),
        N_AND_LIST,
        "Print one integer, the length.",
        array_lines,
    ),
    Contest(
        "run-of",
        "interview",
        (
            "A row of n numbers is given. How long is the longest block of neighbouring "
            "${pre}numbers$post?",
            "$_who calls a day good if its number is one of the ${pre}numbers$post. Find the longest "
            "run of good days.",
        ),
        READ + "best = run = 0\nfor x in a:\n    if $c:\n        run += 1\n    else:\n"
        "        run = 0\n    best = max(best, run)\nprint(best)",
        {"_who": PEOPLE, "pre post c ok": CONDITIONS},
        lambda rng, v: (array(rng, 1, 11),),
        lambda v, a: max([0] + [len(list(g)) for ok, g in groupby(a, lambda x: bool(v["ok"](x))) if ok]),
        N_AND_LIST,
        "Print the length of the run, 0 if there is none.",
        array_lines,
    ),
    Contest(
        "sort-words",
        "interview",
        (
            "Sort n words $how and print them one per line.",
            "$_who puts n word cards in order: $how. Print the words in that order.",
        ),
        "n = int(input())\nwords = [input() for _ in range(n)]\nwords.sort($key)\nfor w in words:\n"
        "    print(w)",
        {
            "_who": PEOPLE,
            "how key keys": (
                ("by length", "key=len", (len,)),
                ("by length, longest first", "key=lambda w: -len(w)", (lambda w: -len(w),)),
                ("by length and for equal length alphabetically", "key=lambda w: (len(w), w)",
                 (len, str)),
                ("by length, longest first, ties alphabetically", "key=lambda w: (-len(w), w)",
                 (lambda w: 9 - len(w), str)),
                ("alphabetically, ignoring case", "key=str.lower", (str.casefold,)),
                ("by their last letter", "key=lambda w: w[-1]", (lambda w: w[len(w) - 1],)),
                ("by their last letter, ties alphabetically", "key=lambda w: (w[-1], w)",
                 (lambda w: w[len(w) - 1], str)),
                ("by the number of letters e", "key=lambda w: w.count('e')",
                 (lambda w: len(w.split("e")),)),
                ("by the number of letters e, ties alphabetically",
                 "key=lambda w: (w.count('e'), w)", (lambda w: len(w.split("e")), str)),
                ("by how they read backwards", "key=lambda w: w[::-1]",
                 (lambda w: "".join(reversed(w)),)),
                ("by their first letter only", "key=lambda w: w[0]", (lambda w: w[:1],)),
                ("by their first letter only, last one first", "key=lambda w: -ord(w[0])",
                 (lambda w: 999 - ord(w[:1]),)),
            ),
        },
        _words,
        lambda v, a: _stable(a, *v["keys"]),
        "The first line contains n. Each of the next n lines contains one word.",
        "Print the sorted words. Words that are equal in this order stay in the input order.",
        _word_lines,
    ),
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
                ("how often the most common number occurs", "max(counts.values())",
                 lambda a: max(a.count(x) for x in a)),
                ("how often the rarest number occurs", "min(counts.values())",
                 lambda a: min(a.count(x) for x in a)),
                ("how many numbers occur exactly once",
                 "sum(1 for c in counts.values() if c == 1)",
                 lambda a: len([x for x in a if a.count(x) == 1])),
                ("how many different numbers occur exactly twice",
                 "sum(1 for c in counts.values() if c == 2)",
                 lambda a: len([x for x in a if a.count(x) == 2]) // 2),
                ("how many different numbers occur at least twice",
                 "sum(1 for c in counts.values() if c >= 2)",
                 lambda a: len({x for x in a if a.count(x) > 1})),
                ("how many different numbers occur an odd number of times",
                 "sum(1 for c in counts.values() if c % 2 == 1)",
                 lambda a: len({x for x in a if a.count(x) in (1, 3, 5, 7, 9)})),
                ("the sum of the numbers that occur exactly once",
                 "sum(x for x, c in counts.items() if c == 1)",
                 lambda a: sum(x for x in a if a.count(x) == 1)),
                ("the sum of the different numbers that occur at least twice",
                 "sum(x for x, c in counts.items() if c >= 2)",
                 lambda a: sum({x for x in a if a.count(x) > 1})),
                ("the smallest of the most common numbers",
                 "min(x for x, c in counts.items() if c == max(counts.values()))",
                 lambda a: sorted(a, key=lambda x: (-a.count(x), x))[0]),
                ("the largest of the most common numbers",
                 "max(x for x, c in counts.items() if c == max(counts.values()))",
                 lambda a: sorted(a, key=lambda x: (a.count(x), x))[-1]),
                ("how many different numbers there are", "len(counts)", lambda a: len(set(a))),
                ("how many numbers have to be removed so that all are different",
                 "n - len(counts)", lambda a: len(a) - len(set(a))),
                ("how many have to be removed so that all are equal",
                 "n - max(counts.values())", lambda a: len(a) - max(a.count(x) for x in a)),
            ),
        },
        lambda rng, v: ([rng.randint(-2, rng.choice((1, 3, 9))) for _ in range(rng.randint(1, 9))],),
        lambda v, a: v["do"](a),
        N_AND_LIST,
        "Print $what.",
        array_lines,
    ),
    Contest(
        "walk",
        "interview",
        (
            "A robot starts at (0, 0) of a grid. U, D, L and R move it one step up (y + 1), down "
            "(y - 1), left (x - 1) and right (x + 1). Find $what.",
            "$_who walks through a city from (0, 0), following a plan of the letters U (y + 1), D "
            "(y - 1), L (x - 1), R (x + 1). Report $what.",
        ),
        "s = input()\nx = s.count('R') - s.count('L')\ny = s.count('U') - s.count('D')\nprint($e)",
        {
            "_who": PEOPLE,
            "what e do": (
                ("the final coordinates x and y", "x, y", lambda w: joined(w[-1])),
                ("the final coordinates, y first, then x", "y, x", lambda w: joined(w[-1][::-1])),
                ("the least number of steps back to the start", "abs(x) + abs(y)",
                 lambda w: sum(abs(c) for c in w[-1])),
                ("the squared straight distance from the start at the end", "x ** 2 + y ** 2",
                 lambda w: sum(c * c for c in w[-1])),
                ("the final distance if diagonal steps were allowed on the way back",
                 "max(abs(x), abs(y))", lambda w: max(abs(c) for c in w[-1])),
                ("the final x coordinate", "x", lambda w: w[-1][0]),
                ("the final y coordinate", "y", lambda w: w[-1][1]),
                ("the sum of the final coordinates", "x + y", lambda w: sum(w[-1])),
                ("how many steps were wasted, which is their number minus the least number of "
                 "steps to the same point", "len(s) - abs(x) - abs(y)",
                 lambda w: len(w) - 1 - sum(abs(c) for c in w[-1])),
                ("whether it ends where it started (YES or NO)",
                 "'YES' if x == 0 and y == 0 else 'NO'",
                 lambda w: "YES" if w[-1] == w[0] else "NO"),
                ("whether it ends above the start, y being positive (YES or NO)",
                 "'YES' if y > 0 else 'NO'", lambda w: "YES" if w[-1][1] >= 1 else "NO"),
                ("whether it ends on one of the axes (YES or NO)",
                 "'YES' if x == 0 or y == 0 else 'NO'", lambda w: "YES" if 0 in w[-1] else "NO"),
            ),
        },
        lambda rng, v: (word(rng, rng.choice(("UDLR", "UDLR", "UUR", "LLD", "UD")), 1, 10),),
        lambda v, s: v["do"](_walk(s)),
        "One line with the letters U, D, L, R.",
        "Print $what.",
        lambda s: [s],
    ),
    Contest(
        "brackets",
        "interview",
        (
            "A string consists of '$p' and '$q'. Going from left to right, '$p' opens and '$q' "
            "closes a level. $task",
            "$_who reads '$p' as one step up and '$q' as one step down, starting at level 0. $task",
        ),
        "s = input()\ndepth = $start\nfor c in s:\n    if c == '$p':\n        depth += 1\n"
        "    else:\n        depth -= 1\n    $step\nprint($e)",
        {
            "_who": PEOPLE,
            "p q": (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}")),
            "task start step e do": (
                ("Find the highest level reached, at least 0.", "best = 0",
                 "best = max(best, depth)", "best", max),
                ("Find the lowest level reached, at most 0.", "low = 0", "low = min(low, depth)",
                 "low", min),
                ("Count how often level 0 is reached again.", "zeros = 0",
                 "zeros += depth == 0", "zeros", lambda d: d.count(0) - 1),
                ("Is it balanced: never below level 0 and ending at 0? Answer YES or NO.", "low = 0",
                 "low = min(low, depth)", "'YES' if low == 0 and depth == 0 else 'NO'",
                 lambda d: "YES" if min(d) >= 0 and d[-1] == 0 else "NO"),
                ("How many '$p' must be put in front so that the level never drops below 0?",
                 "low = 0", "low = min(low, depth)", "-low", lambda d: -min(d)),
                ("Add up the levels after each character.", "total = 0", "total += depth",
                 "total", sum),
            ),
        },
        _balanced,
        lambda v, s: v["do"](_depths(s, v["p"])),
        "One line with the string.",
        "Print the answer.",
        lambda s: [s],
    ),
    Contest(
        "table",
        "interview",
        (
            "A table has n rows and m columns of integers. Print $what.",
            "$_who stores $_things in a cabinet of n rows and m columns; a table tells how many are "
            "in each place. Print $what.",
        ),
        "n, m = map(int, input().split())\n"
        "table = [list(map(int, input().split())) for _ in range(n)]\nprint($e)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "what e do": (
                ("the n row sums", "*[sum(row) for row in table]",
                 lambda t: joined(map(sum, t))),  # type: ignore[arg-type]
                ("the m column sums", "*[sum(col) for col in zip(*table)]",
                 lambda t: joined([sum(r[j] for r in t) for j in range(len(t[0]))])),
                ("the largest value of each row", "*[max(row) for row in table]",
                 lambda t: joined([sorted(r)[-1] for r in t])),
                ("the smallest value of each row", "*[min(row) for row in table]",
                 lambda t: joined([sorted(r)[0] for r in t])),
                ("the largest value of each column", "*[max(col) for col in zip(*table)]",
                 lambda t: joined([max(r[j] for r in t) for j in range(len(t[0]))])),
                ("the smallest value of each column", "*[min(col) for col in zip(*table)]",
                 lambda t: joined([min(r[j] for r in t) for j in range(len(t[0]))])),
                ("the largest row sum", "max(sum(row) for row in table)",
                 lambda t: sorted(map(sum, t))[-1]),
                ("the smallest row sum", "min(sum(row) for row in table)",
                 lambda t: sorted(map(sum, t))[0]),
                ("the largest column sum", "max(sum(col) for col in zip(*table))",
                 lambda t: max(sum(r[j] for r in t) for j in range(len(t[0])))),
                ("the smallest column sum", "min(sum(col) for col in zip(*table))",
                 lambda t: min(sum(r[j] for r in t) for j in range(len(t[0])))),
                ("the last column from top to bottom", "*[row[-1] for row in table]",
                 lambda t: joined([r[len(r) - 1] for r in t])),
                ("the first column from top to bottom", "*[row[0] for row in table]",
                 lambda t: joined([next(iter(r)) for r in t])),
                ("the number of negative values", "sum(1 for row in table for x in row if x < 0)",
                 lambda t: len([x for r in t for x in r if x <= -1])),
                ("the number of even values",
                 "sum(1 for row in table for x in row if x % 2 == 0)",
                 lambda t: len([x for r in t for x in r if not x & 1])),
            ),
        },
        _table,
        lambda v, t: v["do"](t),
        "The first line contains n and m. Each of the next n lines contains m integers.",
        "Print $what, on one line.",
        _table_lines,
    ),
    Contest(
        "window",
        "interview",
        (
            "Given n integers and a number k, look at every block of k neighbouring elements. Print "
            "$what.",
            "$_who measures n values and studies all stretches of k consecutive ones. Print $what.",
        ),
        READ_K + "blocks = [a[i:i + k] for i in range(n - k + 1)]\nprint($e)",
        {
            "_who": PEOPLE,
            "what e do": (
                ("the largest sum of a block", "max(sum(b) for b in blocks)",
                 lambda w: sorted(map(sum, w))[-1]),
                ("the smallest sum of a block", "min(sum(b) for b in blocks)",
                 lambda w: sorted(map(sum, w))[0]),
                ("the sum of every block", "*[sum(b) for b in blocks]",
                 lambda w: joined([int(math.fsum(b)) for b in w])),
                ("the maximum of every block", "*[max(b) for b in blocks]",
                 lambda w: joined([sorted(b)[-1] for b in w])),
                ("the minimum of every block", "*[min(b) for b in blocks]",
                 lambda w: joined([sorted(b)[0] for b in w])),
                ("the number of different values in every block", "*[len(set(b)) for b in blocks]",
                 lambda w: joined([len(dict.fromkeys(b)) for b in w])),
                ("the smallest maximum of a block", "min(max(b) for b in blocks)",
                 lambda w: min(sorted(b)[-1] for b in w)),
                ("the largest minimum of a block", "max(min(b) for b in blocks)",
                 lambda w: max(sorted(b)[0] for b in w)),
                ("the smallest difference of maximum and minimum in a block",
                 "min(max(b) - min(b) for b in blocks)",
                 lambda w: min(sorted(b)[-1] - sorted(b)[0] for b in w)),
                ("the largest number of different values in a block",
                 "max(len(set(b)) for b in blocks)", lambda w: max(len(dict.fromkeys(b)) for b in w)),
                ("how many blocks have a positive sum", "sum(1 for b in blocks if sum(b) > 0)",
                 lambda w: len([b for b in w if sum(b) >= 1])),
                ("how many blocks have an even sum", "sum(1 for b in blocks if sum(b) % 2 == 0)",
                 lambda w: len([b for b in w if not sum(b) & 1])),
            ),
        },
        _window,
        lambda v, a, k: v["do"]([a[i - k : i] for i in range(k, len(a) + 1)]),
        "The first line contains n and k (1 <= k <= n). The second line contains n integers.",
        "Print $what, separated by spaces where there are several numbers.",
        _window_lines,
    ),
    Contest(
        "store",
        "interview",
        (
            "A $kind receives n commands. '$put x' adds the number x, '$take' removes the $age "
            "number in it. Print $what at the end.",
            "$_who works with a $kind: '$put x' puts x in, '$take' takes the $age number out. After "
            "n commands print $what.",
        ),
        "n = int(input())\nheld = []\nfor _ in range(n):\n    parts = input().split()\n"
        "    if parts[0] == '$put':\n        held.append(int(parts[1]))\n    else:\n"
        "        held.pop($at)\nprint($e)",
        {
            "_who": PEOPLE,
            "kind age at": (("stack", "newest", ""), ("queue", "oldest", "0")),
            "put take": (("push", "pop"), ("add", "remove"), ("in", "out")),
            "what e do": (
                ("the sum of the numbers in it", "sum(held)", lambda h: sum(x for x in h)),
                ("how many numbers are in it", "len(held)", lambda h: sum(1 for _ in h)),
                ("the numbers in it, oldest first", "*held", joined),
                ("the numbers in it, newest first", "*held[::-1]", lambda h: joined(h[::-1])),
                ("the largest number in it, or 0 if it is empty", "max(held, default=0)",
                 lambda h: sorted([0, *h])[-1]),
            ),
        },
        _commands,
        lambda v, commands: v["do"](_after(commands, v["kind"] == "stack")),
        "The first line contains n, each of the next n lines a command. '$take' never comes when "
        "nothing is left.",
        "Print $what.",
        _word_lines,
    ),
    Contest(
        "compress",
        "interview",
        (
            "A string is cut into runs of equal letters. Write each run as $form and print the "
            "result.",
            "$_who shortens texts: every maximal run of one letter becomes $form. Print the "
            "shortened text.",
        ),
        "from itertools import groupby\n\ns = input()\nparts = []\nfor c, run in groupby(s):\n"
        "    k = len(list(run))\n    parts.append($e)\nprint('$sep'.join(parts))",
        {
            "_who": PEOPLE,
            "form e sep do": (
                ("the letter and the run length (aaa is a3)", "c + str(k)", "",
                 lambda c, k: c + str(k)),
                ("the run length and the letter (aaa is 3a)", "str(k) + c", "",
                 lambda c, k: str(k) + c),
                ("the letter alone", "c", "", lambda c, _: c),
                ("the run length, with spaces between the numbers", "str(k)", " ",
                 lambda _, k: str(k)),
                ("at most two of its letters", "c * min(k, 2)", "", lambda c, k: (c * k)[:2]),
                ("at most three of its letters", "c * min(k, 3)", "", lambda c, k: (c * k)[:3]),
                ("the letter, with '-' between the runs", "c", "-", lambda c, _: c),
                ("the whole run, with '|' between the runs", "c * k", "|", lambda c, k: c * k),
                ("the letter and, if it is longer than 1, the length",
                 "c + str(k) if k > 1 else c", "", lambda c, k: c + (str(k) if k - 1 else "")),
                ("the letter, in upper case if the run is longer than 1",
                 "c.upper() if k > 1 else c", "", lambda c, k: c if k == 1 else c.upper()),
                ("the letter twice", "c * 2", "", lambda c, _: c + c),
            ),
        },
        lambda rng, v: ("".join(rng.choice("abc") * rng.randint(1, 4) for _ in range(rng.randint(1, 5))),),
        lambda v, s: v["sep"].join(v["do"](c, len(list(run))) for c, run in groupby(s)),
        "One line of lower case letters.",
        "Print the new string.",
        lambda s: [s],
    ),
    Contest(
        "function-number",
        "interview",
        (
            "Complete the function: for a positive integer n it returns $what.",
            "$_who studies numbers. Write a function that takes a positive integer n and returns "
            "$what.",
        ),
        "def $name(n):\n$body",
        {
            "_who": PEOPLE,
            "what name body do": (
                ("the number of divisors of n", "count_divisors",
                 "    return sum(1 for d in range(1, n + 1) if n % d == 0)",
                 lambda n: len(_divisors(n))),
                ("the sum of the divisors of n", "sum_divisors",
                 "    return sum(d for d in range(1, n + 1) if n % d == 0)",
                 lambda n: sum(_divisors(n))),
                ("the list of the divisors of n in ascending order", "divisors",
                 "    return [d for d in range(1, n + 1) if n % d == 0]", _divisors),
                ("whether n is prime", "is_prime",
                 "    return n > 1 and all(n % d != 0 for d in range(2, n))",
                 lambda n: len(_divisors(n)) == 2),
                ("whether n is equal to the sum of its smaller divisors", "is_perfect",
                 "    return sum(d for d in range(1, n) if n % d == 0) == n",
                 lambda n: sum(_divisors(n)) == 2 * n),
                ("how many steps of 'halve if even, else 3n + 1' lead to 1", "collatz_steps",
                 "    steps = 0\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n"
                 "        steps += 1\n    return steps", lambda n: len(_collatz(n)) - 1),
                ("the largest number met when going from n to 1 by 'halve if even, else 3n + 1'",
                 "collatz_peak",
                 "    best = n\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n"
                 "        best = max(best, n)\n    return best", lambda n: max(_collatz(n))),
                ("the single digit left after adding up the digits again and again",
                 "digital_root",
                 "    while n > 9:\n        n = sum(int(c) for c in str(n))\n    return n",
                 lambda n: (n - 1) % 9 + 1),
                ("how often the digits have to be added up until one digit is left",
                 "digit_steps",
                 "    steps = 0\n    while n > 9:\n        n = sum(int(c) for c in str(n))\n"
                 "        steps += 1\n    return steps",
                 lambda n: next(i for i in range(9) if _summed(n, i) < 10)),
                ("the binary digits of n as a string", "to_binary", "    return bin(n)[2:]",
                 lambda n: format(n, "b")),
                ("the number of ones in the binary form of n", "count_ones",
                 "    return bin(n).count('1')", lambda n: sum(n >> i & 1 for i in range(20))),
                ("the list of the prime factors of n in ascending order", "prime_factors",
                 "    factors = []\n    d = 2\n    while n > 1:\n        while n % d == 0:\n"
                 "            factors.append(d)\n            n //= d\n        d += 1\n"
                 "    return factors",
                 lambda n: sorted(p for p in _divisors(n) if len(_divisors(p)) == 2
                                  for e in range(1, 9) if n % p**e == 0)),
            ),
        },
        lambda rng, v: (rng.choice((rng.randint(1, 30), rng.randint(1, 300))),),
        lambda v, n: v["do"](n),
        fn="$name",
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
                ("the k-th largest element, k = 1 being the largest", "findKthLargest", "int",
                 "sorted(nums)[-k]", lambda a, k: sorted(a, key=lambda x: -x)[k - 1]),
                ("the k-th smallest element, k = 1 being the smallest", "findKthSmallest", "int",
                 "sorted(nums)[k - 1]", lambda a, k: sorted(a, key=lambda x: -x)[len(a) - k]),
                ("the sum of the k largest elements", "sumLargest", "int",
                 "sum(sorted(nums)[-k:])", lambda a, k: sum(sorted(a, reverse=True)[:k])),
                ("the sum of the k smallest elements", "sumSmallest", "int",
                 "sum(sorted(nums)[:k])", lambda a, k: sum(sorted(a, reverse=True)[len(a) - k :])),
                ("the array rotated to the right by k steps", "rotateRight", "list[int]",
                 "nums[-k:] + nums[:-k]",
                 lambda a, k: [a[(i - k) % len(a)] for i in range(len(a))]),
                ("the array rotated to the left by k steps", "rotateLeft", "list[int]",
                 "nums[k:] + nums[:k]", lambda a, k: [a[(i + k) % len(a)] for i in range(len(a))]),
                ("the array with its first k elements reversed", "reverseFirst", "list[int]",
                 "nums[:k][::-1] + nums[k:]",
                 lambda a, k: [a[k - 1 - i] if i < k else a[i] for i in range(len(a))]),
                ("how many elements are greater than k", "countGreater", "int",
                 "sum(1 for x in nums if x > k)", lambda a, k: len([x for x in a if x - k >= 1])),
                ("how many elements are divisible by k", "countDivisible", "int",
                 "sum(1 for x in nums if x % k == 0)",
                 lambda a, k: len([x for x in a if x // k * k == x])),
                ("the elements that are not equal to k, in order", "removeValue", "list[int]",
                 "[x for x in nums if x != k]", lambda a, k: [x for x in a if x < k or x > k]),
                ("whether two different positions hold numbers with the sum k", "hasPair", "bool",
                 "any(k - x in nums[i + 1:] for i, x in enumerate(nums))",
                 lambda a, k: any(a[i] + a[j] == k for i in range(len(a)) for j in range(i))),
                ("the chunks of length k of the array, the last one may be shorter", "chunk",
                 "list[list[int]]", "[nums[i:i + k] for i in range(0, len(nums), k)]",
                 lambda a, k: [a[k * j : k * j + k] for j in range((len(a) - 1) // k + 1)]),
            ),
        },
        lambda rng, v: (lambda a: (a, rng.randint(1, len(a))))([rng.randint(-3, 9) for _ in range(rng.randint(1, 8))]),
        lambda v, a, k: v["do"](a, k),
        fn="$name",
    ),
)


def _summed(n: int, times: int) -> int:
    return n if times == 0 else _summed(sum(map(int, str(n))), times - 1)
