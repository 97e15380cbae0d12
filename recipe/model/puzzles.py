"""Small problems with their solutions: what is asked, the arguments, and the body of a function that answers it.

Two sources: the blocks of `functions/*.txt` (what is asked, names, typed arguments, ways to write the body), and
compositions (an aggregate over a condition over a change, for numbers, digits, letters and words).
"""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from recipe.model import values
from recipe.model.idioms import MAPS, PREDICATES, STRING_MAPS, STRING_PREDICATES

AGGREGATES: list[list[str]] = values.LEXICON["aggregates"]
NAMES: dict[str, list[str]] = values.LEXICON["argument_names"]
ADJECTIVES = {"even", "odd", "positive", "negative", "non-negative", "nonzero"}
NOUNS = {"ints": ["numbers", "elements", "values", "integers"], "strs": ["words", "strings"]}


@dataclass(frozen=True, slots=True)
class Puzzle:
    """What is asked (`the sum of ...`, or a yes/no statement), usual function names, typed arguments and the body."""

    asked: str
    yes_no: bool
    name: str
    args: tuple[tuple[str, str], ...]
    body: str


@cache
def blocks() -> tuple[tuple[list[str], bool, list[str], tuple[tuple[str, str], ...], list[str]], ...]:
    """The hand-written problems: wordings, yes/no, names, typed arguments, bodies."""
    found = []
    for path in sorted((Path(__file__).parent / "functions").glob("*.txt")):
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            asked, names, args, *body = block.split("\n")
            yes_no = asked.startswith("? ")
            typed = tuple((a.split(":")[0], a.split(":")[1]) for a in args.split())
            found.append(
                (asked.removeprefix("? ").split(" | "), yes_no, names.split(), typed, "\n".join(body).split("\n--\n"))
            )
    return tuple(found)


def _written(rng: random.Random) -> Puzzle:
    wordings, yes_no, names, args, bodies = rng.choice(blocks())
    return Puzzle(rng.choice(wordings), yes_no, rng.choice(names), args, rng.choice(bodies))


def _filled(choice: tuple[str, str], rng: random.Random) -> tuple[str, str]:
    text, code = choice
    low = rng.randrange(2, 21)
    for mark, value in (("#2", str(low + rng.randrange(1, 20))), ("#", str(low)), ("~", rng.choice(values.LETTERS))):
        text, code = text.replace(mark, value), code.replace(mark, value)
    return text, code


def _noun_phrase(noun: str, condition: str, rng: random.Random) -> str:
    """`even numbers`, `numbers that are greater than 3`, ..."""
    if condition in ADJECTIVES:
        return f"{condition} {noun}"
    link = rng.choice(["that are ", "which are ", ""])
    return f"{noun} {link}{condition}"


def _composed(rng: random.Random) -> Puzzle:
    strings = rng.random() < 0.25
    kind, var = ("strs", "w") if strings else ("ints", "x")
    noun = rng.choice(NOUNS[kind])
    condition, test = _filled(rng.choice(STRING_PREDICATES if strings else PREDICATES), rng)
    changed, element = _filled(rng.choice(STRING_MAPS if strings else MAPS), rng)
    test, element = test.replace("@", var), element.replace("@", var)
    use_map, use_test = rng.random() < 0.3, rng.random() < 0.85
    element = element if use_map else var
    what, one, start, step, end, name = rng.choice(AGGREGATES)
    if strings and name in ("sum", "product", "average", "spread", "max", "min"):
        what, one, start, step, end, name = AGGREGATES[6]
    if name == "count" and not use_test:
        use_test = True
    described = (f"{noun} that {condition}" if strings else _noun_phrase(noun, condition, rng)) if use_test else noun
    if use_map and name != "count":
        described += f", each {changed}"
    tail = f"for {var} in a" + (f" if {test}" if use_test else "")
    whole = f"{element} {tail}"
    if name in ("average", "spread"):
        body = f"b = [{whole}]\nreturn " + ("sum(b) / len(b)" if name == "average" else "max(b) - min(b)")
    elif one and (rng.random() < 0.6 or not start):
        body = "return " + one.format(g=whole, t=tail)
    else:
        inner = step.format(e=element)
        body = (
            f"{start}\nfor {var} in a:\n"
            + (f"    if {test}:\n        {inner}" if use_test else f"    {inner}")
            + f"\nreturn {end}"
        )
    adjective = (
        condition.split()[0].replace("-", "_") if use_test and not strings else rng.choice(["values", "list", "items"])
    )
    return Puzzle(what.format(described), False, f"{name}_{adjective}", (("a", kind),), body)


