"""Everything that a third party can offer, in one module. Only names that `harness` makes public are used."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness import hookimpl
from harness.data.sources import Source, rows
from harness.plugin import Method, Metric, Study, Task, TuningMethod, option
from harness.records import (
    AssertTests,
    Completion,
    Execution,
    Problem,
    Record,
    Row,
    Run,
    Sampling,
    Score,
    Tuning,
    TuningProgress,
)


@dataclass(frozen=True)
class BiasConfig:
    """The options of `probe-bias`."""

    learning_rate: float = option(1e-3, "peak learning rate")
    epochs: float = option(1.0, "passes over the training problems, at most")
    layers: tuple[str, ...] = option(("norm", "bias"), "parts of the names of the trained parameters")


class Bias(TuningMethod):
    """BitFit in small: only biases and norms are trained, every other weight of the base stays as it is."""

    name = "probe-bias"
    reference = "Ben Zaken et al., ACL 2022 (arXiv:2106.10199)"
    Config = BiasConfig

    def tuning(self, config: BiasConfig) -> Tuning:
        return Tuning(learning_rate=config.learning_rate, epochs=config.epochs)

    def adapt(self, base: Any, config: BiasConfig) -> Any:
        for name, parameter in base.model.named_parameters():
            parameter.requires_grad_(any(part in name for part in config.layers))
        return base


class Sums(Task):
    """Functions that add a constant, judged by tests."""

    name = "probe-sums"
    version = "3"
    reference = "written for this package"
    licence = "Apache-2.0"
    metrics: ClassVar[tuple[str, ...]] = ("exact_match",)

    def sampling(self) -> Sampling:
        return Sampling(candidates=2, max_new_tokens=16, stop=("\n\n",))

    def default_ks(self) -> tuple[int, ...]:
        return (1, 2)

    def load(self, source: Source, config: Any) -> Mapping[str, Sequence[Problem]]:
        return {split: [_problem(row) for f in files for row in rows(f)] for split, files in source.splits().items()}


def _problem(row: Any) -> Problem:
    number = row.get("number", int)
    tests = AssertTests("add", f"assert add(1) == {1 + number}\nassert add(-{number}) == 0")
    reference = f"def add(x):\n    return x + {number}"
    return Problem(str(number), f"Write a function add(x) that adds {number}.", (reference,), tests)


class Length(Metric):
    """Mean number of characters of the first k candidates."""

    name = "probe_length"
    higher_is_better = False
    bounds = (0.0, None)

    def score(
        self,
        problem: Problem,
        completions: Sequence[Completion],
        executions: Sequence[Execution],
        ks: Sequence[int],
        config: Any,
    ) -> Score:
        lengths = [len(completion.text) for completion in completions]
        return Score(self.name, values={f"chars@{k}": sum(lengths[:k]) / k for k in ks})


BIASES = """
title = "Are biases enough?"
about = "A model as it is against one whose biases were tuned, as a third party asks."
shows = ["probe-table"]

[[builtin]]
task = ["conala"]
method = ["zero-shot", "probe-bias"]
metric = ["exact_match", "probe_length"]
limit = 4
candidates = 1
max_new_tokens = 8
k = [1]
"""


class Biases(Study):
    """Tuned biases, beside a number that was never published."""

    name = "probe-biases"
    reference = "written for this package"

    def text(self) -> str:
        return BIASES

    def exhibits(self) -> Mapping[str, Any]:
        return {"probe-table": _table}


def _table(results: Any) -> Any:
    from harness.report.exhibits import Exhibit, Line

    published = {"zero-shot": 12.5}
    lines = []
    for model in results.models("conala"):
        for method in results.methods("conala", model):
            value = results.value(results.of("conala", model, method), "em@1", published.get(method))
            lines.append(Line((model, method), (value,)))
    heads, columns = ("model", "method"), ("em@1",)
    source = "made up for this package"
    return Exhibit("probe-table", "Table 9: tuned biases", heads, columns, tuple(lines), "bars", source=source)


@hookimpl
def harness_studies() -> list[Study]:
    return [Biases()]


@hookimpl
def harness_methods() -> list[Method]:
    return [Bias()]


@hookimpl
def harness_tasks() -> list[Task]:
    return [Sums()]


@hookimpl
def harness_metrics() -> list[Metric]:
    return [Length()]


@hookimpl
def harness_commands(cli: Any) -> None:
    import click

    @cli.command("probe-hello")
    @click.argument("name", default="world")
    def hello(name: str) -> None:
        """Greet NAME."""
        click.echo(f"hello {name}")


def _hear(what: str, **facts: Any) -> None:
    """Append what was heard to the file that the test named."""
    if path := os.environ.get("HARNESS_PROBE_LOG"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"hook": what, **facts}) + "\n")


@hookimpl
def harness_run_started(run: Run) -> None:
    _hear("started", task=run.task, method=run.method)


@hookimpl
def harness_tuning_validated(run: Run, progress: TuningProgress) -> None:
    _hear("validated", step=progress.step, of=progress.steps)


@hookimpl
def harness_record_written(run: Run, record: Record) -> None:
    _hear("record", id=record.id)


@hookimpl
def harness_run_finished(run: Run, rows: Sequence[Row]) -> None:
    _hear("finished", rows=len(rows))
