"""Contest problems about a number or a line of text that a beginner solves in a few lines."""

# The functions of all families take the same arguments, whether they need them or not.
# ruff: noqa: ARG005

from __future__ import annotations

import math
from random import Random
from typing import Any

from recipe.sample.contest import CONDITIONS, DIGIT_OPS, PEOPLE, THINGS, sentence
from recipe.sample.families import Contest, Values
from recipe.sample.repeat import repeated


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


FAMILIES = (
    repeated(
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
        )
    ),
    repeated(
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
                    ("the absolute difference of a and b", "abs(a - b)", lambda a, b: max(a, b) - min(a, b)),
                    ("the larger of the two", "max(a, b)", lambda a, b: sorted((a, b))[1]),
                    ("the smaller of the two", "min(a, b)", lambda a, b: sorted((a, b))[0]),
                    ("the remainder of a divided by b", "a % b", lambda a, b: a - a // b * b),
                    ("how many times b fits into a", "a // b", lambda a, b: (a - a % b) // b),
                    (
                        "the least number of groups of size b that hold a items",
                        "(a + b - 1) // b",
                        lambda a, b: math.ceil(a / b),
                    ),
                    ("the sum of their squares", "a ** 2 + b ** 2", lambda a, b: a * a + b * b),
                    ("the square of their sum", "(a + b) ** 2", lambda a, b: a * a + 2 * a * b + b * b),
                    ("the perimeter of a rectangle with sides a and b", "2 * (a + b)", lambda a, b: a + b + a + b),
                    ("the last digit of their product", "a * b % 10", lambda a, b: int(str(a * b)[-1])),
                    ("twice the larger one", "2 * max(a, b)", lambda a, b: sorted((a, b))[1] * 2),
                    ("the sum of a and twice b", "a + 2 * b", lambda a, b: a + b + b),
                    ("their product minus their sum", "a * b - a - b", lambda a, b: math.prod((a, b)) - sum((a, b))),
                ),
            },
            two_numbers,
            lambda v, a, b: v["do"](a, b),
            "One line with the two integers a and b.",
            "Print $what.",
            one_line,
        )
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
    repeated(
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
                    (
                        "A voucher takes 3 coins off, but never below 0.",
                        "max(0, n * p - 3)",
                        lambda n, p: (n * p - 3) * (n * p > 3),
                    ),
                    (
                        "A voucher takes 20 coins off, but never below 0.",
                        "max(0, n * p - 20)",
                        lambda n, p: (n * p - 20) * (n * p > 20),
                    ),
                    ("One of them is free.", "(n - 1) * p", lambda n, p: n * p - p),
                    (
                        "Every second one is free.",
                        "(n + 1) // 2 * p",
                        lambda n, p: sum([p, 0][i % 2] for i in range(n)),
                    ),
                    (
                        "Every third one is free.",
                        "(n - n // 3) * p",
                        lambda n, p: sum([p, p, 0][i % 3] for i in range(n)),
                    ),
                    ("Each piece is wrapped for 1 coin.", "n * (p + 1)", lambda n, p: n * p + n),
                    ("Each piece is wrapped for 2 coins.", "n * (p + 2)", lambda n, p: n * p + n + n),
                    (
                        "For more than 10 pieces each is 1 coin cheaper.",
                        "n * (p - 1) if n > 10 else n * p",
                        lambda n, p: n * p - (n if n >= 11 else 0),
                    ),
                    (
                        "For more than 5 pieces each is 1 coin cheaper.",
                        "n * (p - 1) if n > 5 else n * p",
                        lambda n, p: n * p - (n if n >= 6 else 0),
                    ),
                    ("The price is at least 50 coins.", "max(50, n * p)", lambda n, p: sorted((50, n * p))[1]),
                    ("The price is at most 100 coins.", "min(100, n * p)", lambda n, p: sorted((100, n * p))[0]),
                ),
            },
            lambda rng, v: (rng.randint(1, 14), rng.randint(1, 15)),
            lambda v, n, p: v["do"](n, p),
            "One line with the positive integers n and p.",
            "Print the price in coins.",
            one_line,
        )
    ),
    repeated(
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
                    (
                        "with swapped case",
                        "s.swapcase()",
                        lambda s: "".join(c.lower() if c.isupper() else c.upper() for c in s),
                    ),
                    ("backwards", "s[::-1]", lambda s: "".join(reversed(s))),
                    ("without spaces", "s.replace(' ', '')", lambda s: "".join(s.split(" "))),
                    ("with dashes instead of spaces", "s.replace(' ', '-')", lambda s: "-".join(s.split(" "))),
                    ("with dots instead of spaces", "s.replace(' ', '.')", lambda s: ".".join(s.split(" "))),
                    ("without its first character", "s[1:]", lambda s: "".join(c for i, c in enumerate(s) if i)),
                    (
                        "without its last character",
                        "s[:-1]",
                        lambda s: "".join(c for i, c in enumerate(s) if i < len(s) - 1),
                    ),
                    (
                        "with the words in reverse order",
                        "' '.join(s.split()[::-1])",
                        lambda s: " ".join(reversed(s.split(" "))),
                    ),
                    (
                        "with the words in alphabetical order",
                        "' '.join(sorted(s.split()))",
                        lambda s: " ".join(sorted(s.split(" "))),
                    ),
                    (
                        "with every word spelled backwards",
                        "' '.join(w[::-1] for w in s.split())",
                        lambda s: " ".join("".join(reversed(w)) for w in s.split(" ")),
                    ),
                    (
                        "with every word reduced to its first letter",
                        "' '.join(w[0] for w in s.split())",
                        lambda s: " ".join(w[:1] for w in s.split(" ")),
                    ),
                    ("twice, separated by a space", "s + ' ' + s", lambda s: " ".join([s, s])),
                ),
            },
            _sentence,
            lambda v, s: v["do"](s),
            "A single line of words separated by single spaces.",
            "Print the text $how.",
            one_line,
        )
    ),
    repeated(
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
                    (
                        "vowels (a, e, i, o, u)",
                        "sum(1 for c in s if c in 'aeiou')",
                        lambda s: sum(map(s.count, "aeiou")),
                    ),
                    ("words", "len(s.split())", lambda s: s.count(" ") + 1),
                    (
                        "upper case letters",
                        "sum(1 for c in s if c.isupper())",
                        lambda s: len([c for c in s if "A" <= c <= "Z"]),
                    ),
                    (
                        "lower case letters",
                        "sum(1 for c in s if c.islower())",
                        lambda s: len([c for c in s if "a" <= c <= "z"]),
                    ),
                    ("letters", "sum(1 for c in s if c.isalpha())", lambda s: len([c for c in s if c != " "])),
                    ("spaces", "s.count(' ')", lambda s: len(s.split(" ")) - 1),
                    ("letters 'a'", "s.count('a')", lambda s: len(s.split("a")) - 1),
                    ("letters 'e'", "s.count('e')", lambda s: len(s.split("e")) - 1),
                    ("letters 'o'", "s.count('o')", lambda s: len(s.split("o")) - 1),
                    ("letters 'n'", "s.count('n')", lambda s: len(s.split("n")) - 1),
                    ("different characters", "len(set(s))", lambda s: len(dict.fromkeys(s))),
                    (
                        "words longer than 3 letters",
                        "sum(1 for w in s.split() if len(w) > 3)",
                        lambda s: len([w for w in s.split(" ") if w[3:]]),
                    ),
                    (
                        "words longer than 4 letters",
                        "sum(1 for w in s.split() if len(w) > 4)",
                        lambda s: len([w for w in s.split(" ") if w[4:]]),
                    ),
                    (
                        "words starting with 'b'",
                        "sum(1 for w in s.split() if w[0] == 'b')",
                        lambda s: (" " + s).count(" b"),
                    ),
                    (
                        "words ending with 'e'",
                        "sum(1 for w in s.split() if w[-1] == 'e')",
                        lambda s: (s + " ").count("e "),
                    ),
                ),
            },
            _sentence,
            lambda v, s: v["do"](s),
            "A single line of words separated by single spaces.",
            "Print the number of $what.",
            one_line,
        )
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
                (
                    "its longest word, the first one on a tie",
                    "longest_word",
                    "max(sentence.split(), key=len)",
                    lambda s: next(w for w in s.split() if all(len(u) <= len(w) for u in s.split())),
                ),
                (
                    "its shortest word, the first one on a tie",
                    "shortest_word",
                    "min(sentence.split(), key=len)",
                    lambda s: next(w for w in s.split() if all(len(u) >= len(w) for u in s.split())),
                ),
                ("the number of its words", "count_words", "len(sentence.split())", lambda s: s.count(" ") + 1),
                ("its first word", "first_word", "sentence.split()[0]", lambda s: s.partition(" ")[0]),
                ("its last word", "last_word", "sentence.split()[-1]", lambda s: s.rpartition(" ")[2]),
                (
                    "the list of the word lengths",
                    "word_lengths",
                    "[len(w) for w in sentence.split()]",
                    lambda s: list(map(len, s.split(" "))),
                ),
                (
                    "the words in sorted order as a list",
                    "sort_words",
                    "sorted(sentence.split())",
                    lambda s: sorted(s.split(" ")),
                ),
                (
                    "the words as a list in reverse order",
                    "reverse_words",
                    "sentence.split()[::-1]",
                    lambda s: list(reversed(s.split(" "))),
                ),
                (
                    "the sentence without vowels",
                    "remove_vowels",
                    "''.join(c for c in sentence if c not in 'aeiou')",
                    lambda s: s.translate({ord(c): None for c in "aeiou"}),
                ),
                (
                    "the first letters of its words as one string",
                    "initials",
                    "''.join(w[0] for w in sentence.split())",
                    lambda s: "".join(w[:1] for w in s.split(" ")),
                ),
                (
                    "the length of its longest word",
                    "longest_length",
                    "max(len(w) for w in sentence.split())",
                    lambda s: sorted(map(len, s.split(" ")))[-1],
                ),
                (
                    "the number of words with more than 4 letters",
                    "count_long_words",
                    "sum(1 for w in sentence.split() if len(w) > 4)",
                    lambda s: len([w for w in s.split(" ") if w[4:]]),
                ),
            ),
        },
        _sentence,
        lambda v, s: v["do"](s),
        fn="$name",
    ),
)
