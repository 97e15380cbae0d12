"""How long problems and answers are, in tokens: Figure 2, from the data alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.config import Settings
from harness.errors import HarnessError
from harness.model import BUILTIN, load_tokenizer, prepare_process
from harness.plan import Request, problem_splits, task_source
from harness.records import ModelSpec, Problem
from harness.registry import Registry

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


HEADS = ("task", "what", "problems", "5 %", "25 %", "median", "75 %", "95 %")


def lengths(tokenizer: str | None, builtin: bool, data: Mapping[str, Path], registry: Registry) -> list[Lengths]:
    """The lengths of every task whose data is at hand; the others say why not."""
    prepare_process()
    spec = ModelSpec(BUILTIN if builtin or tokenizer is None else tokenizer)
    try:
        encode = load_tokenizer(spec)
    except OSError as error:
        raise HarnessError(f"the tokenizer of {spec.id} cannot be loaded ({str(error).splitlines()[0]})") from None
    found = []
    for task in TASKS:
        request = Request("zero-shot", task, None if builtin else spec.id, data=data.get(task), hub=not builtin)
        try:
            problems = _problems(request, registry)
        except HarnessError as error:
            found += [Lengths(task, what, (), str(error)) for what in ("instruction", "answer")]
            continue
        for what, texts in (
            ("instruction", [p.instruction for p in problems]),
            ("answer", [p.reference for p in problems if p.reference]),
        ):
            ids = encode(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
            found.append(Lengths(task, what, [len(one) for one in ids]))
    return found


def _problems(request: Request, registry: Registry) -> list[Problem]:
    task = registry.task(request.task)
    config = Settings().config(task.name, task.plugin.Config)[0]
    splits, _ = problem_splits(request, task, task_source(request, task.plugin), config, needs_training=False)
    return [problem for split in splits.values() for problem in split]
