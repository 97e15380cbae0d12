"""Which rows are points of one curve over the number of examples: those that differ in nothing but it and the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.display import escape
from harness.ranking.boards import Board
from harness.ranking.rows import row_labels
from harness.records import Row, Run, canonical


def curves(board: Board) -> tuple[list[str], list[int | None]]:
    """The names of the curves, and for each row of the board the number of its curve; None where it shows no examples.

    How many examples a prompt shows is an option of the prompting method. Its name is the method's business, so it is
    found by its values: of the whole numbers that differ between the runs it is the one that the examples came up to.
    """
    members = [i for i, row in enumerate(board.rows) if row.examples > 0]
    families: dict[str, list[int]] = {}
    for i in members:
        families.setdefault(canonical(_without(board.rows[i].run, _whole_numbers(board.rows[i].run))), []).append(i)
    found: dict[str, list[int]] = {}
    for family in families.values():
        dropped = _count([board.rows[i] for i in family])
        for i in family:
            found.setdefault(canonical(_without(board.rows[i].run, dropped)), []).append(i)
    numbers: list[int | None] = [None] * len(board.rows)
    for number, one in enumerate(found.values()):
        for i in one:
            numbers[i] = number
    return _names(board, [one[0] for one in found.values()], list(families.values())), numbers


Option = tuple[str, str]
"""(plugin, option)."""


def _whole_numbers(run: Run) -> dict[Option, int]:
    """The options of the run's method that are whole numbers."""
    return {
        (part, name): value
        for part in run.method.split("+")
        if isinstance(options := run.options.get(part), Mapping)
        for name, value in options.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }


def _count(rows: Sequence[Row]) -> list[Option]:
    """The option that says how many examples are shown: never less than there are, and the closest to it.

    One that differs between the rows comes before one that does not.
    """
    values = [_whole_numbers(row.run) for row in rows]
    gaps: dict[Option, tuple[bool, float]] = {}
    for option in values[0]:
        of = [one[option] - row.examples for one, row in zip(values, rows, strict=True)]
        if min(of) > -0.5:
            gaps[option] = len({one[option] for one in values}) == 1, sum(of)
    return [min(gaps, key=lambda option: gaps[option])] if gaps else []


def _without(run: Run, options: Any) -> Run:
    kept = {
        plugin: {name: v for name, v in of.items() if (plugin, name) not in options} if isinstance(of, Mapping) else of
        for plugin, of in run.options.items()
    }
    return replace(run, seed=0, options=kept)


def _names(board: Board, firsts: Sequence[int], families: Sequence[Sequence[int]]) -> list[str]:
    """What tells the curves apart, with the model."""
    dropped = {i: _count([board.rows[j] for j in family]) for family in families for i in family}
    rows = [replace(board.rows[i], run=_without(board.rows[i].run, dropped[i])) for i in firsts]
    return [f"{escape(label)} on {board.models[i]}" for label, i in zip(row_labels(rows), firsts, strict=True)]
