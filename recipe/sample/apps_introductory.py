"""Contest problems a beginner solves in one to six lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

from recipe.sample.contest import (
    CONDITIONS,
    DIGIT_OPS,
    PEOPLE,
    THINGS,
    TRANSFORMS,
    array,
    array_lines,
    sentence,
)
from recipe.sample.families import Contest, Values

READ = "n = int(input())\na = list(map(int, input().split()))\n"
N_AND_LIST = "The first line contains an integer n. The second line contains n integers."


def one_array(rng: Random, v: Values) -> tuple[list[int]]:
    """One list of one to eight integers."""
    del v
    return (array(rng, 1, 8),)


def one_number(rng: Random, v: Values) -> tuple[int]:
    """One integer from 1 to 60 or, one time in three, up to 9999."""
    del v
    return (rng.choice((rng.randint(1, 60), rng.randint(1, 60), rng.randint(61, 9999))),)


def two_numbers(rng: Random, v: Values) -> tuple[int, int]:
    """Two integers from 1 to 40."""
    del v
    return (rng.randint(1, 40), rng.randint(1, 40))


def one_line(*args: Any) -> list[str]:
    """All arguments on one line."""
    return [" ".join(map(str, args))]


def _sentence(rng: Random, v: Values) -> tuple[str]:
    del v
    return (sentence(rng),)


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
    ),
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
                ("in ascending order", "sorted(a)", lambda a: sorted(a)),
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
    ),
    Contest(
        "digits",
        "introductory",
        (
            "$_who picked a positive integer n. Find $what.",
            "You are given a positive integer n. Print $what.",
            "For a number n on a $_things box, $_who needs $what.",
        ),
        "s = input()\nprint($e)",
        {"_who": PEOPLE, "_things": THINGS, "what e do": DIGIT_OPS},
        one_number,
        lambda v, n: v["do"](n),
        "One line with the integer n.",
        "Print $what.",
        one_line,
    ),
    Contest(
        "text-rework",
        "introductory",
        (
            "$_who sends a message. Print it $how.",
            "You are given a line of text. Output the text $how.",
            "The display of $_who shows every text $how. What does it show?",
        ),
        "s = input()\nprint($e)",
        {
            "_who": PEOPLE,
            "how e do": (
                ("in upper case", "s.upper()", lambda s: "".join(c.upper() for c in s)),
                ("in lower case", "s.lower()", lambda s: "".join(c.lower() for c in s)),
                ("with swapped case", "s.swapcase()",
                 lambda s: "".join(c.lower() if c.isupper() else c.upper() for c in s)),
                ("backwards", "s[::-1]", lambda s: "".join(reversed(s))),
                ("without spaces", "s.replace(' ', '')", lambda s: "".join(s.split(" "))),
                ("with dashes instead of spaces", "s.replace(' ', '-')",
                 lambda s: "-".join(s.split(" "))),
                ("with dots instead of spaces", "s.replace(' ', '.')",
                 lambda s: ".".join(s.split(" "))),
                ("without its first character", "s[1:]",
                 lambda s: "".join(c for i, c in enumerate(s) if i)),
                ("without its last character", "s[:-1]",
                 lambda s: "".join(c for i, c in enumerate(s) if i < len(s) - 1)),
                ("with the words in reverse order", "' '.join(s.split()[::-1])",
                 lambda s: " ".join(reversed(s.split(" ")))),
                ("with the words in alphabetical order", "' '.join(sorted(s.split()))",
                 lambda s: " ".join(sorted(s.split(" ")))),
                ("with every word spelled backwards", "' '.join(w[::-1] for w in s.split())",
                 lambda s: " ".join("".join(reversed(w)) for w in s.split(" "))),
                ("with every word reduced to its first letter",
                 "' '.join(w[0] for w in s.split())",
                 lambda s: " ".join(w[:1] for w in s.split(" "))),
                ("twice, separated by a space", "s + ' ' + s", lambda s: " ".join([s, s])),
            ),
        },
        _sentence,
        lambda v, s: v["do"](s),
        "A single line of words separated by single spaces.",
        "Print the text $how.",
        one_line,
    ),
    Contest(
        "text-count",
        "introductory",
        (
            "$_who typed a line of text. How many $what does it contain?",
            "Given a line of text, count the $what in it.",
            "A sign painter is paid for the $what of a text only. Count them for $_who.",
        ),
        "s = input()\nprint($e)",
        {
            "_who": PEOPLE,
            "what e do": (
                ("vowels (a, e, i, o, u)", "sum(1 for c in s if c in 'aeiou')",
                 lambda s: sum(map(s.count, "aeiou"))),
                ("words", "len(s.split())", lambda s: s.count(" ") + 1),
                ("upper case letters", "sum(1 for c in s if c.isupper())",
                 lambda s: len([c for c in s if "A" <= c <= "Z"])),
                ("lower case letters", "sum(1 for c in s if c.islower())",
                 lambda s: len([c for c in s if "a" <= c <= "z"])),
                ("letters", "sum(1 for c in s if c.isalpha())",
                 lambda s: len([c for c in s if c != " "])),
                ("spaces", "s.count(' ')", lambda s: len(s.split(" ")) - 1),
                ("letters 'a'", "s.count('a')", lambda s: len(s.split("a")) - 1),
                ("letters 'e'", "s.count('e')", lambda s: len(s.split("e")) - 1),
                ("letters 'o'", "s.count('o')", lambda s: len(s.split("o")) - 1),
                ("letters 'n'", "s.count('n')", lambda s: len(s.split("n")) - 1),
                ("different characters", "len(set(s))", lambda s: len(dict.fromkeys(s))),
                ("words longer than 3 letters", "sum(1 for w in s.split() if len(w) > 3)",
                 lambda s: len([w for w in s.split(" ") if w[3:]])),
                ("words longer than 4 letters", "sum(1 for w in s.split() if len(w) > 4)",
                 lambda s: len([w for w in s.split(" ") if w[4:]])),
                ("words starting with 'b'", "sum(1 for w in s.split() if w[0] == 'b')",
                 lambda s: (" " + s).count(" b")),
                ("words ending with 'e'", "sum(1 for w in s.split() if w[-1] == 'e')",
                 lambda s: (s + " ").count("e ")),
            ),
        },
        _sentence,
        lambda v, s: v["do"](s),
        "A single line of words separated by single spaces.",
        "Print the number of $what.",
        one_line,
    ),
    Contest(
        "two-numbers",
        "introductory",
        (
            "$_who has two positive integers a and b. Find $what.",
            "Given two positive integers a and b, compute $what.",
            "Two boxes hold a and b $_things. Report $what.",
        ),
        "a, b = map(int, input().split())\nprint($e)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "what e do": (
                ("their sum", "a + b", lambda a, b: sum((a, b))),
                ("their product", "a * b", lambda a, b: math.prod((a, b))),
                ("the absolute difference of a and b", "abs(a - b)",
                 lambda a, b: max(a, b) - min(a, b)),
                ("the larger of the two", "max(a, b)", lambda a, b: sorted((a, b))[1]),
                ("the smaller of the two", "min(a, b)", lambda a, b: sorted((a, b))[0]),
                ("the remainder of a divided by b", "a % b", lambda a, b: a - a // b * b),
                ("how many times b fits into a", "a // b", lambda a, b: (a - a % b) // b),
                ("the least number of groups of size b that hold a items", "(a + b - 1) // b",
                 lambda a, b: math.ceil(a / b)),
                ("the sum of their squares", "a ** 2 + b ** 2", lambda a, b: a * a + b * b),
                ("the square of their sum", "(a + b) ** 2",
                 lambda a, b: a * a + 2 * a * b + b * b),
                ("the perimeter of a rectangle with sides a and b", "2 * (a + b)",
                 lambda a, b: a + b + a + b),
                ("the last digit of their product", "a * b % 10",
                 lambda a, b: int(str(a * b)[-1])),
                ("twice the larger one", "2 * max(a, b)", lambda a, b: sorted((a, b))[1] * 2),
                ("the sum of a and twice b", "a + 2 * b", lambda a, b: a + b + b),
                ("their product minus their sum", "a * b - a - b",
                 lambda a, b: math.prod((a, b)) - sum((a, b))),
            ),
        },
        two_numbers,
        lambda v, a, b: v["do"](a, b),
        "One line with the two integers a and b.",
        "Print $what.",
        one_line,
    ),
    Contest(
        "yes-no",
        "introductory",
        (
            "$_who likes only ${pre}numbers$post. Will n be liked?",
            "Decide whether n is one of the ${pre}numbers$post.",
            "A gate opens for ${pre}numbers$post only. Does it open for n?",
        ),
        "x = int(input())\nprint('$yes' if $c else '$no')",
        {
            "_who": PEOPLE,
            "yes no": (("YES", "NO"), ("Yes", "No"), ("yes", "no")),
            "pre post c ok": CONDITIONS,
        },
        lambda rng, v: (rng.randint(-8, 30),),
        lambda v, n: (v["no"], v["yes"])[bool(v["ok"](n))],
        "One integer n.",
        "Print '$yes' or '$no'.",
        one_line,
    ),
    Contest(
        "up-to-n",
        "introductory",
        (
            "$_who counts from 1 to n but says only the ${pre}numbers$post. What is said?",
            "List all ${pre}numbers$post from 1 to n.",
            "House numbers on a street go from 1 to n. Print the ${pre}numbers$post.",
        ),
        "n = int(input())\nprint(*[x for x in range(1, n + 1) if $c])",
        {"_who": PEOPLE, "pre post c ok": tuple(c for c in CONDITIONS if "neg" not in c[0])},
        lambda rng, v: (rng.randint(1, 60),),
        lambda v, n: " ".join(str(x) for x in range(n + 1) if x and v["ok"](x)),
        "One positive integer n.",
        "Print the ${pre}numbers$post separated by spaces. The line may be empty.",
        one_line,
    ),
    Contest(
        "compare-lists",
        "introductory",
        (
            "$_who and a friend play n rounds and note their points. Count the rounds where $what.",
            "Two arrays a and b of length n are given. In how many positions is it true that $what?",
            "On each of n days two shops sell a_i and b_i $_things. On how many days is it so that "
            "$what?",
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
                ("the values differ by exactly 1", "abs(x - y) == 1",
                 lambda x, y: x == y + 1 or y == x + 1),
                ("both values are even", "x % 2 == 0 and y % 2 == 0",
                 lambda x, y: x in range(0, 99, 2) and y in range(0, 99, 2)),
                ("the first value is more than twice the second", "x > 2 * y",
                 lambda x, y: x - y > y),
            ),
        },
        _two_arrays,
        lambda v, a, b: len([i for i in range(len(a)) if v["ok"](a[i], b[i])]),
        "The first line contains n. The second and third line contain n integers each.",
        "Print one number, the count.",
        _two_lines,
    ),
    Contest(
        "shopping",
        "introductory",
        (
            "$_who buys n $_things for p coins each. $rule What is the price?",
            "One of the $_things costs p coins and $_who takes n of them. $rule How much is to pay?",
        ),
        "n, p = map(int, input().split())\nprint($e)",
        {
            "_who": PEOPLE,
            "_things": THINGS,
            "rule e do": (
                ("Delivery costs 5 coins more.", "n * p + 5", lambda n, p: sum([p] * n, 5)),
                ("Delivery costs 10 coins more.", "n * p + 10", lambda n, p: sum([p] * n, 10)),
                ("A voucher takes 3 coins off, but never below 0.", "max(0, n * p - 3)",
                 lambda n, p: (n * p - 3) * (n * p > 3)),
                ("A voucher takes 20 coins off, but never below 0.", "max(0, n * p - 20)",
                 lambda n, p: (n * p - 20) * (n * p > 20)),
                ("One of them is free.", "(n - 1) * p", lambda n, p: n * p - p),
                ("Every second one is free.", "(n + 1) // 2 * p",
                 lambda n, p: sum([p, 0][i % 2] for i in range(n))),
                ("Every third one is free.", "(n - n // 3) * p",
                 lambda n, p: sum([p, p, 0][i % 3] for i in range(n))),
                ("Each piece is wrapped for 1 coin.", "n * (p + 1)", lambda n, p: n * p + n),
                ("Each piece is wrapped for 2 coins.", "n * (p + 2)", lambda n, p: n * p + n + n),
                ("For more than 10 pieces each is 1 coin cheaper.",
                 "n * (p - 1) if n > 10 else n * p", lambda n, p: n * p - (n if n >= 11 else 0)),
                ("For more than 5 pieces each is 1 coin cheaper.",
                 "n * (p - 1) if n > 5 else n * p", lambda n, p: n * p - (n if n >= 6 else 0)),
                ("The price is at least 50 coins.", "max(50, n * p)",
                 lambda n, p: sorted((50, n * p))[1]),
                ("The price is at most 100 coins.", "min(100, n * p)",
                 lambda n, p: sorted((100, n * p))[0]),
            ),
        },
        lambda rng, v: (rng.randint(1, 14), rng.randint(1, 15)),
        lambda v, n, p: v["do"](n, p),
        "One line with the positive integers n and p.",
        "Print the price in coins.",
        one_line,
    ),
    Contest(
        "solution-list",
        "introductory",
        (
            "Given a list of integers nums, return the ${pre}numbers$post, each $how, in their order.",
            "For an array nums return a new list: take the ${pre}elements$post and put each $how.",
        ),
        "class Solution:\n    def $name(self, nums: list[int]) -> list[int]:\n"
        "        return [$e for x in nums if $c]",
        {
            "name": ("transform", "selectNumbers", "process"),
            "how e do": TRANSFORMS,
            "pre post c ok": CONDITIONS,
        },
        one_array,
        lambda v, a: list(map(v["do"], filter(v["ok"], a))),
        fn="$name",
    ),
    Contest(
        "function-words",
        "introductory",
        (
            "Write a function that takes a sentence and returns $what.",
            "Your function gets a sentence (words separated by single spaces). Return $what.",
            "$_who needs help with a text tool. Complete the function so that it returns $what.",
        ),
        "def $name(sentence):\n    return $e",
        {
            "_who": PEOPLE,
            "what name e do": (
                ("its longest word, the first one on a tie", "longest_word",
                 "max(sentence.split(), key=len)",
                 lambda s: [w for w in s.split() if not any(map(lambda u: len(u) > len(w), s.split()))][0]),
                ("its shortest word, the first one on a tie", "shortest_word",
                 "min(sentence.split(), key=len)",
                 lambda s: [w for w in s.split() if not any(map(lambda u: len(u) < len(w), s.split()))][0]),
                ("the number of its words", "count_words", "len(sentence.split())",
                 lambda s: s.count(" ") + 1),
                ("its first word", "first_word", "sentence.split()[0]", lambda s: s.partition(" ")[0]),
                ("its last word", "last_word", "sentence.split()[-1]", lambda s: s.rpartition(" ")[2]),
                ("the list of the word lengths", "word_lengths",
                 "[len(w) for w in sentence.split()]", lambda s: list(map(len, s.split(" ")))),
                ("the words in sorted order as a list", "sort_words", "sorted(sentence.split())",
                 lambda s: sorted(s.split(" "))),
                ("the words as a list in reverse order", "reverse_words", "sentence.split()[::-1]",
                 lambda s: list(reversed(s.split(" ")))),
                ("the sentence without vowels", "remove_vowels",
                 "''.join(c for c in sentence if c not in 'aeiou')",
                 lambda s: s.translate({ord(c): None for c in "aeiou"})),
                ("the first letters of its words as one string", "initials",
                 "''.join(w[0] for w in sentence.split())",
                 lambda s: "".join(w[:1] for w in s.split(" "))),
                ("the length of its longest word", "longest_length",
                 "max(len(w) for w in sentence.split())", lambda s: sorted(map(len, s.split(" ")))[-1]),
                ("the number of words with more than 4 letters", "count_long_words",
                 "sum(1 for w in sentence.split() if len(w) > 4)",
                 lambda s: len([w for w in s.split(" ") if w[4:]])),
            ),
        },
        _sentence,
        lambda v, s: v["do"](s),
        fn="$name",
    ),
)
