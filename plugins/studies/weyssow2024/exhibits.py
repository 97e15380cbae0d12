"""The paper's tables and figures: ours with its interval, and the published value beside it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

from harness.ranking.costs import format_count
from harness.report.exhibits import OURS, Exhibit, Line, StudyResults, Value
from harness.report.results import CellResult

PUBLISHED: dict[str, Any] = json.loads((resources.files(__package__) / "published.json").read_text("utf-8"))
SOURCE: str = PUBLISHED["source"]
SHORT = {hub: name for name, hub in PUBLISHED["models"].items()}


def _published(name: str) -> dict[tuple[str, ...], dict[str, float]]:
    """The published values of a table by its text columns, then by the name of the column."""
    table = PUBLISHED[name]
    texts = [i for i, value in enumerate(table["rows"][0]) if isinstance(value, str)]
    return {
        tuple(row[i] for i in texts): {c: row[i] for i, c in enumerate(table["columns"]) if i not in texts}
        for row in table["rows"]
    }


TASKS = ("conala", "codealpacapy")
RULE = "/paper"
"""Ends the name of an exact match that was counted by the study's rule (`harness.plugins.metrics.exact_match`)."""
EM10 = f"em@10{RULE}"
DIFFERENCES: str = PUBLISHED["differences"]
"""What a reader of a table with published values has to know of how they came about."""


def table1(study: StudyResults) -> Exhibit:
    """What each technique costs and brings."""
    from harness.plugins.studies.weyssow2024.overview import tradeoff

    return tradeoff(study, {technique: words for technique, *words in PUBLISHED["table1"]["rows"]})


def table2(study: StudyResults) -> Exhibit:
    """One problem of each task, from the data alone."""
    from harness.plugins.studies.weyssow2024.overview import examples

    return examples(study)


def table3(study: StudyResults) -> Exhibit:
    """Tuning methods on every model, by exact match and CodeBLEU."""
    known = {names[:2]: (names[2], values) for names, values in _published("table3").items()}
    exact = ("em@1", f"em@1{RULE}", "em@10", f"em@10{RULE}", "codebleu")
    columns = [(task, measure) for task in TASKS for measure in exact]
    ours = [(m, method) for t in TASKS for m in study.models(t) for method in study.methods(t, m)]
    lines = []
    for model, method in dict.fromkeys([*ours, *known]):
        trainable, values = known.get((model, method), (None, {}))
        runs = {task: study.of(task, model, method) for task in TASKS}
        published = {c: None if f"{c[1]}{RULE}" in exact else values.get(_column(*c)) for c in columns}
        places = [_score(study, runs[task], measure, published[task, measure]) for task, measure in columns]
        first = _trainable([one for found in runs.values() for one in found], trainable, places[0].why)
        lines.append(Line((model, method), (first, *places)))
    return Exhibit(
        "table3",
        "Table 3: tuning methods",
        ("model", "method"),
        ("trainable", *(f"{t} {m}" for t, m in columns)),
        tuple(lines),
        "table",
        f"Scores in per cent with 95 % intervals. {DIFFERENCES}",
    )


def _score(study: StudyResults, found: Sequence[CellResult], measure: str, published: float | None) -> Value:
    """A place of a table.

    Under `--protocol study`, or by an option, the study's rule is what a run's exact match means without a word.
    """
    row = next((one.row for one in found if one.row is not None), None)
    own = row is not None and row.run.options.get("exact_match", {}).get("normalisation") == "paper"
    if own and measure.startswith("em@"):
        measure = measure.removesuffix(RULE) if measure.endswith(RULE) else f"{measure}/literal"
    return study.value(found, measure, published)


def _column(task: str, measure: str) -> str:
    """The column of a published table; it names no rule, for there is but one."""
    return f"{task} {measure.removesuffix(RULE)}"


def _trainable(results: Sequence[CellResult], published: str | None, why: str) -> Value:
    numbers = {result.row.trainable_parameters for result in results if result.row is not None}
    return Value(format_count(max(numbers)) if numbers else None, published, why)


def table4(study: StudyResults) -> Exhibit:
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


def figure1(study: StudyResults) -> Exhibit:
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
        units={"peak GB": ""},
    )


def _memory(results: Sequence[CellResult], published: float | None) -> Value:
    peaks = [
        cost.peak_gpu_bytes
        for result in results
        if result.row is not None
        for cost in result.row.costs
        if cost.phase == "tune" and cost.peak_gpu_bytes is not None
    ]
    if peaks:
        return Value(max(peaks) / 1e9, published)
    done = any(result.row is not None for result in results)
    why = "no GPU" if done else "; ".join(dict.fromkeys(result.why for result in results)) or "not in this study"
    return Value(None, published, why)


