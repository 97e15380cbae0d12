"""From members of contest families to problems in the shape of the APPS data set."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from recipe.sample.families import Contest, Variant

TESTS = 10
# Draws looked at to find TESTS different inputs; families with few inputs may end with fewer.
DRAWS = 200
LEAST = 8
# Tests with one and the same expected answer: a program that guesses must not get far.
ALIKE = 7


@dataclass(frozen=True)
class Case:
    """One test: arguments of a function, or the text of standard input; and what is expected."""

    given: Any
    expected: Any


@dataclass(frozen=True)
class Problem:
    """One finished problem of the task with tests."""

    variant: Variant
    question: str
    solution: str
    starter: str
    fn: str
    cases: tuple[Case, ...]

    @property
    def contest(self) -> Contest:
        """The family of the problem."""
        return contest_of(self.variant)


def contest_of(variant: Variant) -> Contest:
    """The family of `variant`, which must be one with tests."""
    if not isinstance(variant.family, Contest):
        raise TypeError(f"{variant.family.name!r} is no contest family")
    return variant.family


def draw(variant: Variant, rng: Random) -> Case:
    """One random test of `variant`; the expected answer comes from the family, not the solution."""
    contest = contest_of(variant)
    args = contest.make(rng, variant.values)
    answer = contest.answer(variant.values, *args)
    if contest.fn:
        return Case([_plain(arg) for arg in args], _plain(answer))
    if contest.lines is None:
        raise TypeError(f"{contest.name!r} needs `lines` to write its input")
    given = "".join(f"{line}\n" for line in contest.lines(*args))
    lines = answer if isinstance(answer, list) else [answer]
    return Case(given, "".join(f"{line}\n" for line in lines))


def _plain(value: Any) -> Any:
    """`value` as JSON gives it back."""
    return json.loads(json.dumps(value))


def problem(variant: Variant, seed: int) -> Problem:
    """The finished problem of one member, its tests drawn from `seed`."""
    contest = contest_of(variant)
    rng = Random(f"{seed} {variant.asked} {variant.answer}")
    cases: dict[str, Case] = {}
    answers: Counter[str] = Counter()
    for _ in range(DRAWS):
        case = draw(variant, rng)
        if repr(case.given) in cases or answers[repr(case.expected)] == ALIKE:
            continue
        cases[repr(case.given)] = case
        answers[repr(case.expected)] += 1
        if len(cases) == TESTS:
            break
    chosen = sorted(cases.values(), key=lambda case: len(repr(case.given)))
    if len(chosen) < LEAST:
        raise ValueError(f"family {contest.name!r} draws only {len(chosen)} different inputs")
    shown = chosen[len(chosen) // 2]
    ordered = (shown, *(case for case in chosen if case is not shown))
    starter = _starter(variant.answer) if contest.fn else ""
    return Problem(
        variant,
        _called(variant, shown, starter) if contest.fn else _read(variant, shown),
        variant.answer,
        starter,
        variant.fill(contest.fn),
        ordered,
    )


def _read(variant: Variant, shown: Case) -> str:
    """The statement of a problem that reads standard input."""
    contest = contest_of(variant)
    parts = (
        variant.asked,
        f"-----Input-----\n\n{variant.fill(contest.reads)}",
        f"-----Output-----\n\n{variant.fill(contest.prints)}",
        f"-----Example-----\n\nInput\n{shown.given}\nOutput\n{shown.expected}",
    )
    return "\n\n".join(parts)


def _called(variant: Variant, shown: Case, starter: str) -> str:
    """The statement of a call-based problem."""
    names = parameters(starter)
    given = ", ".join(f"{name} = {json.dumps(value)}" for name, value in zip(names, shown.given, strict=True))
    example = f"Example 1:\n\nInput: {given}\nOutput: {json.dumps(shown.expected)}\n"
    return f"{variant.asked}\n\n{example}"


def _starter(solution: str) -> str:
    """The solution up to its first `def` line and the indentation of what must follow."""
    head: list[str] = []
    for line in solution.splitlines():
        head.append(line)
        if line.lstrip().startswith("def "):
            indent = len(line) - len(line.lstrip()) + 4
            return "\n".join(head) + "\n" + " " * indent
    raise ValueError(f"no function in {solution!r}")


def parameters(starter: str) -> Sequence[str]:
    """Names of the parameters in a starter code, without `self`."""
    tree = ast.parse(starter.rstrip() + " pass")
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return [arg.arg for arg in function.args.args if arg.arg != "self"]


def row(made: Problem, number: int, label: str) -> dict[str, Any]:
    """The problem as one row of the data set: `solutions` and `input_output` are JSON texts."""
    tests: dict[str, Any] = {"fn_name": made.fn} if made.fn else {}
    tests["inputs"] = [case.given for case in made.cases]
    tests["outputs"] = [[case.expected] if made.fn else case.expected for case in made.cases]
    return {
        "problem_id": number,
        "question": made.question,
        "solutions": json.dumps([made.solution]),
        "input_output": json.dumps(tests),
        "difficulty": made.contest.level,
        "url": label,
        "starter_code": made.starter,
    }
