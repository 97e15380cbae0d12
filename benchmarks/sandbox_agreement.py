"""Verdicts on stored solutions of APPS problems and mutants of them: against the APPS checker, and against themselves.

python benchmarks/sandbox_agreement.py agree --data FOLDER --apps CHECKOUT
    passed tests beside the original checker's, each difference with its program
python benchmarks/sandbox_agreement.py verdicts --data FOLDER [--workers N]
    one line a program; run it again under load, with more workers, or as another user, and compare the files
python benchmarks/sandbox_agreement.py native --data FOLDER
    every stored solution under all its tests; each one that does not pass is run again in plain Python, test by test

FOLDER holds what the project's data folder has of APPS. Everything runs in a throw-away namespace.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.records import Limits
from harness.sandbox import run
from sandbox import enclosed, tests_of

_PEER = Path(__file__).with_name("sandbox_peer.py")
_SOLUTIONS, _TESTS = 6, 8
"""Solutions of a problem, and tests of each, at most."""
_SECONDS = 60
"""For all tests of a program in the checker, whose own limit for each of them is 4 seconds."""


@dataclass(frozen=True)
class Case:
    """One program and the tests of its problem in the shape of APPS."""

    name: str
    program: str
    io: dict[str, Any]


def cases(folder: Path) -> list[Case]:
    """Solutions, each followed by a mutant of it where one can be made."""
    found: list[Case] = []
    for problem, solutions, tests in problems(folder):
        io = {**tests, "inputs": tests["inputs"][:_TESTS], "outputs": tests["outputs"][:_TESTS]}
        if not io["inputs"]:
            continue
        for number, program in enumerate(solutions[:_SOLUTIONS]):
            found.append(Case(f"{problem}/{number}", program, io))
            changed = mutant(program, f"{problem}/{number}")
            if changed is not None:
                found.append(Case(f"{problem}/{number}'", changed, io))
    return found


def problems(folder: Path) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    """(name, solutions, tests) of every problem of the folder that has both."""
    with gzip.open(folder / "minival_train.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            if row["solutions"] and row["input_output"]:
                yield f"train/{row['problem_id']}", json.loads(row["solutions"]), json.loads(row["input_output"])
    for place in sorted((folder / "original_layout").glob("*/*")):
        solutions, io = (json.loads((place / name).read_text()) for name in ("solutions.json", "input_output.json"))
        yield f"{place.parent.name}/{place.name} (layout)", solutions, io
    with tarfile.open(folder / "APPS_test_example_tests.tar.gz") as archive:
        for line in (folder / "test50_questions.jsonl").read_text().splitlines():
            row = json.loads(line)
            member = archive.extractfile(f"APPS_test_example_tests/{row['task_id']}/example_input_output.json")
            io = json.load(member) if member else None
            if io:
                yield f"test/{row['task_id']}", [row["solution"]], io


_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


class _Mutation(ast.NodeTransformer):
    """Changes the operator, comparison or number with a given index."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.seen = wanted, 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        number = isinstance(node, ast.Constant) and type(node.value) is int
        if not number and type(node) not in _OTHER:
            return node
        self.seen += 1
        if self.seen - 1 != self.wanted:
            return node
        return ast.Constant(node.value + 1) if isinstance(node, ast.Constant) else _OTHER[type(node)]()

    visit_Constant = generic_visit  # noqa: N815 - NodeTransformer's own does not call generic_visit


def mutant(program: str, seed: str) -> str | None:
    """`program` with one thing changed; None where it does not parse or has nothing to change."""
    try:
        counter = _Mutation(-1)
        counter.visit(ast.parse(program))
        if counter.seen == 0:
            return None
        chosen = random.Random(seed).randrange(counter.seen)
        return ast.unparse(ast.fix_missing_locations(_Mutation(chosen).visit(ast.parse(program))))
    except (SyntaxError, ValueError):
        return None


def ours(every: list[Case], workers: int | None) -> list[tuple[str, int, int]]:
    """(outcome, passed, passed in the strict mode) of each."""
    executions = run([(case.program, tests_of(case.io)) for case in every], Limits(), workers=workers)
    return [(one.outcome.value, one.passed, one.strict_passed) for one in executions]


