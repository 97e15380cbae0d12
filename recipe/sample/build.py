"""Write the built-in sample: three tasks, three splits, the same bytes for the same seed."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def apps(seed: int = SEED) -> dict[str, list[Variant]]:
    """The members dealt to each split of the task with tests, easy ones first."""
    dealt: dict[str, list[Variant]] = {split: [] for split in SPLITS}
    for level, families in APPS.items():
        for split, variants in deal(f"apps {level}", families, APPS_SIZES[level], seed).items():
            dealt[split] += variants
    return dealt


def finished(variant: Variant, seed: int = SEED) -> Problem:
    """The problem of a member with its tests. Raises WrongReference if the reference fails one."""
    made = sharpen(problem(variant, seed), seed)
    program = Program(made.solution, made.fn)
    if not all(program.passes(case) for case in made.cases):
        raise WrongReference(f"{made.question}\nis not solved by\n{made.solution}")
    return made


def apps_row(variant: Variant, number: int, seed: int = SEED) -> dict[str, Any]:
    """A row of the data set; `number` counts on through the splits, `url` says what this is."""
    return row(finished(variant, seed), number, f"sample:{variant.family.name}")


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


def build_snippets(seed: int = SEED) -> dict[str, bytes]:
    """The files of the two tasks without tests by their path below FOLDER, every reference checked."""
    files: dict[str, bytes] = {}
    for split, rows in _conala_rows(seed).items():
        files[f"conala/{split}.json"] = _json(rows)
    for split, variants in codealpacapy(seed).items():
        files[f"codealpacapy/{split}.json"] = _json([_codealpacapy_row(v) for v in variants])
    return files


def build(seed: int = SEED) -> dict[str, bytes]:
    """All files of the sample by their path below FOLDER.

    Raises WrongReference for the first reference that does not do what its problem asks.
    """
    files = build_snippets(seed)
    first = 0
    for split, variants in apps(seed).items():
        rows = [apps_row(variant, number, seed) for number, variant in enumerate(variants, start=first)]
        files[f"apps/{split}.jsonl"] = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        first += len(variants)
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
