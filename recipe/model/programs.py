"""Programs that read standard input: a story or task with input and output sections, often with an example."""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

from recipe.model import values
from recipe.model.idioms import Pair
from recipe.model.puzzles import Puzzle, puzzle

THINGS: list[str] = values.LEXICON["things"]
PEOPLE: list[str] = values.LEXICON["people"]
RAISES = (ValueError, IndexError, ZeroDivisionError, StopIteration, KeyError, TypeError, OverflowError, AttributeError)


def indent(text: str, by: int = 4) -> str:
    return "\n".join(" " * by + line if line else line for line in text.split("\n"))


def arguments(made: Puzzle) -> str:
    return ", ".join(a for a, _ in made.args)


def _reading(made: Puzzle, rng: random.Random) -> tuple[str, str]:
    """Code that reads the arguments from standard input, and the sentence that describes the input."""
    kinds = [k for _, k in made.args]
    names = [a for a, _ in made.args]
    counter = next(c for c in "ntmk" if c not in names)
    integers = rng.choice(["integers", "numbers"])
    if set(kinds) == {"int"}:
        if len(names) == 1:
            return f"{names[0]} = int(input())", rng.choice(
                [
                    f"A single integer {names[0]}.",
                    f"The only line contains an integer {names[0]}.",
                    f"One line with the integer {names[0]}.",
                ]
            )
        listed = ", ".join(names[:-1]) + " and " + names[-1]
        if rng.random() < 0.2:
            return "\n".join(f"{a} = int(input())" for a in names), f"The integers {listed}, one per line."
        return f"{', '.join(names)} = map(int, input().split())", rng.choice(
            [
                f"One line with the integers {listed}.",
                f"The only line contains {len(names)} integers {listed}.",
                f"The integers {listed} on one line.",
            ]
        )
    lines, told = [], []
    if kinds == ["int", "ints"] and rng.random() < 0.7:
        lines.append(f"{counter}, {names[0]} = map(int, input().split())")
        told.append(
            f"The first line contains two integers {counter} and {names[0]}. The second line contains {counter} {integers}."
        )
        lines.append(f"{names[1]} = list(map(int, input().split()))")
        return "\n".join(lines), told[0]
    counted = False
    for a, k in made.args:
        where = "The first line" if not told else "The next line"
        if k == "int":
            lines.append(f"{a} = int(input())")
            told.append(f"{where} contains an integer {a}.")
        elif k == "ints":
            if not counted and rng.random() < 0.75:
                lines.append(f"{counter} = int(input())")
                told.append(f"{where} contains an integer {counter}.")
                where = "The second line" if len(told) == 1 else "The next line"
            counted = True
            lines.append(
                f"{a} = list(map(int, input().split()))"
                if rng.random() < 0.85
                else f"{a} = [int(x) for x in input().split()]"
            )
            told.append(
                f"{where} contains {counter if len(lines) > 1 else 'some'} {integers}"
                + rng.choice([".", " separated by spaces.", "."])
            )
        elif k == "str":
            lines.append(f"{a} = input()" + (".strip()" if rng.random() < 0.15 else ""))
            told.append(rng.choice([f"{where} contains the string {a}.", f"{where} contains {a}.", "A line of text."]))
        elif k == "strs":
            lines.append(f"{a} = input().split()")
            told.append(
                rng.choice(
                    [f"{where} contains words separated by spaces.", "A line of words separated by single spaces."]
                )
            )
        else:
            lines.append(f"n, k = map(int, input().split())\n{a} = [list(map(int, input().split())) for _ in range(n)]")
            told.append(
                f"{where} contains two integers n and k, the numbers of rows and columns. Each of the next n lines contains k integers."
            )
    return "\n".join(lines), " ".join(told)


@cache
def _compiled(source: str) -> Any:
    scope: dict[str, Any] = {}
    exec("import math\n" + source, scope)  # noqa: S102 -- generated here, from families written here
    return scope["f"]