def _any_all(rng: random.Random) -> Puzzle:
    condition, test = _filled(rng.choice(PREDICATES), rng)
    word, call = rng.choice(
        [("all", "all"), ("every one of the", "all"), ("at least one of the", "any"), ("any of the", "any")]
    )
    noun = rng.choice(NOUNS["ints"])
    be = "are" if word == "all" else "is"
    return Puzzle(
        f"{word} {noun} {be} {condition}",
        True,
        f"{call}_{condition.split()[0].replace('-', '_')}",
        (("a", "ints"),),
        f"return {call}({test.replace('@', 'x')} for x in a)",
    )


def _digits(rng: random.Random) -> Puzzle:
    condition, test = _filled(rng.choice([p for p in PREDICATES if "#2" not in p[0]]), rng)
    test = re.sub(r"\b\d\d\b", "3", test.replace("@", "int(c)"))
    condition = re.sub(r"\b\d\d\b", "3", condition)
    described = f"{condition} digits of n" if condition in ADJECTIVES else f"digits of n that are {condition}"
    what, code = rng.choice(
        [
            ("the number of {}", "sum(1 for c in str(n) if {})"),
            ("the sum of the {}", "sum(int(c) for c in str(n) if {})"),
            ("the {} as a list", "[int(c) for c in str(n) if {}]"),
        ]
    )
    return Puzzle(what.format(described), False, "digits", (("n", "int"),), "return " + code.format(test))


def _letters(rng: random.Random) -> Puzzle:
    condition, test = rng.choice([
        ("vowels", "c in 'aeiou'"), ("consonants", "c not in 'aeiou'"), ("upper case letters", "c.isupper()"), ("lower case letters", "c.islower()"), ("digits", "c.isdigit()"), ("letters", "c.isalpha()"), ("spaces", "c == ' '"),
        ("letters '~'", "c == '~'"), ("characters that are not letters", "not c.isalpha()"), ("characters other than '~'", "c != '~'"), ("characters '~' or '~2'", "c in '~~2'"),
    ])  # fmt: skip
    one, two = rng.sample(values.LETTERS, 2)
    condition, test = (t.replace("~2", two).replace("~", one) for t in (condition, test))
    what, code = rng.choice(
        [
            ("the number of {} in s", "sum(1 for c in s if {})"),
            ("how many {} the text s has", "sum(1 for c in s if {})"),
            ("only the {} of s", "''.join(c for c in s if {})"),
            ("s without its {}", "''.join(c for c in s if not ({}))"),
            ("the positions of the {} in s", "[i for i, c in enumerate(s) if {}]"),
        ]
    )
    return Puzzle(what.format(condition), False, "letters", (("s", "str"),), "return " + code.format(test))


def _words(rng: random.Random) -> Puzzle:
    condition, test = _filled(rng.choice(STRING_PREDICATES), rng)
    changed, element = _filled(rng.choice(STRING_MAPS), rng)
    test, element = test.replace("@", "w"), element.replace("@", "w")
    form = rng.randrange(4)
    if form == 0:
        return Puzzle(
            f"the number of words in s that {condition}",
            False,
            "count_words",
            (("s", "str"),),
            f"return sum(1 for w in s.split() if {test})",
        )
    if form == 1:
        return Puzzle(
            f"the words of s that {condition}",
            False,
            "filter_words",
            (("s", "str"),),
            f"return [w for w in s.split() if {test}]",
        )
    if form == 2:
        return Puzzle(
            f"the text s with each word {changed}",
            False,
            "change_words",
            (("s", "str"),),
            f"return ' '.join({element} for w in s.split())",
        )
    whole = element.replace("w.", "s.").replace("w[", "s[").replace("w ", "s ").replace(" w", " s")
    return Puzzle(f"the text s {changed}", False, "change_text", (("s", "str"),), f"return {whole}")


def _formula(rng: random.Random) -> Puzzle:
    names = rng.sample(["a", "b", "c", "x", "y", "k"], 2)
    first, second = names
    number = rng.randrange(2, 20)
    text, code = rng.choice([
        (f"{first} plus twice {second}", f"{first} + 2 * {second}"), (f"the sum of {first} and {second}, times {number}", f"({first} + {second}) * {number}"), (f"the product of {first} and {second} minus {number}", f"{first} * {second} - {number}"), (f"the square of {first} plus the square of {second}", f"{first} ** 2 + {second} ** 2"),
        (f"the last digit of {first} times {second}", f"{first} * {second} % 10"), (f"the larger of {first} and {second}, plus {number}", f"max({first}, {second}) + {number}"), (f"{first} times {second} modulo {number}", f"{first} * {second} % {number}"), (f"the difference of the squares of {first} and {second}", f"{first} ** 2 - {second} ** 2"),
        (f"the cost of {first} tickets at {number} each and {second} drinks at {number + 1} each", f"{first} * {number} + {second} * {number + 1}"), (f"{first} percent of {second}", f"{first} * {second} / 100"), (f"the number of integers from {first} to {second}", f"{second} - {first} + 1"),
    ])  # fmt: skip
    return Puzzle(text, False, "compute", ((first, "int"), (second, "int")), f"return {code}")


