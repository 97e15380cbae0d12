"""The published tables and figures, each as lines of values: ours, its interval, and the published one beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from harness.model import BUILTIN
from harness.records import Estimate
from harness.registry import Registry
from harness.report.results import Result, pooled
from harness.tables import cell, count

PUBLISHED: dict[str, Any] = json.loads((resources.files("harness") / "studies" / "published.json").read_text("utf-8"))
SHORT = {hub: name for name, hub in PUBLISHED["models"].items()}
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
            mine = cell(self.ours)
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
    """A table or figure. `form` says how it is drawn: "bars", "scatter", "curves", "table"."""

    id: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    form: str
    note: str = ""

    def cells(self) -> list[list[str]]:
        """The exhibit as a table, two columns for each value; columns that nobody published have one."""
        head = [*self.heads, *(f"{name} {side}" for name, sides in self.sides() for side in sides)]
        found = [head]
        for line in self.lines:
            places = zip(line.values, self.sides(), strict=True)
            found.append([*line.names, *(text for v, (_, sides) in places for text in v.shown[: len(sides)])])
        return found

    def sides(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each column with what it is divided into: "ours", and "published" where anything was."""
        known = [any(line.values[i].published is not None for line in self.lines) for i in range(len(self.columns))]
        return [
            (name, ("ours", "published") if both else ("ours",)) for name, both in zip(self.columns, known, strict=True)
        ]


class Study:
    """The results of a study, asked for by task, model and method."""

    def __init__(self, found: Sequence[Result], registry: Registry) -> None:
        self._found = found
        self._registry = registry

    def models(self, task: str | None = None) -> list[str]:
        """Short names of the models of the study's cells, in their order."""
        names = [_short(r.cell.request.model) for r in self._found if task in (None, r.cell.request.task)]
        return list(dict.fromkeys(names))

    def methods(self, task: str, model: str) -> list[str]:
        """The methods of one model's cells; several settings of a method are told apart ("rag (n=4)")."""
        return list(dict.fromkeys(self._label(r) for r in self._of(task, model)))

    def of(self, task: str, model: str, method: str) -> list[Result]:
        """The results of one model and method on a task: one cell under its seeds."""
        return [r for r in self._of(task, model) if self._label(r) == method]

    def by_examples(self, task: str, model: str, method: str) -> dict[str, list[Result]]:
        """The results of a method by the options of their cells ("n=4"), seeds together."""
        found: dict[str, list[Result]] = {}
        for result in self._of(task, model):
            if result.cell.request.method == method:
                found.setdefault(_options(result), []).append(result)
        return found

    def _of(self, task: str, model: str) -> list[Result]:
        return [r for r in self._found if (r.cell.request.task, _short(r.cell.request.model)) == (task, model)]

    def _label(self, result: Result) -> str:
        request = result.cell.request
        several = len(self.by_examples(request.task, _short(request.model), request.method)) > 1
        return f"{request.method} ({_options(result)})" if several else request.method

    def value(self, found: Sequence[Result], measure: str, published: float | None, slice_: str | None = None) -> Value:
        """One place from the runs of all seeds of a cell."""
        if not found:
            return Value(None, published, "not in this study")
        done = [one for one in found if one.row is not None]
        if not done:
            return Value(None, published, "; ".join(dict.fromkeys(one.why for one in found)))
        metric = metric_of(measure)
        estimate = pooled(done, metric, measure, slice_, self._registry)
        return Value(estimate, published, "" if estimate else f"{measure} was not computed")

    def best(self, task: str, model: str, method: str, published: float | None) -> tuple[Value, Value]:
        """The best EM@10 over the number of examples, and the CodeBLEU of the same runs."""
        places = [
            (self.value(group, "em@10", published), self.value(group, "codebleu", None))
            for group in self.by_examples(task, model, method).values()
        ]
        missing = "not in this study"
        none = (Value(None, published, missing), Value(None, None, missing))
        return max(places, key=lambda pair: (pair[0].number or (-1.0,))[0], default=none)


def _options(result: Result) -> str:
    return ", ".join(item.partition(".")[2] for item in result.cell.sets)


def metric_of(measure: str) -> str:
    """The metric that a published measure belongs to."""
    name = measure.partition("@")[0]
    return {"em": "exact_match", "pass": "pass_at_k"}.get(name, name)


def _short(model: str | None) -> str:
    if model is None or model == BUILTIN:
        return OURS
    tails = {hub.rpartition("/")[2]: name for hub, name in SHORT.items()}
    tail = model.rstrip("/").rpartition("/")[2]
    return SHORT.get(model) or tails.get(tail) or tail