def checker(every: list[Case], checkout: str) -> list[list[Any]]:
    """What the APPS checker says of each test of each program."""
    jobs = [{"program": case.program, "input_output": case.io, "seconds": _SECONDS} for case in every]
    command = [sys.executable, str(_PEER), "apps", checkout, "2"]
    done = subprocess.run(command, input=json.dumps(jobs), text=True, capture_output=True, check=True)
    results: list[list[Any]] = json.loads(done.stdout[done.stdout.rindex('{"wall"') :])["results"]
    return results


def agree(options: argparse.Namespace) -> None:
    every = cases(options.data)
    mine = enclosed(lambda: ours(every, options.workers))
    theirs = enclosed(lambda: checker(every, options.apps))
    different = 0
    for case, (outcome, passed, _), said in zip(every, mine, theirs, strict=True):
        if passed == sum(one is True for one in said):
            continue
        different += 1
        guard = ", has a __main__ guard" if "__main__" in case.program else ""
        print(f"{case.name}: {outcome}, {passed} of {len(case.io['inputs'])} passed; the checker: {said}{guard}")
        if options.programs:
            print(case.program)
    print(f"{len(every)} programs, {len(every) - different} with as many passed tests")


def verdicts(options: argparse.Namespace) -> None:
    every = cases(options.data)
    for case, verdict in zip(every, enclosed(lambda: ours(every, options.workers)), strict=True):
        print(case.name, *verdict)


_DRIVER = """
import json, sys
names = {"__name__": "candidate"}
exec(compile(sys.argv[1], "candidate.py", "exec"), names)
owner = names["Solution"]() if "Solution" in names else None
function = getattr(owner, sys.argv[2]) if owner is not None else names[sys.argv[2]]
print(json.dumps(function(*[json.loads(line) for line in sys.stdin.read().split(chr(10))])))
"""
"""A call-based solution in plain Python: its arguments are lines of JSON, what it returns is printed as JSON."""


def native(options: argparse.Namespace) -> None:
    every = [
        Case(f"{problem}/{number}", program, io)
        for problem, solutions, io in problems(options.data)
        for number, program in enumerate(solutions)
        if io["inputs"]
    ]
    limits = Limits(cpu_seconds=20.0, wall_seconds=60.0)
    jobs = [(case.program, tests_of(case.io)) for case in every]
    mine = enclosed(lambda: [one.outcome.value for one in run(jobs, limits, workers=options.workers)])
    failed = [(case, outcome) for case, outcome in zip(every, mine, strict=True) if outcome != "passed"]
    for case, outcome in failed:
        reason = enclosed(lambda case=case: in_plain_python(case))
        print(f"{case.name}: {outcome} here; in plain Python: {reason or 'PASSES'}")
    print(f"{len(every)} solutions, {len(every) - len(failed)} pass")


def in_plain_python(case: Case) -> str:
    """Why the program fails in plain Python; empty where it passes every test."""
    name = case.io.get("fn_name")
    for number, (given, wanted) in enumerate(zip(case.io["inputs"], case.io["outputs"], strict=True)):
        called = [sys.executable, "-c", _DRIVER, case.program, name]
        text = "\n".join(map(json.dumps, given)) if name else given if isinstance(given, str) else "\n".join(given)
        try:
            done = subprocess.run(
                called if name else [sys.executable, "-c", case.program],
                input=text,
                text=True,
                capture_output=True,
                timeout=60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"test {number} takes more than a minute"
        if done.returncode:
            return f"test {number}: {(done.stderr.splitlines() or ['it failed'])[-1]}"
        if name:
            right = json.loads(done.stdout) in (wanted, wanted[0] if isinstance(wanted, list) and wanted else wanted)
        else:
            lines = wanted if isinstance(wanted, str) else "\n".join(wanted)
            right = done.stdout.split() == lines.split()
        if not right:
            return f"test {number}: another answer, {done.stdout[:40]!r}"
    return ""


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["agree", "verdicts", "native"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--apps", metavar="CHECKOUT")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--programs", action="store_true", help="print the program of each difference")
    options = parser.parse_args()
    globals()[options.what](options)


if __name__ == "__main__":
    main()
