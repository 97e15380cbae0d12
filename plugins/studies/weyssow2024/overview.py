"""The paper's tables of words: Table 1, what each technique costs and brings, and Table 2, what a task asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.config import Settings
from harness.errors import HarnessError
from harness.evaluation.problems import problem_splits, task_source
from harness.evaluation.request import Request
from harness.modeling.checkpoint import BUILTIN
from harness.plugin import Task
from harness.records import Problem, Row
from harness.report.exhibits import Exhibit, Line, StudyResults, Value
from harness.report.results import CellResult

FULL, PROMPTING, PEFT = "Full fine-tuning", "ICL and RAG", "PEFT"
_EXACT = ("em@10/paper", "em@10")
"""EM@10 by the study's rule; a run whose exact match is that rule has it without a suffix."""
SHOWN = {
    "conala": ("map two lists", "dict([(k, v)"),
    "codealpacapy": ("standard deviation of data points", ""),
    "apps": ("even substring", ""),
}
"""Words of the problem that the paper shows of each task, and of its answer."""
_LONGEST = 400


def tradeoff(study: StudyResults, published: Mapping[str, Sequence[str]]) -> Exhibit:
    """Table 1; `published` has the paper's words for (costs, effectiveness) of each technique."""
    groups: dict[str, list[CellResult]] = {name: [] for name in published}
    for task in study.tasks():
        for model in study.models(task):
            for method in study.methods(task, model):
                found = study.of(task, model, method)
                groups.get(_technique(found[0].cell.request.method), []).extend(found)
    lines = []
    for name, words in published.items():
        rows = [one.row for one in groups[name] if one.row is not None]
        cost = "nothing is tuned" if rows and name == PROMPTING else _range(_peaks(rows), "GB while tuning")
        why = "not measured" if rows else "not run" if groups[name] else "not in this study"
        ours = zip((cost, _effect(rows)), words, strict=True)
        lines.append(Line((name,), tuple(Value(mine or None, published, why) for mine, published in ours)))
    return Exhibit(
        "table1",
        "Table 1: costs and effectiveness of the techniques",
        ("technique",),
        ("computation costs", "effectiveness"),
        tuple(lines),
        "table",
        "Published: the paper's words. Ours: from the smallest to the largest value of the study's runs on all tasks "
        "and models, peak GPU memory while tuning and EM@10 by the study's rule; runs without a GPU measure none.",
    )


def _technique(method: str) -> str:
    """The row of Table 1 that a method belongs to; "" for none (zero-shot, or a combination)."""
    if method in ("icl", "rag"):
        return PROMPTING
    return "" if method == "zero-shot" or "+" in method else FULL if method == "full-ft" else PEFT


def _peaks(rows: Sequence[Row]) -> list[float]:
    costs = (cost for row in rows for cost in row.costs if cost.phase == "tune")
    return [cost.peak_gpu_bytes / 1e9 for cost in costs if cost.peak_gpu_bytes is not None]


def _effect(rows: Sequence[Row]) -> str:
    by_measure = ({e.measure: e.value for e in row.estimates if e.slice is None} for row in rows)
    values = [next((found[m] for m in _EXACT if found.get(m) is not None), None) for found in by_measure]
    return _range([100 * value for value in values if value is not None], "EM@10")


def _range(values: Sequence[float], unit: str) -> str:
    """The smallest and the largest value: "1.97 to 3.38 GB"."""
    if not values:
        return ""
    low, high = (f"{end:.2f}" for end in (min(values), max(values)))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def examples(study: StudyResults) -> Exhibit:
    """Table 2: the prompt and the answer of one problem of each task, from the data."""
    return Exhibit(
        "table2",
        "Table 2: one problem of each task",
        ("task", "part", "text"),
        (),
        tuple(line for task in SHOWN for line in _example(study, task)),
        "table",
        "From the data at hand, with the default prompts: the problem that the paper shows where the data has it, else "
        f"the first test problem. Texts end after {_LONGEST} characters.",
    )


def _example(study: StudyResults, name: str) -> Iterator[Line]:
    task = study.registry.task(name)
    request = Request(
        "zero-shot", name, None if study.builtin else BUILTIN, data=study.data.get(name), hub=not study.builtin
    )
    config = Settings().config(name, task.plugin.Config)[0]
    try:
        splits, _ = problem_splits(request, task, task_source(request, task.plugin), config, needs_training=False)
    except HarnessError as error:
        yield Line((name, "prompt", str(error)), ())
        return
    problem = _problem(name, [one for split in ("test", "train", "validation") for one in splits.get(split, ())])
    yield from (Line((name, part, _shortened(text)), ()) for part, text in _parts(task.plugin, problem))


def _problem(name: str, problems: Sequence[Problem]) -> Problem:
    words, answer = SHOWN[name]
    shown = [one for one in problems if words in one.instruction.lower()] or problems[:1]
    return next((one for one in shown if answer in one.reference), shown[0])


def _parts(task: Task, problem: Problem) -> Iterator[tuple[str, str]]:
    yield "prompt", task.template(problem)
    yield "ground truth", problem.reference or "none in this data; it has tests"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()} …"
