"""Small problems as functions, methods, scripts and programs, each with a request for it."""

# ruff: noqa: E501 -- sentences, and templates that stand in one piece

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from recipe.model import values
from recipe.model.idioms import Pair
from recipe.model.programs import RAISES, arguments, as_program, example, indent, shown, story
from recipe.model.puzzles import Puzzle, puzzle

SINGLE = {"int": "number", "ints": "list of integers", "str": "string", "strs": "list of strings", "matrix": "matrix"}


def function_code(made: Puzzle, name: str, rng: random.Random) -> str:
    """The solution as a function definition."""
    hints = {"int": "int", "ints": "list[int]", "str": "str", "strs": "list[str]", "matrix": "list[list[int]]"}
    typed = rng.random() < 0.12
    args = ", ".join(f"{a}: {hints[k]}" if typed else a for a, k in made.args)
    head = "import math\n\n" if "math." in made.body else ""
    return f"{head}def {name}({args}):\n{indent(made.body.replace('$f', name))}"


def as_function(rng: random.Random) -> Pair:
    """A request for a function, and the function."""
    made = puzzle(rng)
    name = made.name if rng.random() < 0.4 else values.identifier(rng, values.FUNCTIONS)
    given = " and ".join(f"a {SINGLE[k]} {rng.choice([f'`{a}`', a])}" for a, k in made.args)
    called = rng.choice(
        [f"`{name}`", f"`{name}`", f"called `{name}`", f"named `{name}`", f"`{name}({arguments(made)})`", name, ""]
    )
    code = function_code(made, name if called else made.name, rng)
    start = rng.choice(
        [
            "Write a function",
            "Write a Python function",
            "Create a function",
            "Define a function",
            "Implement a function",
            "Construct a Python function",
            "Design a function",
            "write a function",
        ]
    )
    takes = rng.choice(["", "", f" that takes {given} and", f" which takes {given} and", f" that given {given},"])
    if made.yes_no:
        verb = rng.choice(["checks if", "returns True if", "tells whether", "determines whether", "tests if"])
    else:
        verb = rng.choice(["returns", "returns", "computes", "calculates", "finds", "gives back"])
    link = "" if takes else rng.choice([" that", " which"])
    ask = " ".join(f"{start} {called}{takes}{link} {verb} {made.asked}".split())
    form = rng.random()
    if form < 0.12 and not made.yes_no:
        ask = " ".join(
            f"{start} {called} {rng.choice(['to find', 'to calculate', 'to compute', 'to get', 'for'])} {made.asked}".split()
        )
    elif form < 0.2:
        ask = f"{rng.choice(['Implement', 'Write', 'Complete'])} `{name}({arguments(made)})`: it {verb} {made.asked}"
        code = function_code(made, name, rng)
    return Pair(ask + rng.choice([".", ".", "", " in Python."]), code)


def as_script(rng: random.Random) -> Pair:
    """A task with the values to work on given below it, and a script that holds them and prints the answer."""
    while True:
        made = puzzle(rng)
        try:
            given, answer = example(made, rng)
        except RAISES:
            continue
        if "$f" not in made.body and shown(answer, ("", "")) is not None:
            break
    values_given = "\n".join(f"{a} = {g!r}" for (a, _), g in zip(made.args, given, strict=True))
    *before, last = made.body.split("\n")
    if made.body.count("return") == 1:
        code = "\n".join([values_given, *before, f"print({last.removeprefix('return ')})"])
    else:
        code = f"{function_code(made, made.name, rng)}\n\n{values_given}\nprint({made.name}({arguments(made)}))"
    ask = f"{'Check if' if made.yes_no else rng.choice(['Print', 'Find', 'Calculate', 'Output'])} {made.asked}{rng.choice(['', ' of the given list' if 'ints' in dict(made.args).values() else ''])}."
    return Pair(f"{ask}\n{values_given}", code)


def as_call(rng: random.Random) -> Pair:
    """A statement with an example call, answered by a function or a method of `class Solution`."""
    while True:
        made = puzzle(rng)
        try:
            given, answer = example(made, rng)
            break
        except RAISES:
            continue
    name = made.name if rng.random() < 0.5 else values.identifier(rng, values.FUNCTIONS)
    camel = re.sub(r"_(\w)", lambda m: m[1].upper(), name)
    call = ", ".join(f"{a} = {g!r}".replace("'", '"') for (a, _), g in zip(made.args, given, strict=True))
    task = f"Return {'True if ' if made.yes_no else ''}{made.asked}." if rng.random() < 0.5 else story(made, rng)
    if rng.random() < 0.5:
        name = camel
        hints = {"int": "int", "ints": "list[int]", "str": "str", "strs": "list[str]", "matrix": "list[list[int]]"}
        typed = rng.random() < 0.5
        listed = ", ".join(f"{a}: {hints[k]}" if typed else a for a, k in made.args)
        back = {bool: " -> bool", int: " -> int", str: " -> str", float: " -> float"}.get(
            type(answer), " -> list[int]" if isinstance(answer, list) and answer and isinstance(answer[0], int) else ""
        )
        method = (
            f"def {name}(self, {listed}){back if typed else ''}:\n{indent(made.body.replace('$f', 'self.' + name))}"
        )
        head = "import math\n\n" if "math." in made.body else ""
        code = f"{head}class Solution:\n{indent(method)}"
    else:
        code = function_code(made, name, rng)
    start = code.split("def ")[0] + "def " + code.split("def ", 1)[1].split("\n")[0]
    if start.startswith("class"):
        start = code[: code.index(":\n", code.index("def ")) + 1]
    extra = rng.choice(["", "", f"\n\nStarter code:\n{start}", f"\n{start}", f"\n\n{start}"])
    return Pair(
        f"{task}\n\n{rng.choice(['Example 1:', 'Example:', 'Example'])}\n\nInput: {call}\nOutput: {answer!r}{extra}",
        code,
    )


def pairs(rng: random.Random) -> Iterator[Pair]:
    """Pairs without end: functions, programs and call-based problems."""
    while True:
        maker = rng.choices([as_function, as_program, as_call, as_script], [42, 40, 13, 5])[0]
        yield maker(rng)