def example(made: Puzzle, rng: random.Random) -> tuple[list[Any], Any]:
    """Random arguments and the answer; raises where the problem has none for them."""
    given: list[Any] = []
    size = rng.randrange(3, 7)
    for name, kind in made.args:
        if kind == "int":
            given.append(
                rng.randrange(1, 4)
                if len(made.args) > 1 and "ints" in dict(made.args).values()
                else rng.randrange(2, 13 if "$f" in made.body else 60)
            )
        elif kind == "ints":
            low = 0 if rng.random() < 0.6 else -9
            given.append([rng.randrange(low, 12 if rng.random() < 0.6 else 40) for _ in range(size)])
        elif kind == "str":
            given.append(" ".join(rng.choices(values.WORDS, k=rng.randrange(1, 5))))
        elif kind == "strs":
            given.append(rng.choices(values.WORDS, k=size))
        else:
            given.append([[rng.randrange(10) for _ in range(3)] for _ in range(3)])
        del name
    function = _compiled(f"def f({arguments(made)}):\n{indent(made.body.replace('$f', 'f'))}")
    copies = [list(g) if isinstance(g, list) else g for g in given]
    return given, function(*copies)


def shown(answer: Any, words: tuple[str, str]) -> str | None:
    """How a program prints the answer, as text; None where it is not printed simply."""
    if isinstance(answer, bool):
        return words[0] if answer else words[1]
    if isinstance(answer, (int, str)):
        return str(answer)
    if isinstance(answer, float):
        return str(answer)
    if isinstance(answer, (list, tuple)) and all(isinstance(x, (int, str)) and not isinstance(x, bool) for x in answer):
        return " ".join(map(str, answer))
    return None


def _printing(call: str, answer: Any, words: tuple[str, str], rng: random.Random) -> str:
    if isinstance(answer, bool):
        if rng.random() < 0.35:
            return f"if {call}:\n    print('{words[0]}')\nelse:\n    print('{words[1]}')"
        return f"print('{words[0]}' if {call} else '{words[1]}')"
    if isinstance(answer, tuple) and "," in re.sub(r"\(.*?\)", "", call):
        return f"print({call})"
    if isinstance(answer, (list, tuple)):
        if call.startswith("[") and call.endswith("]") and call.count("[") == 1 and rng.random() < 0.3:
            return (
                f"print(' '.join(str({call[1:].split(' for ', maxsplit=1)[0]}) for {call[1:-1].split(' for ', 1)[1]}))"
                if " for " in call
                else f"print(*{call})"
            )
        return f"print(*{call})"
    return f"print({call})"


def as_program(rng: random.Random) -> Pair:
    """A story or task with input and output sections, often an example, and the program that solves it."""
    while True:
        made = puzzle(rng)
        words = rng.choice([("YES", "NO"), ("YES", "NO"), ("Yes", "No"), ("yes", "no"), ("True", "False"), ("1", "0")])
        try:
            given, answer = example(made, rng)
        except RAISES:
            continue
        printed = shown(answer, words)
        if printed is not None and len(printed) < 200:
            break
    reading, described = _reading(made, rng)
    code = _solution(made, reading, answer, words, rng)
    several = "def " not in code and "import" not in code and rng.random() < 0.14
    if several:
        code = f"for _ in range(int(input())):\n{indent(code)}"
        described = (
            rng.choice(
                [
                    "The first line contains t, the number of test cases. For each test case: ",
                    "The first line contains an integer t, the number of test cases. Each of them is as follows. ",
                ]
            )
            + described
        )
    told = story(made, rng)
    result = (
        f"Print {words[0]} if {made.asked}, otherwise print {words[1]}."
        if made.yes_no
        else rng.choice(
            [
                f"Print {made.asked}.",
                f"Print {made.asked}.",
                f"Output {made.asked}.",
                "Print the answer.",
                f"Print one line: {made.asked}.",
            ]
        )
    )
    if several:
        result += rng.choice([" Print one line for every test case.", " Do this for each test case.", ""])
    marks = rng.choice(
        [("-----{}-----\n\n", "\n\n"), ("-----{}-----\n\n", "\n\n"), ("{}\n", "\n\n"), ("{}: ", "\n"), ("{}\n", "\n")]
    )
    parts = [told, marks[0].format("Input") + described, marks[0].format("Output") + result]
    if rng.random() < 0.6:
        parts.append(
            marks[0].format(rng.choice(["Example", "Examples", "Sample"])).rstrip(" :\n")
            + "\n" * (1 + ("--" in marks[0]))
            + f"Input\n{'1' + chr(10) if several else ''}{_lines(made, given, reading)}\n\nOutput\n{printed}\n"
        )
    return Pair(marks[1].join(parts), code)


