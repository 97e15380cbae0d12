"""A fair comparison: each method under its default and under its best learning rate, with several seeds.

A published default suits one model and one data set. Here every tuning method gets five learning rates around its own
(`fair.toml`), chosen by validation alone, and every prompting method several numbers of examples; the default stands
beside the best, and what the search cost beside both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from harness import hookimpl
from harness.plugin import Study

if TYPE_CHECKING:
    from harness.report.exhibits import Exhibit, Line, StudyResults, Value
    from harness.report.results import CellResult

MEASURES = ("em@1", "em@10", "codebleu")


class Fair(Study):
    """Every method at its best learning rate, or its best number of examples."""

    name = "fair"

    def text(self) -> str:
        """The file beside this module."""
        return (resources.files(__name__) / "fair.toml").read_text("utf-8")

    def exhibits(self) -> Mapping[str, Callable[[StudyResults], Exhibit]]:
        """The one table."""
        return {"fair": table}


def table(study: StudyResults) -> Exhibit:
    """A line for each task, model, method and setting: the default, then what validation chose."""
    from harness.report.exhibits import Exhibit

    lines = [
        line
        for task in study.tasks()
        for model in study.models(task)
        for method in study.methods(task, model)
        for line in _lines(study, task, model, method)
    ]
    return Exhibit(
        "fair",
        "Every method at its best",
        ("task", "model", "method", "setting"),
        (*MEASURES, "seeds", "settings tried", "tuning hours"),
        tuple(lines),
        "table",
        "Scores in per cent with 95 % intervals over problems and seeds. A setting is chosen by the mean validation "
        "loss of its seeds; settings that could not win ended early. Hours are those of all settings and seeds of the "
        "line.",
    )


def _lines(study: StudyResults, task: str, model: str, method: str) -> Iterator[Line]:
    from harness.report.exhibits import Line

    results = study.of(task, model, method)
    for found in ([one for one in results if not one.cell.sweep], [one for one in results if one.cell.sweep]):
        if found:
            values = [study.value(found, measure, None) for measure in MEASURES]
            yield Line((task, model, method, _setting(found)), (*values, *_budget(found)))


def _setting(found: Sequence[CellResult]) -> str:
    """The options that were chosen, or that these are the defaults."""
    names = [name for name, _ in found[0].cell.sweep]
    row = next((one.row for one in found if one.row is not None), None)
    if not names:
        return "default"
    if row is None:
        return "best"
    values = [(name, row.run.options[name.rpartition(".")[0]][name.rpartition(".")[2]]) for name in names]
    return ", ".join(f"{name.rpartition('.')[2]} {value:g}" for name, value in values)


def _budget(found: Sequence[CellResult]) -> tuple[Value, Value, Value]:
    """Seeds, settings tried, and the hours of tuning all of them.

    A setting that was not chosen took as long for a step; how many steps were not taken is in `sweep.json`.
    """
    from harness import files
    from harness.evaluation.sweep import SAVED, SWEEP
    from harness.report.exhibits import Value

    tried = 1
    for _, values in found[0].cell.sweep:
        tried *= len(values)
    rows = [one.row for one in found if one.row is not None]
    tuning = [cost.seconds for row in rows for cost in row.costs if cost.phase == "tune"]
    choices = [one.folder / SWEEP for one in found if one.folder is not None and one.cell.sweep]
    # A kill may have come before the file; the hours are then at most so many.
    saved = next((files.read_json(path).get(SAVED, 0.0) for path in choices if path.is_file()), 0.0)
    hours = f"{(1 - saved) * tried * sum(tuning) / 3600:.2f}" if tuning else None
    return Value(str(len(found)), None), Value(str(tried), None), Value(hours, None, "none")


@hookimpl
def harness_studies() -> list[Study]:
    """The study."""
    return [Fair()]
