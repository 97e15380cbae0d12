"""Leakage (contamination): test problems that the data a run learnt from contains, exactly or nearly.

Instructions are compared by words. Code is compared as a normalised program: without comments, docstrings and layout,
with local names numbered. All pairs are compared, as products of sparse membership matrices: nothing is missed as with
hashing (MinHash), and a few thousand problems take seconds. Unrelated problems often share short code (`x.sort()`), so
short code counts only together with similar instructions.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness import files
from harness.errors import RunError
from harness.evaluation.runs import LEAKAGE
from harness.records import Problem, Record

NEAR_INSTRUCTION = 90.0
"""The similarity (100 minus the normalised edit distance in per cent) from which instructions are near-duplicates."""
NEAR_PROGRAM = 0.8
"""The Jaccard similarity of 5-grams of tokens from which programs are near-duplicates."""
RELATED_INSTRUCTIONS = 0.5
"""The Jaccard similarity of words from which instructions are related, so that equal short code counts."""
LONG_PROGRAM = 40
"""Tokens from which an equal program counts by itself."""
BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Leak:
    """A test problem and the training problem that leaks it. `by` says how they match: "instruction", "code", "program"
    (code with other names, comments or layout), "near instruction" or "near program"; `likeness` is from 0 to 1."""

    test: str
    train: str
    split: str
    by: str
    likeness: float


def write_report(folder: Path, splits: Mapping[str, Sequence[Problem]], used: Sequence[str]) -> None:
    """Write `leakage.json` to a run folder: the sizes of the splits in `used`, and every leak."""
    if os.path.lexists(folder / LEAKAGE):
        return
    pairs = [leak for name in used for leak in find_leaks(splits["test"], splits.get(name, ()), name)]
    compared = {name: len(splits.get(name, ())) for name in ("test", *used)}
    files.write_sealed(folder / LEAKAGE, {"compared": compared, "pairs": pairs})


def leaked_ids(folder: Path) -> frozenset[str]:
    """The ids of the test problems with a leak in the report of a run; empty without a report."""
    path = folder / LEAKAGE
    if not os.path.lexists(path):
        return frozenset()
    try:
        return frozenset(str(pair["test"]) for pair in files.read_json(path)["pairs"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{path}: no list of pairs ({error}); delete the folder to run it again") from None


def training_splits(tuned: bool, records: Sequence[Record]) -> tuple[str, ...]:
    """The splits that a run learnt from: by tuning (validation chooses a checkpoint), or by examples in its prompts."""
    if tuned:
        return ("train", "validation")
    return ("train",) if any(record.examples or record.dropped for record in records) else ()


def find_leaks(test: Sequence[Problem], train: Sequence[Problem], split: str) -> list[Leak]:
    """The leaks of `test` in `train`, in the order of the test problems, each with its closest kind of match."""
    if not test or not train:
        return []
    test_forms, train_forms = [_NormalisedProblem(p) for p in test], [_NormalisedProblem(p) for p in train]
    matches: dict[tuple[int, int], tuple[str, float]] = {}
    for i, j, by, likeness in (
        *_equal_pairs(test_forms, train_forms),
        *_near_instructions(test_forms, train_forms),
        *_near_programs(test_forms, train_forms),
    ):
        matches.setdefault((i, j), (by, likeness))
    return [Leak(test[i].id, train[j].id, split, *how) for (i, j), how in sorted(matches.items())]


class _NormalisedProblem:
    """A problem in the normalised forms that are compared; each is computed once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def instruction(self) -> str:
        return " ".join(re.findall(r"\w+", self.problem.instruction.lower()))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.instruction.split())

    @cached_property
    def code(self) -> str:
        return "".join(self.problem.reference.split())

    @cached_property
    def program(self) -> tuple[str, ...]:
        return program(self.problem.reference)

    @cached_property
    def ngrams(self) -> frozenset[tuple[str, ...]]:
        tokens = self.program
        return (
            frozenset(tokens[i : i + 5] for i in range(len(tokens) - 4)) if len(tokens) >= LONG_PROGRAM else frozenset()
        )


