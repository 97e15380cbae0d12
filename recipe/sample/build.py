"""Write the built-in sample: three tasks, three splits, the same bytes for the same seed."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from recipe.sample import (
    apps_competition_areas,
    apps_competition_lines,
    apps_competition_pairs,
    apps_competition_sieve,
    apps_interview_lists,
    apps_interview_numbers,
    apps_interview_tables,
    apps_interview_text,
    apps_introductory_lines,
    apps_introductory_lists,
    code_classes,
    code_loops,
    code_numbers,
    code_structures,
    code_text,
    conala_numbers,
    conala_system,
    conala_tables,
    conala_text,
)
from recipe.sample.apps import Problem, problem, row
from recipe.sample.check import WrongReference, check_snippet, snippet_of
from recipe.sample.choose import SPLITS, deal
from recipe.sample.execute import Program
from recipe.sample.families import Contest, Snippet, Variant
from recipe.sample.sharpen import sharpen

SEED = 20
SIZES = {"train": 200, "validation": 40, "test": 60}
CONALA: tuple[Snippet, ...] = (
    *conala_numbers.FAMILIES,
    *conala_text.FAMILIES,
    *conala_tables.FAMILIES,
    *conala_system.FAMILIES,
)
CODEALPACAPY: tuple[Snippet, ...] = (
    *code_numbers.FAMILIES,
    *code_loops.FAMILIES,
    *code_text.FAMILIES,
    *code_structures.FAMILIES,
    *code_classes.FAMILIES,
)
APPS: dict[str, tuple[Contest, ...]] = {
    "introductory": (*apps_introductory_lists.FAMILIES, *apps_introductory_lines.FAMILIES),
    "interview": (
        *apps_interview_lists.FAMILIES,
        *apps_interview_tables.FAMILIES,
        *apps_interview_numbers.FAMILIES,
        *apps_interview_text.FAMILIES,
    ),
    "competition": (
        *apps_competition_lines.FAMILIES,
        *apps_competition_pairs.FAMILIES,
        *apps_competition_areas.FAMILIES,
        *apps_competition_sieve.FAMILIES,
    ),
}
APPS_SIZES = {
    "introductory": {"train": 70, "validation": 14, "test": 20},
    "interview": {"train": 70, "validation": 13, "test": 20},
    "competition": {"train": 60, "validation": 13, "test": 20},
}
FOLDER = Path(__file__).parents[2] / "harness" / "builtin" / "sample"


def conala(seed: int = SEED) -> dict[str, list[Variant]]:
    """The members dealt to each split of the one-liner task."""
    return deal("conala", CONALA, SIZES, seed)


def codealpacapy(seed: int = SEED) -> dict[str, list[Variant]]:
    """The members dealt to each split of the function task."""
    return deal("codealpacapy", CODEALPACAPY, SIZES, seed)


def apps(seed: int = SEED) -> dict[str, list[Problem]]:
    """The problems with tests of each split, easy ones first."""
    made: dict[str, list[Problem]] = {split: [] for split in SPLITS}
    for level, families in APPS.items():
        for split, variants in deal(f"apps {level}", families, APPS_SIZES[level], seed).items():
            made[split] += [_sound(sharpen(problem(variant, seed), seed)) for variant in variants]
    return made


def _sound(made: Problem) -> Problem:
    """The problem, if its reference passes its tests."""
    program = Program(made.solution, made.fn)
    if not all(program.passes(case) for case in made.cases):
        raise WrongReference(f"{made.question}\nis not solved by\n{made.solution}")
    return made


def _apps_lines(problems: Sequence[Problem], first: int) -> bytes:
    """Rows as JSON lines; `problem_id` counts on through the splits, `url` says what this is."""
    lines = [
        json.dumps(row(made, number, f"sample:{made.contest.name}"), ensure_ascii=False)
        for number, made in enumerate(problems, start=first)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _conala_rows(seed: int) -> dict[str, list[dict[str, str]]]:
    """Rows in the DocPrompting shape; ids are `sample-<family>-<running number in the family>`."""
    numbers = {family.name: at for at, family in enumerate(CONALA, start=1)}
    used: dict[str, int] = {}
    rows: dict[str, list[dict[str, str]]] = {split: [] for split in SPLITS}
    for split, variants in conala(seed).items():
        for variant in variants:
            check_snippet(variant)
            name = variant.family.name
            used[name] = used.get(name, 0) + 1
            question = f"sample-{numbers[name]}-{used[name]}"
            rows[split].append({"nl": variant.asked, "cmd": variant.answer, "question_id": question})
    return rows


def _codealpacapy_row(variant: Variant) -> dict[str, str]:
    check_snippet(variant)
    given = variant.fill(snippet_of(variant).given)
    return {"instruction": variant.asked, "input": given, "output": variant.answer}


def _json(rows: Sequence[object]) -> bytes:
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n".encode()


def build(seed: int = SEED) -> dict[str, bytes]:
    """The files of the sample by their path below FOLDER, every reference checked.

    Raises WrongReference for the first reference that does not do what its problem asks.
    """
    files: dict[str, bytes] = {}
    for split, rows in _conala_rows(seed).items():
        files[f"conala/{split}.json"] = _json(rows)
    for split, variants in codealpacapy(seed).items():
        files[f"codealpacapy/{split}.json"] = _json([_codealpacapy_row(v) for v in variants])
    first = 0
    for split, problems in apps(seed).items():
        files[f"apps/{split}.jsonl"] = _apps_lines(problems, first)
        first += len(problems)
    return files


def digest(files: dict[str, bytes]) -> str:
    """One sha256 over all paths and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.encode() + b"\0" + files[path] + b"\0")
    return total.hexdigest()


def main() -> None:
    """Write the files, or with --check only say whether they are what the seed gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check_only = parser.parse_args().check
    files = build()
    for path, content in files.items():
        target = FOLDER / path
        if check_only:
            if target.read_bytes() != content:
                raise SystemExit(f"{path} is not what the recipe builds; run it without --check")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    print(digest(files))


if __name__ == "__main__":
    main()