def _range(rng: random.Random) -> Puzzle:
    condition, test = _filled(rng.choice(PREDICATES), rng)
    described = (
        f"{condition} numbers from 1 to n" if condition in ADJECTIVES else f"numbers from 1 to n that are {condition}"
    )
    what, code = rng.choice(
        [
            ("the {}", "[x {}]"),
            ("the number of {}", "sum(1 {})"),
            ("how many {} there are", "sum(1 {})"),
            ("the sum of the {}", "sum(x {})"),
            ("all {}", "[x {}]"),
        ]
    )
    return Puzzle(
        what.format(described),
        False,
        rng.choice(values.VERBS),
        (("n", "int"),),
        "return " + code.format(f"for x in range(1, n + 1) if {test.replace('@', 'x')}"),
    )


def _two_lists(rng: random.Random) -> Puzzle:
    condition, test = _filled(rng.choice(PREDICATES), rng)
    what, code = rng.choice(
        [
            ("the sum", "x + y"),
            ("the product", "x * y"),
            ("the difference", "x - y"),
            ("the absolute difference", "abs(x - y)"),
            ("the larger number", "max(x, y)"),
            ("the smaller number", "min(x, y)"),
        ]
    )
    test = test.replace("@", f"({code})" if " " in code and not code.endswith(")") else code)
    asked, body = rng.choice([
        (f"the number of positions where {what} of a and b is {condition}", f"return sum(1 for x, y in zip(a, b) if {test})"), (f"in how many positions {what} is {condition}", f"return sum(1 for x, y in zip(a, b) if {test})"),
        (f"{what} of a and b at each position", f"return [{code} for x, y in zip(a, b)]"), (f"the sum of {what} over all positions of a and b", f"return sum({code} for x, y in zip(a, b))"), (f"the largest value of {what} over all positions", f"return max({code} for x, y in zip(a, b))"),
    ])  # fmt: skip
    return Puzzle(asked, False, "compare", (("a", "ints"), ("b", "ints")), body)


def _blocks(rng: random.Random) -> Puzzle:
    call, word = rng.choice([("sum", "sum"), ("max", "largest number"), ("min", "smallest number")])
    asked, body = rng.choice([
        (f"the {word} of every block of k neighbouring numbers", f"return [{call}(a[i:i + k]) for i in range(len(a) - k + 1)]"), (f"the {word} of each group of k numbers", f"return [{call}(a[i:i + k]) for i in range(0, len(a), k)]"),
        (f"the {word} of the first k numbers", f"return {call}(a[:k])"), (f"the {word} of the last k numbers", f"return {call}(a[-k:])"), (f"the {word} of every k-th number", f"return {call}(a[::k])"),
    ])  # fmt: skip
    return Puzzle(asked, False, "blocks", (("k", "int"), ("a", "ints")), body)


def puzzle(rng: random.Random) -> Puzzle:
    """One random problem with its solution, argument names varied."""
    maker = rng.choices(
        [_written, _composed, _any_all, _digits, _letters, _words, _formula, _range, _two_lists, _blocks],
        [44, 24, 4, 4, 6, 8, 4, 4, 3, 2],
    )[0]
    made = maker(rng)
    renamed = made
    for old, kind in made.args:
        if len(made.args) == 1 and rng.random() < 0.6:
            renamed = _rename(renamed, old, rng.choice(NAMES[kind]))
    return renamed


def _rename(made: Puzzle, old: str, new: str) -> Puzzle:
    if old == new or re.search(rf"\b{new}\b", made.body) or (kind := dict(made.args)[old]) is None:
        return made
    body = re.sub(rf"\b{old}\b(?!['\"])", new, made.body)
    asked = (
        re.sub(rf"(?<!')\b{old}\b(?!')", new, made.asked)
        if kind not in {"ints", "strs"} or old != "a"
        else re.sub(r" of a\b| in a\b", lambda m: m[0][:-1] + new, made.asked)
    )
    if old == "a":
        body = body if "'a" not in made.body else made.body
        if body == made.body:
            return made
    return Puzzle(asked, made.yes_no, made.name, tuple((new if a == old else a, k) for a, k in made.args), body)