def _lines(made: Puzzle, given: list[Any], reading: str) -> str:
    """The example's standard input, in the layout that *reading* reads."""
    kinds = [k for _, k in made.args]
    if set(kinds) == {"int"}:
        return ("\n" if "split" not in reading and len(given) > 1 else " ").join(map(str, given))
    lines = []
    first = reading.split("\n", maxsplit=1)[0]
    if kinds == ["int", "ints"] and "," in first.split("=")[0]:
        return f"{len(given[1])} {given[0]}\n{' '.join(map(str, given[1]))}"
    counted = False
    for value, kind in zip(given, kinds, strict=True):
        if kind == "ints":
            if not counted and reading.count("int(input())") > kinds.count("int"):
                lines.append(str(len(value)))
            counted = True
            lines.append(" ".join(map(str, value)))
        elif kind == "strs":
            lines.append(" ".join(value))
        elif kind == "matrix":
            lines.append(f"{len(value)} {len(value[0])}")
            lines += [" ".join(map(str, row)) for row in value]
        else:
            lines.append(str(value))
    return "\n".join(lines)


def _solution(made: Puzzle, reading: str, answer: Any, words: tuple[str, str], rng: random.Random) -> str:
    head = "import math\n\n" if "math." in made.body else ""
    body = made.body
    if body.count("return") == 1 and body.split("\n")[-1].startswith("return ") and rng.random() < 0.9:
        *before, last = body.split("\n")
        lines = [reading, *before, _printing(last.removeprefix("return "), answer, words, rng)]
        return head + "\n".join(lines)
    name = made.name if rng.random() < 0.5 else rng.choice(["solve", "f", "check" if made.yes_no else "solve"])
    defined = f"def {name}({arguments(made)}):\n{indent(body.replace('$f', name))}"
    gap = "\n\n" if rng.random() < 0.6 else "\n"
    return f"{head}{defined}{gap}{reading}\n{_printing(f'{name}({arguments(made)})', answer, words, rng)}"


def story(made: Puzzle, rng: random.Random) -> str:
    who, things = rng.choice(PEOPLE), rng.choice(THINGS)
    kinds = [k for _, k in made.args]
    names = ", ".join(a for a, _ in made.args)
    if "ints" in kinds:
        setting = rng.choice(
            [
                f"{who} has a list of n integers.",
                "You are given an array of n integers.",
                f"{who} has {things} with numbers on them.",
                f"There are n {things}, each with a number.",
                "Given n integers.",
                f"{who} wrote n numbers on the blackboard.",
                f"A machine of {who} reads n numbers.",
                "",
            ]
        )
    elif "str" in kinds:
        setting = rng.choice(
            [
                f"{who} wrote the text {names}.",
                f"You are given a string {names}.",
                f"{who} got a message.",
                "Given a line of text.",
                f"{who} plays with words.",
                "",
            ]
        )
    elif "strs" in kinds:
        setting = rng.choice(["You are given some words.", f"{who} has a list of words.", ""])
    elif "matrix" in kinds:
        setting = rng.choice(
            ["You are given a table of integers.", f"{who} has a grid of numbers.", "Given a matrix.", ""]
        )
    else:
        setting = rng.choice(
            [
                f"{who} has {len(kinds)} number{'s' * (len(kinds) > 1)} {names}.",
                f"You are given {'an integer' if len(kinds) == 1 else 'integers'} {names}.",
                f"{who} thinks of {names}.",
                f"{who} counts {things}.",
                "",
            ]
        )
    if made.yes_no:
        task = rng.choice(
            [
                f"Determine whether {made.asked}.",
                f"Check if {made.asked}.",
                f"{who} wants to know if {made.asked}.",
                f"Is it true that {made.asked}?",
                f"Find out whether {made.asked}.",
            ]
        )
    else:
        task = rng.choice(
            [
                f"Find {made.asked}.",
                f"Print {made.asked}.",
                f"Calculate {made.asked}.",
                f"Your task is to find {made.asked}.",
                f"Help {who} to find {made.asked}.",
                f"What is {made.asked}?",
                f"{who} needs {made.asked}.",
                f"Output {made.asked}.",
                f"Report {made.asked}.",
            ]
        )
    return f"{setting} {task}".strip()
