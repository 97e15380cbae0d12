"""Contest problems of medium size about text and commands."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from random import Random
from typing import Any

from recipe.sample.contest import (
    PEOPLE,
    WORDS,
    joined,
    word,
)
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated

MOVES = {"U": (0, 1), "D": (0, -1), "L": (-1, 0), "R": (1, 0)}


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


def _commands(rng: Random, v: Values) -> tuple[list[str]]:
    """Commands `+ x` and `-`, never more of the second than of the first so far."""
    out: list[str] = []
    size = 0
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


FAMILIES = (
    Contest(
        "sort-words",
        "interview",
        (
            "Sort n words $how and print them one per line.",
            "$_who puts n word cards in order: $how. Print the words in that order.",
        ),
        "n = int(input())\nwords = [input() for _ in range(n)]\nwords.sort($key)\nfor w in words:\n    print(w)",
        {
            "_who": PEOPLE,
            "how key keys": (
                ("by length", "key=len", (len,)),
                ("by length, longest first", "key=lambda w: -len(w)", (lambda w: -len(w),)),
                ("by length and for equal length alphabetically", "key=lambda w: (len(w), w)", (len, str)),
                (
                    "by length, longest first, ties alphabetically",
                    "key=lambda w: (-len(w), w)",
                    (lambda w: 9 - len(w), str),
                ),
                ("alphabetically, ignoring case", "key=str.lower", (str.casefold,)),
                ("by their last letter", "key=lambda w: w[-1]", (lambda w: w[len(w) - 1],)),
                (
                    "by their last letter, ties alphabetically",
                    "key=lambda w: (w[-1], w)",
                    (lambda w: w[len(w) - 1], str),
                ),
                ("by the number of letters e", "key=lambda w: w.count('e')", (lambda w: len(w.split("e")),)),
                (
                    "by the number of letters e, ties alphabetically",
                    "key=lambda w: (w.count('e'), w)",
                    (lambda w: len(w.split("e")), str),
                ),
                ("by how they read backwards", "key=lambda w: w[::-1]", (lambda w: "".join(reversed(w)),)),
                ("by their first letter only", "key=lambda w: w[0]", (lambda w: w[:1],)),
                (
                    "by their first letter only, last one first",
                    "key=lambda w: -ord(w[0])",
                    (lambda w: 999 - ord(w[:1]),),
                ),
            ),
        },
        _words,
        lambda v, a: _stable(a, *v["keys"]),
        "The first line contains n. Each of the next n lines contains one word.",
        "Print the sorted words. Words that are equal in this order stay in the input order.",
        _word_lines,
    ),
    repeated(
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
                    (
                        "the least number of steps back to the start",
                        "abs(x) + abs(y)",
                        lambda w: sum(abs(c) for c in w[-1]),
                    ),
                    (
                        "the squared straight distance from the start at the end",
                        "x ** 2 + y ** 2",
                        lambda w: sum(c * c for c in w[-1]),
                    ),
                    (
                        "the final distance if diagonal steps were allowed on the way back",
                        "max(abs(x), abs(y))",
                        lambda w: max(abs(c) for c in w[-1]),
                    ),
                    ("the final x coordinate", "x", lambda w: w[-1][0]),
                    ("the final y coordinate", "y", lambda w: w[-1][1]),
                    ("the sum of the final coordinates", "x + y", lambda w: sum(w[-1])),
                    (
                        "how many steps were wasted, which is their number minus the least number of "
                        "steps to the same point",
                        "len(s) - abs(x) - abs(y)",
                        lambda w: len(w) - 1 - sum(abs(c) for c in w[-1]),
                    ),
                    (
                        "whether it ends where it started (YES or NO)",
                        "'YES' if x == 0 and y == 0 else 'NO'",
                        lambda w: "YES" if w[-1] == w[0] else "NO",
                    ),
                    (
                        "whether it ends above the start, y being positive (YES or NO)",
                        "'YES' if y > 0 else 'NO'",
                        lambda w: "YES" if w[-1][1] >= 1 else "NO",
                    ),
                    (
                        "whether it ends on one of the axes (YES or NO)",
                        "'YES' if x == 0 or y == 0 else 'NO'",
                        lambda w: "YES" if 0 in w[-1] else "NO",
                    ),
                ),
            },
            lambda rng, v: (word(rng, rng.choice(("UDLR", "UDLR", "UUR", "LLD", "UD")), 1, 10),),
            lambda v, s: v["do"](_walk(s)),
            "One line with the letters U, D, L, R.",
            "Print $what.",
            lambda s: [s],
        )
    ),
    repeated(
        Contest(
            "brackets",
            "interview",
            (
                "A string consists of '$p' and '$q'. Going from left to right, '$p' opens and '$q' closes a level. "
                "$task",
                "$_who reads '$p' as one step up and '$q' as one step down, starting at level 0. $task",
            ),
            "s = input()\ndepth = $start\nfor c in s:\n    if c == '$p':\n        depth += 1\n"
            "    else:\n        depth -= 1\n    $step\nprint($e)",
            {
                "_who": PEOPLE,
                "p q": (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}")),
                "task start step e do": (
                    ("Find the highest level reached, at least 0.", "best = 0", "best = max(best, depth)", "best", max),
                    ("Find the lowest level reached, at most 0.", "low = 0", "low = min(low, depth)", "low", min),
                    (
                        "Count how often level 0 is reached again.",
                        "zeros = 0",
                        "zeros += depth == 0",
                        "zeros",
                        lambda d: d.count(0) - 1,
                    ),
                    (
                        "Is it balanced: never below level 0 and ending at 0? Answer YES or NO.",
                        "low = 0",
                        "low = min(low, depth)",
                        "'YES' if low == 0 and depth == 0 else 'NO'",
                        lambda d: "YES" if min(d) >= 0 and d[-1] == 0 else "NO",
                    ),
                    (
                        "How many '$p' must be put in front so that the level never drops below 0?",
                        "low = 0",
                        "low = min(low, depth)",
                        "-low",
                        lambda d: -min(d),
                    ),
                    ("Add up the levels after each character.", "total = 0", "total += depth", "total", sum),
                ),
            },
            _balanced,
            lambda v, s: v["do"](_depths(s, v["p"])),
            "One line with the string.",
            "Print the answer.",
            lambda s: [s],
        )
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
                (
                    "the largest number in it, or 0 if it is empty",
                    "max(held, default=0)",
                    lambda h: sorted([0, *h])[-1],
                ),
            ),
        },
        _commands,
        lambda v, commands: v["do"](_after(commands, v["kind"] == "stack")),
        "The first line contains n, each of the next n lines a command. '$take' never comes when nothing is left.",
        "Print $what.",
        _word_lines,
    ),
    repeated(
        Contest(
            "compress",
            "interview",
            (
                "A string is cut into runs of equal letters. Write each run as $form and print the result.",
                "$_who shortens texts: every maximal run of one letter becomes $form. Print the shortened text.",
            ),
            "from itertools import groupby, pairwise\n\ns = input()\nparts = []\nfor c, run in groupby(s):\n"
            "    k = len(list(run))\n    parts.append($e)\nprint('$sep'.join(parts))",
            {
                "_who": PEOPLE,
                "form e sep do": (
                    ("the letter and the run length (aaa is a3)", "c + str(k)", "", lambda c, k: c + str(k)),
                    ("the run length and the letter (aaa is 3a)", "str(k) + c", "", lambda c, k: str(k) + c),
                    ("the letter alone", "c", "", lambda c, _: c),
                    ("the run length, with spaces between the numbers", "str(k)", " ", lambda _, k: str(k)),
                    ("at most two of its letters", "c * min(k, 2)", "", lambda c, k: (c * k)[:2]),
                    ("at most three of its letters", "c * min(k, 3)", "", lambda c, k: (c * k)[:3]),
                    ("the letter, with '-' between the runs", "c", "-", lambda c, _: c),
                    ("the whole run, with '|' between the runs", "c * k", "|", lambda c, k: c * k),
                    (
                        "the letter and, if it is longer than 1, the length",
                        "c + str(k) if k > 1 else c",
                        "",
                        lambda c, k: c + (str(k) if k - 1 else ""),
                    ),
                    (
                        "the letter, in upper case if the run is longer than 1",
                        "c.upper() if k > 1 else c",
                        "",
                        lambda c, k: c if k == 1 else c.upper(),
                    ),
                    ("the letter twice", "c * 2", "", lambda c, _: c + c),
                ),
            },
            lambda rng, v: ("".join(rng.choice("abc") * rng.randint(1, 4) for _ in range(rng.randint(1, 5))),),
            lambda v, s: v["sep"].join(v["do"](c, len(list(run))) for c, run in groupby(s)),
            "One line of lower case letters.",
            "Print the new string.",
            lambda s: [s],
        )
    ),
)