def program(code: str) -> tuple[str, ...]:
    """The tokens of a program without comments, docstrings and layout; local names are numbered by first use.

    Text that is not Python is split into tokens, without comments.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that Python will refuse one day
            tree = ast.parse(code)
            text = ast.unparse(_RenameLocals().visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        text = re.sub(r"#.*", "", code)
    return tuple(re.findall(r"\w+|[^\w\s]", text))


class _RenameLocals(ast.NodeTransformer):
    """Numbers the names that a program defines, and drops docstrings; imported and built-in names stay."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.kept = set(dir(builtins))

    def _name(self, name: str) -> str:
        return name if name in self.kept else self.known.setdefault(name, f"v{len(self.known)}")

    def visit(self, node: ast.AST) -> Any:
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
            first = body[0]
            text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if text and isinstance(first.value.value, str) and len(body) > 1:
                del body[0]
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.kept |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        for field in ("id", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str) and not isinstance(node, ast.keyword | ast.alias):
                setattr(node, field, self._name(name))
        return self.generic_visit(node)


def _equal_pairs(
    test_forms: Sequence[_NormalisedProblem], train_forms: Sequence[_NormalisedProblem]
) -> Iterator[tuple[int, int, str, float]]:
    """Pairs that are equal in one form, the closest form first."""
    for by, form in (("instruction", _instruction), ("code", _code), ("program", _program)):
        by_key: dict[Any, list[int]] = {}
        for j, other in enumerate(train_forms):
            if key := form(other):
                by_key.setdefault(key, []).append(j)
        for i, one in enumerate(test_forms):
            for j in by_key.get(form(one), ()) if form(one) else ():
                counts = (
                    by == "instruction"
                    or len(one.program) >= LONG_PROGRAM
                    or _jaccard(one.words, train_forms[j].words) >= RELATED_INSTRUCTIONS
                )
                if counts:
                    yield i, j, by, 1.0


def _instruction(form: _NormalisedProblem) -> str:
    return form.instruction if len(form.words) >= 3 else ""


def _code(form: _NormalisedProblem) -> str:
    return form.code


def _program(form: _NormalisedProblem) -> tuple[str, ...]:
    return form.program


def _jaccard(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


def _near_instructions(
    test_forms: Sequence[_NormalisedProblem], train_forms: Sequence[_NormalisedProblem]
) -> Iterator[tuple[int, int, str, float]]:
    from rapidfuzz import fuzz

    for i, j, _ in _jaccard_pairs(
        [one.words for one in test_forms], [one.words for one in train_forms], RELATED_INSTRUCTIONS
    ):
        likeness = fuzz.ratio(test_forms[i].instruction, train_forms[j].instruction, score_cutoff=NEAR_INSTRUCTION)
        if likeness and len(test_forms[i].words) >= 3:
            yield i, j, "near instruction", round(likeness / 100, 3)


def _near_programs(
    test_forms: Sequence[_NormalisedProblem], train_forms: Sequence[_NormalisedProblem]
) -> Iterator[tuple[int, int, str, float]]:
    for i, j, share in _jaccard_pairs(
        [one.ngrams for one in test_forms], [one.ngrams for one in train_forms], NEAR_PROGRAM
    ):
        yield i, j, "near program", round(share, 3)


def _jaccard_pairs(
    test_sets: Sequence[Set[Any]], train_sets: Sequence[Set[Any]], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """(i, j, Jaccard similarity) of all pairs of sets with a similarity of at least `threshold`."""
    columns: dict[Any, int] = {}
    train_matrix = _membership_matrix(train_sets, columns)
    test_matrix = _membership_matrix(test_sets, columns)
    train_matrix.resize((len(train_sets), len(columns)))
    sizes, transposed = np.array([len(one) for one in train_sets]), train_matrix.T.tocsr()
    for start in range(0, len(test_sets), BLOCK_ROWS):
        shared = (test_matrix[start : start + BLOCK_ROWS] @ transposed).tocoo()
        set_sizes = (
            np.array([len(one) for one in test_sets[start : start + BLOCK_ROWS]])[shared.row] + sizes[shared.col]
        )
        share = shared.data / (set_sizes - shared.data)
        for at in np.flatnonzero(share >= threshold):
            yield start + int(shared.row[at]), int(shared.col[at]), float(share[at])


def _membership_matrix(sets: Sequence[Set[Any]], column_of: dict[Any, int]) -> Any:
    from scipy.sparse import csr_matrix

    columns = [column_of.setdefault(item, len(column_of)) for one in sets for item in one]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    return csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(sets), len(column_of)))