def _published(name: str) -> dict[tuple[str, ...], dict[str, float]]:
    """The published values of a table by its text columns, then by the name of the column."""
    table = PUBLISHED[name]
    texts = [i for i, value in enumerate(table["rows"][0]) if isinstance(value, str)]
    return {
        tuple(row[i] for i in texts): {c: row[i] for i, c in enumerate(table["columns"]) if i not in texts}
        for row in table["rows"]
    }


TASKS = ("conala", "codealpacapy")


def table3(study: Study) -> Exhibit:
    """Tuning methods on every model, by exact match and CodeBLEU."""
    known = {names[:2]: (names[2], values) for names, values in _published("table3").items()}
    columns = [(task, measure) for task in TASKS for measure in ("em@1", "em@10", "codebleu")]
    ours = [(m, method) for t in TASKS for m in study.models(t) for method in study.methods(t, m)]
    lines = []
    for model, method in dict.fromkeys([*ours, *known]):
        trainable, values = known.get((model, method), (None, {}))
        runs = {task: study.of(task, model, method) for task in TASKS}
        places = [study.value(runs[task], measure, values.get(f"{task} {measure}")) for task, measure in columns]
        first = _trainable([one for found in runs.values() for one in found], trainable, places[0].why)
        lines.append(Line((model, method), (first, *places)))
    return Exhibit(
        "table3",
        "Table 3: tuning methods",
        ("model", "method"),
        ("trainable", *(f"{t} {m}" for t, m in columns)),
        tuple(lines),
        "table",
        "Scores in per cent with 95 % intervals.",
    )


def _trainable(found: Sequence[Result], published: str | None, why: str) -> Value:
    numbers = {one.row.trainable_parameters for one in found if one.row is not None}
    return Value(count(max(numbers)) if numbers else None, published, why)


def table4(study: Study) -> Exhibit:
    """APPS by difficulty."""
    published = _published("table4")
    slices, measures = ("introductory", "interview", "competition"), ("tests_passed", "pass@1", "pass@2", "pass@5")
    ours = [(m, method) for m in study.models("apps") for method in study.methods("apps", m)]
    lines = []
    for model, method in dict.fromkeys([*ours, *published]):
        values, runs = published.get((model, method), {}), study.of("apps", model, method)
        places = [study.value(runs, m, values.get(f"{s} {m}"), s) for s in slices for m in measures]
        lines.append(Line((model, method), tuple(places)))
    columns = tuple(f"{s} {m}" for s in slices for m in measures)
    note = "Share of tests passed and Pass@k in per cent, with 95 % intervals."
    return Exhibit(
        "table4", "Table 4: LoRA and QLoRA on APPS", ("model", "method"), columns, tuple(lines), "table", note
    )


def figure1(study: Study) -> Exhibit:
    """Peak memory while tuning, on CoNaLa."""
    known = {key: values["peak GB"] for key, values in _published("figure1").items()}
    ours = [(m, method) for m in study.models("conala") for method in study.methods("conala", m)]
    lines = []
    for model, method in dict.fromkeys([*ours, *known]):
        found = study.of("conala", model, method)
        lines.append(Line((model, method), (_memory(found, known.get((model, method))),)))
    note = "The largest amount of memory held while tuning; runs without a GPU have no value here."
    return Exhibit(
        "figure1",
        "Figure 1: peak GPU memory while tuning",
        ("model", "method"),
        ("peak GB",),
        tuple(lines),
        "bars",
        note,
    )


def _memory(found: Sequence[Result], published: float | None) -> Value:
    peaks = [
        cost.peak_gpu_bytes
        for one in found
        if one.row is not None
        for cost in one.row.costs
        if cost.phase == "tune" and cost.peak_gpu_bytes is not None
    ]
    if peaks:
        return Value(max(peaks) / 1e9, published)
    done = any(one.row is not None for one in found)
    why = "no GPU" if done else "; ".join(dict.fromkeys(one.why for one in found)) or "not in this study"
    return Value(None, published, why)


