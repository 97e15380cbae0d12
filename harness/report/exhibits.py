"""Tables and figures of a study, each as lines of values: ours, its interval, and the published one beside it.

A study's plugin makes an `Exhibit` from the `StudyResults` that it is given; the report writes and draws it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import UsageError, unknown
from harness.modeling.checkpoint import BUILTIN
from harness.plugin import Study
from harness.plugin_system.registry import PluginEntry, Registry
from harness.ranking.display_names import DisplayNames
from harness.ranking.names import model_names
from harness.ranking.tables import format_estimate
from harness.records import Estimate
from harness.report.results import CellResult, pooled_estimate
from harness.studies.study import StudyFile

OURS = "built-in"
"""The name of the built-in model in a line; it has no published values."""


@dataclass(frozen=True, slots=True)
class Value:
    """One place of an exhibit: ours with its interval, the published value, or why ours is not there.

    Scores are shares of one in `ours` and per cent in `published`; memory is in GB in both; a text is shown as it is.
    """

    ours: Estimate | float | str | None
    published: float | str | None
    why: str = ""

    @property
    def shown(self) -> tuple[str, str]:
        """Both as text; a place that nobody filled is empty."""
        if isinstance(self.ours, Estimate):
            mine = format_estimate(self.ours)
        else:
            mine = self.why if self.ours is None else _text(self.ours)
        return mine, "–" if self.published is None else _text(self.published)

    @property
    def number(self) -> tuple[float, float, float] | None:
        """Ours as (value, low, high) in the published unit."""
        if self.ours is None or isinstance(self.ours, str):
            return None
        if not isinstance(self.ours, Estimate):
            return (self.ours, self.ours, self.ours)
        if self.ours.value is None:
            return None
        low, high = (self.ours.value if end is None else end for end in (self.ours.low, self.ours.high))
        return (100 * self.ours.value, 100 * low, 100 * high)


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its names (task, model, method, examples) and its values, one for each column."""

    names: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A table or figure. `form` says how it is drawn: "bars", "scatter", "curves", or "table" for not at all.

    Bars draw the first column, a scatter the first against the second. Curves are over the fourth name of a line, a
    number of examples. Lines whose first name is a "task" have a panel for each.
    """

    id: str
    title: str
    """With its number in the paper: "Table 3: tuning methods"."""
    heads: tuple[str, ...]
    """What the names of a line are."""
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    form: str
    note: str = ""
    source: str = ""
    """Where the published values come from."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of columns, for the axes; "" where the column names its own. The others are in per cent."""
    draw: Callable[[Path], list[Path]] | None = None
    """Draws the figure into a folder, where none of the forms fits; the files that it wrote."""

    def table(self) -> list[list[str]]:
        """The exhibit as a table, two columns for each value; columns that nobody published have one.

        Where nothing at all was published every value is ours, and no column says so.
        """
        sides_of = self.column_sides()
        alone = all(len(sides) == 1 for _, sides in sides_of)
        head = [*self.heads, *(name if alone else f"{name} {side}" for name, sides in sides_of for side in sides)]
        rows = [head]
        for line in self.lines:
            places = zip(line.values, self.column_sides(), strict=True)
            rows.append([*line.names, *(text for v, (_, sides) in places for text in v.shown[: len(sides)])])
        return rows

    def column_sides(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each column with what it is divided into: "ours", and "published" where anything was."""
        known = [any(line.values[i].published is not None for line in self.lines) for i in range(len(self.columns))]
        return [
            (name, ("ours", "published") if both else ("ours",)) for name, both in zip(self.columns, known, strict=True)
        ]


class StudyResults:
    """What became of the runs of a study, asked for by task, model and method.

    `builtin`, `data` and `tokenizer` are what the report was asked for: the built-in variant, files of tasks, and the
    model whose tokens count (None for the built-in one).
    """

    def __init__(
        self,
        results: Sequence[CellResult],
        registry: Registry,
        *,
        builtin: bool = False,
        data: Mapping[str, Path] | None = None,
        tokenizer: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.registry = registry
        self.builtin = builtin
        self.data = data or {}
        self.tokenizer = tokenizer
        self._results = results
        self._names = names or {}
        self._own_names = model_names({model for r in results if (model := r.cell.request.model)})

    def named(self, names: Mapping[str, str]) -> StudyResults:
        """The same results under a paper's names of models, by their ids on the hub."""
        settings = {"builtin": self.builtin, "data": self.data, "tokenizer": self.tokenizer}
        return StudyResults(self._results, self.registry, names=names, **settings)  # type: ignore[arg-type]

    def tasks(self) -> list[str]:
        """The tasks of the study's cells, in their order."""
        return list(dict.fromkeys(r.cell.request.task for r in self._results))

    def models(self, task: str | None = None) -> list[str]:
        """Short names of the models of the study's cells, in their order."""
        names = [self._short(r.cell.request.model) for r in self._results if task in (None, r.cell.request.task)]
        return list(dict.fromkeys(names))

    def methods(self, task: str, model: str) -> list[str]:
        """The methods of one model's cells; several settings of a method are told apart ("rag (n=4)")."""
        return list(dict.fromkeys(self._label(r) for r in self._of(task, model)))

    def of(self, task: str, model: str, method: str) -> list[CellResult]:
        """The results of one model and method on a task: one cell under its seeds."""
        return [r for r in self._of(task, model) if self._label(r) == method]

    def by_examples(self, task: str, model: str, method: str) -> dict[str, list[CellResult]]:
        """The results of a method by the options of their cells ("n=4"), seeds together."""
        by_options: dict[str, list[CellResult]] = {}
        for result in self._of(task, model):
            if result.cell.request.method == method:
                by_options.setdefault(_options(result), []).append(result)
        return by_options

    def _of(self, task: str, model: str) -> list[CellResult]:
        return [r for r in self._results if (r.cell.request.task, self._short(r.cell.request.model)) == (task, model)]

    def _label(self, result: CellResult) -> str:
        request = result.cell.request
        several = len(self.by_examples(request.task, self._short(request.model), request.method)) > 1
        return f"{request.method} ({_options(result)})" if several else request.method

    def value(
        self, found: Sequence[CellResult], measure: str, published: float | None, slice_: str | None = None
    ) -> Value:
        """One place from the runs of all seeds of a cell."""
        if not found:
            return Value(None, published, "not in this study")
        done = [one for one in found if one.row is not None]
        if not done:
            # In short; the report tells below, cell by cell, what it was.
            return Value(None, published, "; ".join(dict.fromkeys(re.split("[;:]", one.why)[0] for one in found)))
        names = (e.metric for one in done if one.row is not None for e in one.row.estimates if e.measure == measure)
        metric = next(names, None)
        estimate = None if metric is None else pooled_estimate(done, metric, measure, slice_, self.registry)
        return Value(estimate, published, "" if estimate else f"{measure} was not computed")

    def _short(self, model: str | None) -> str:
        if model is None or model == BUILTIN:
            return OURS
        tails = {hub.rpartition("/")[2]: name for hub, name in self._names.items()}
        tail = model.rstrip("/").rpartition("/")[2]
        own = self._own_names.get(model, tail)
        if own != tail:  # another model of the study has the same last name
            return self._names.get(model) or own
        return self._names.get(model) or tails.get(tail) or tail


def _options(result: CellResult) -> str:
    return ", ".join(item.partition(".")[2] for item in result.cell.sets)


Maker = Callable[[StudyResults], Exhibit]


def find_maker(name: str, study: StudyFile, registry: Registry) -> tuple[PluginEntry[Study], Maker]:
    """Who makes the exhibit: the study itself, else the study that the name names ("rq2:table3") or that has it.

    Raises:
        UsageError: nobody does, or several do.
    """
    if study.installed and name in (own := _exhibits(registry.study(study.name), registry)):
        return registry.study(study.name), own[name]
    owner, _, short = name.rpartition(":")
    known: set[str] = set()
    makers: dict[str, tuple[PluginEntry[Study], Maker]] = {}
    for entry in registry.entries("study").values():
        exhibits = _exhibits(entry, registry)
        known |= exhibits.keys()
        if short in exhibits and owner in ("", entry.name):
            makers.setdefault(entry.origin.distribution, (entry, exhibits[short]))
    if not makers:
        raise unknown("table or figure", name, known)
    if len(makers) > 1:
        names = " or ".join(f"{entry.name}:{short}" for entry, _ in makers.values())
        raise UsageError(f"{' and '.join(makers)} both have {short!r}; write {names} in `shows`")
    return next(iter(makers.values()))


def _exhibits(entry: PluginEntry[Study], registry: Registry) -> Mapping[str, Maker]:
    return registry.call(entry, f"the exhibits of the study {entry.name!r}", entry.plugin.exhibits) or {}


def with_display_names(exhibit: Exhibit, names: DisplayNames) -> Exhibit:
    """The exhibit with its tasks, methods and measures as papers write them."""
    renamed = {"task": names.task, "method": names.method}

    def line(one: Line) -> Line:
        known = zip(exhibit.heads, one.names, strict=True)
        return replace(one, names=tuple(renamed.get(head, str)(name) for head, name in known))

    def column(text: str) -> str:
        return names.measure(" ".join(names.task(word) for word in text.split(" ")))

    return replace(
        exhibit,
        lines=tuple(map(line, exhibit.lines)),
        columns=tuple(map(column, exhibit.columns)),
        units={column(name): unit for name, unit in exhibit.units.items()},
    )
