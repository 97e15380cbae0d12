"""How long problems and answers are, in tokens: Figure 2, from the data alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from harness.config import Settings
from harness.errors import HarnessError
from harness.evaluation.problems import problem_splits, task_source
from harness.evaluation.request import Request
from harness.modeling.base import load_tokenizer
from harness.modeling.checkpoint import BUILTIN
from harness.modeling.quirks import prepare_process
from harness.plugin_system.registry import Registry
from harness.ranking.display_names import DisplayNames
from harness.records import ModelSpec, Problem
from harness.report import figures
from harness.report.exhibits import Exhibit, Line, StudyResults

TASKS = ("conala", "codealpacapy", "apps")


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of all problems of a task: of the instructions, or of the first answers; empty when `why` says so."""

    task: str
    what: str
    tokens: Sequence[int]
    why: str = ""

    def line(self) -> list[str]:
        """Task, what, number, and the 5th, 25th, 50th, 75th and 95th percentile."""
        if not self.tokens:
            return [self.task, self.what, *["–"] * 5, self.why]
        marks = np.percentile(self.tokens, (5, 25, 50, 75, 95))
        return [self.task, self.what, str(len(self.tokens)), *(f"{mark:.0f}" for mark in marks)]


TITLE = "Figure 2: token lengths"
HEADS = ("task", "what", "problems", "5 %", "25 %", "median", "75 %", "95 %")


def exhibit(study: StudyResults) -> Exhibit:
    """Figure 2, which needs no run."""
    measured = lengths(study)
    note = "Percentiles of the numbers of tokens over all splits; the study prints no numbers in this figure."
    lines = tuple(Line(tuple(one.line()), ()) for one in measured)
    return Exhibit(
        "figure2", TITLE, HEADS, (), lines, "table", note, draw=partial(draw, measured, DisplayNames(study.registry))
    )


def lengths(study: StudyResults) -> list[Lengths]:
    """The lengths of every task whose data is at hand; the others say why not."""
    prepare_process()
    spec = ModelSpec(BUILTIN if study.builtin or study.tokenizer is None else study.tokenizer)
    try:
        encode = load_tokenizer(spec)
    except OSError as error:
        raise HarnessError(f"the tokenizer of {spec.id} cannot be loaded ({str(error).splitlines()[0]})") from None
    measured = []
    for task in TASKS:
        model = None if study.builtin else spec.id
        request = Request("zero-shot", task, model, data=study.data.get(task), hub=not study.builtin)
        try:
            problems = _problems(request, study.registry)
        except HarnessError as error:
            measured += [Lengths(task, what, (), str(error)) for what in ("instruction", "answer")]
            continue
        for what, texts in (
            ("instruction", [p.instruction for p in problems]),
            ("answer", [p.reference for p in problems if p.reference]),
        ):
            ids = encode(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
            measured.append(Lengths(task, what, [len(one) for one in ids]))
    return measured


def _problems(request: Request, registry: Registry) -> list[Problem]:
    task = registry.task(request.task)
    config = Settings().config(task.name, task.plugin.Config)[0]
    splits, _ = problem_splits(request, task, task_source(request, task.plugin), config, needs_training=False)
    return [problem for split in splits.values() for problem in split]


def draw(measured: Sequence[Lengths], names: DisplayNames, folder: Path) -> list[Path]:
    """Boxes from the 5th to the 95th percentile, on a logarithmic axis."""
    shown = [one for one in measured if one.tokens]
    if not shown:
        return []
    plt = figures.pyplot()
    figure, axes = plt.subplots(figsize=(figures.WIDTH, 0.35 * len(shown) + 1.0), layout="constrained")
    labels = [f"{names.task(one.task)}, {one.what}" for one in shown]
    tokens = [one.tokens for one in shown]
    look = {"boxprops": {"facecolor": "#cfe3f1"}, "medianprops": {"color": figures.COLOURS[1], "linewidth": 2}}
    axes.boxplot(
        tokens, orientation="horizontal", whis=(5, 95), showfliers=False, tick_labels=labels, patch_artist=True, **look
    )
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(plt.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("tokens (box: middle half, whiskers: 5 % to 95 %)")
    return figures.save(plt, figure, folder / "figure2")