def figure3(study: Study) -> Exhibit:
    """Exact match over the number of random examples."""
    known = {key: values["em@10"] for key, values in _published("figure3").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            published, found = known.get((task, model, "zero-shot")), study.of(task, model, "zero-shot")
            if found or published is not None:
                zero = study.value(found, "em@10", published)
                lines.append(Line((task, model, "zero-shot", "0"), (zero,)))
            lines += _curve(study, task, model, "icl", known.get((task, model, "icl")))
    note = "The published value stands beside our best number of examples; the text of section 5.1 gives only that one."
    return Exhibit(
        "figure3",
        "Figure 3: exact match over the number of random examples",
        _CURVE,
        ("em@10",),
        tuple(lines),
        "curves",
        note,
    )


_CURVE = ("task", "model", "method", "examples")
BEST = "best"
"""In the place of a number of examples: whichever did best."""


def _models(study: Study, task: str, known: Mapping[tuple[str, ...], float]) -> list[str]:
    """The study's models on a task, then those of which only published values are there."""
    return list(dict.fromkeys([*study.models(task), *(model for t, model, _ in known if t == task)]))


def _curve(study: Study, task: str, model: str, method: str, best: float | None) -> Iterator[Line]:
    """A line for each number of examples; the published best is set beside our best."""
    values = {n: study.value(found, "em@10", None) for n, found in study.by_examples(task, model, method).items()}
    if not values and best is not None:
        yield Line((task, model, method, BEST), (Value(None, best, "not in this study"),))
    top = max(values, key=lambda n: (values[n].number or (-1.0,))[0], default=None)
    for n, value in values.items():
        place = Value(value.ours, best, value.why) if n == top else value
        yield Line((task, model, method, n.rpartition("=")[2]), (place,))


def figure4(study: Study) -> Exhibit:
    """LoRA on every model, exact match against CodeBLEU."""
    whole = table3(study)
    lora = [line for line in whole.lines if line.names[1] == "lora"]
    lines = [
        Line((task, line.names[0]), line.values[3 * i + 2 : 3 * i + 4]) for i, task in enumerate(TASKS) for line in lora
    ]
    return Exhibit(
        "figure4", "Figure 4: LoRA on every model", ("task", "model"), ("em@10", "codebleu"), tuple(lines), "scatter"
    )


def figure5(study: Study) -> Exhibit:
    """LoRA on quantised models."""
    known = {key: values["em@10"] for key, values in _published("figure5").items()}
    methods = ("lora", "qlora-8bit", "qlora-4bit")
    ours = [(t, m, x) for t in TASKS for m in study.models(t) if m == OURS for x in methods if study.of(t, m, x)]
    lines = []
    for task, model, method in dict.fromkeys([*ours, *known]):
        found = study.of(task, model, method)
        score = study.value(found, "em@10", known.get((task, model, method)))
        lines.append(Line((task, model, method), (score, _memory(found, None))))
    heads = ("task", "model", "method")
    return Exhibit("figure5", "Figure 5: LoRA on quantised models", heads, ("em@10", "peak GB"), tuple(lines), "bars")


def figure6(study: Study) -> Exhibit:
    """LoRA against the best number of random examples."""
    known = {key: values["em@10"] for key, values in _published("figure7").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            lora = study.of(task, model, "lora")
            tuned = (
                study.value(lora, "em@10", known.get((task, model, "lora"))),
                study.value(lora, "codebleu", None),
            )
            lines.append(Line((task, model, "lora"), tuned))
            lines.append(Line((task, model, "icl"), study.best(task, model, "icl", known.get((task, model, "icl")))))
    heads = ("task", "model", "method")
    title, columns = "Figure 6: LoRA against random examples", ("em@10", "codebleu")
    note = f"ICL: {_CHOSEN} No CodeBLEU was published for it."
    return Exhibit("figure6", title, heads, columns, tuple(lines), "scatter", note)


_CHOSEN = "the number of examples with the best EM@10 on these same problems, as in the study, which flatters it."


def figure7(study: Study) -> Exhibit:
    """Exact match over the number of retrieved examples, with LoRA and the best of random ones."""
    known = {key: values["em@10"] for key, values in _published("figure7").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            lora = study.value(study.of(task, model, "lora"), "em@10", known.get((task, model, "lora")))
            lines.append(Line((task, model, "lora", "0"), (lora,)))
            icl = study.best(task, model, "icl", known.get((task, model, "icl")))[0]
            lines.append(Line((task, model, "icl", BEST), (icl,)))
            lines += _curve(study, task, model, "rag", known.get((task, model, "rag")))
    note = f"ICL: {_CHOSEN} The published value of RAG stands beside our best number of examples."
    title = "Figure 7: LoRA against retrieved examples"
    return Exhibit("figure7", title, _CURVE, ("em@10",), tuple(lines), "curves", note)


EXHIBITS: dict[str, Callable[[Study], Exhibit]] = {
    one.__name__: one for one in (table3, table4, figure1, figure3, figure4, figure5, figure6, figure7)
}