def figure3(study: StudyResults) -> Exhibit:
    """Exact match over the number of random examples."""
    known = {key: values["em@10"] for key, values in _published("figure3").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            published, found = known.get((task, model, "zero-shot")), study.of(task, model, "zero-shot")
            if found or published is not None:
                zero = _score(study, found, EM10, published)
                lines.append(Line((task, model, "zero-shot", "0"), (zero,)))
            lines += _curve(study, task, model, "icl", known.get((task, model, "icl")))
    note = "The published value stands beside our best number of examples; the text of section 5.1 gives only that one."
    return Exhibit(
        "figure3",
        "Figure 3: exact match over the number of random examples",
        _CURVE,
        (EM10,),
        tuple(lines),
        "curves",
        f"{note} {DIFFERENCES}",
    )


_CURVE = ("task", "model", "method", "examples")
BEST = "best"
"""In the place of a number of examples: whichever did best."""


def _models(study: StudyResults, task: str, known: Mapping[tuple[str, ...], float]) -> list[str]:
    """The study's models on a task, then those of which only published values are there."""
    return list(dict.fromkeys([*study.models(task), *(model for t, model, _ in known if t == task)]))


def _curve(study: StudyResults, task: str, model: str, method: str, best: float | None) -> Iterator[Line]:
    """A line for each number of examples; the published best is set beside our best."""
    values = {n: _score(study, found, EM10, None) for n, found in study.by_examples(task, model, method).items()}
    if not values and best is not None:
        yield Line((task, model, method, BEST), (Value(None, best, "not in this study"),))
    top = max(values, key=lambda n: (values[n].number or (-1.0,))[0], default=None)
    for n, value in values.items():
        place = Value(value.ours, best, value.why) if n == top else value
        yield Line((task, model, method, n.rpartition("=")[2]), (place,))


def figure4(study: StudyResults) -> Exhibit:
    """LoRA on every model, exact match against CodeBLEU."""
    whole = table3(study)
    lora = [line for line in whole.lines if line.names[1] == "lora"]
    lines = []
    for task in TASKS:
        first, second = (whole.columns.index(f"{task} {measure}") for measure in (f"em@10{RULE}", "codebleu"))
        lines += [Line((task, line.names[0]), (line.values[first], line.values[second])) for line in lora]
    title, columns = "Figure 4: LoRA on every model", (f"em@10{RULE}", "codebleu")
    return Exhibit("figure4", title, ("task", "model"), columns, tuple(lines), "scatter", DIFFERENCES)


def figure5(study: StudyResults) -> Exhibit:
    """LoRA on quantised models."""
    known = {key: values["em@10"] for key, values in _published("figure5").items()}
    methods = ("lora", "qlora-8bit", "qlora-4bit")
    ours = [(t, m, x) for t in TASKS for m in study.models(t) if m == OURS for x in methods if study.of(t, m, x)]
    lines = []
    for task, model, method in dict.fromkeys([*ours, *known]):
        found = study.of(task, model, method)
        score = _score(study, found, EM10, known.get((task, model, method)))
        lines.append(Line((task, model, method), (score, _memory(found, None))))
    title, heads, columns = "Figure 5: LoRA on quantised models", ("task", "model", "method"), (EM10, "peak GB")
    return Exhibit("figure5", title, heads, columns, tuple(lines), "bars", DIFFERENCES, units={"peak GB": ""})


def _best(study: StudyResults, task: str, model: str, method: str, published: float | None) -> tuple[Value, Value]:
    """The best EM@10 over the number of examples, and the CodeBLEU of the same runs."""
    places = [
        (_score(study, group, EM10, published), study.value(group, "codebleu", None))
        for group in study.by_examples(task, model, method).values()
    ]
    missing = "not in this study"
    none = (Value(None, published, missing), Value(None, None, missing))
    return max(places, key=lambda pair: (pair[0].number or (-1.0,))[0], default=none)


def figure6(study: StudyResults) -> Exhibit:
    """LoRA against the best number of random examples."""
    known = {key: values["em@10"] for key, values in _published("figure7").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            lora = study.of(task, model, "lora")
            tuned = (
                _score(study, lora, EM10, known.get((task, model, "lora"))),
                study.value(lora, "codebleu", None),
            )
            lines.append(Line((task, model, "lora"), tuned))
            lines.append(Line((task, model, "icl"), _best(study, task, model, "icl", known.get((task, model, "icl")))))
    heads = ("task", "model", "method")
    title, columns = "Figure 6: LoRA against random examples", (EM10, "codebleu")
    note = f"ICL: {_CHOSEN} No CodeBLEU was published for it. {DIFFERENCES}"
    return Exhibit("figure6", title, heads, columns, tuple(lines), "scatter", note)


_CHOSEN = "the number of examples with the best EM@10 on these same problems, as in the study, which flatters it."


def figure7(study: StudyResults) -> Exhibit:
    """Exact match over the number of retrieved examples, with LoRA and the best of random ones."""
    known = {key: values["em@10"] for key, values in _published("figure7").items()}
    lines = []
    for task in TASKS:
        for model in _models(study, task, known):
            lora = _score(study, study.of(task, model, "lora"), EM10, known.get((task, model, "lora")))
            lines.append(Line((task, model, "lora", "0"), (lora,)))
            icl = _best(study, task, model, "icl", known.get((task, model, "icl")))[0]
            lines.append(Line((task, model, "icl", BEST), (icl,)))
            lines += _curve(study, task, model, "rag", known.get((task, model, "rag")))
    note = f"ICL: {_CHOSEN} The published value of RAG stands beside our best number of examples. {DIFFERENCES}"
    title = "Figure 7: LoRA against retrieved examples"
    return Exhibit("figure7", title, _CURVE, (EM10,), tuple(lines), "curves", note)


def figure2(study: StudyResults) -> Exhibit:
    """Token lengths, from the data alone."""
    from harness.plugins.studies.weyssow2024.lengths import exhibit

    return exhibit(study)


def _as_published(make: Callable[[StudyResults], Exhibit]) -> Callable[[StudyResults], Exhibit]:
    """The exhibit under the paper's names of models, with the source of its published values."""

    @functools.wraps(make)
    def made(study: StudyResults) -> Exhibit:
        return replace(make(study.named(SHORT)), source=SOURCE)

    return made


EXHIBITS: Mapping[str, Callable[[StudyResults], Exhibit]] = {
    one.__name__: _as_published(one)
    for one in (table1, table2, table3, table4, figure1, figure2, figure3, figure4, figure5, figure6, figure7)
}
