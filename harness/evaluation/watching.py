"""A metric that is looked at while a method tunes (`--watch`): on a few validation problems, with greedy answers."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.evaluation import runs
from harness.evaluation.judge import LocalBench
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import build_prompts, readers_of
from harness.evaluation.score import score_problem
from harness.modeling import memory
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Completion, Execution, Problem, Record, TuningProgress, Watched
from harness.stats.resampling import score_tables
from harness.tuning.watching import Look

PROBLEMS = 8
"""Validation problems that are written for, at most."""


def look_of(plan: RunPlan, cache: Path) -> Look | None:
    """How the tuning of `plan` is looked at; None where nothing is to be watched."""
    return None if plan.watched is None else Watcher(_watching_plan(plan), cache)


def _watching_plan(plan: RunPlan) -> RunPlan:
    """`plan` for one greedy answer to each of the first validation problems that the metric can score."""
    metric = plan.watched
    assert metric is not None
    scored = [problem for problem in plan.splits["validation"] if not metric.plugin.lacks(problem)][:PROBLEMS]
    sampling = replace(plan.run.sampling, candidates=1, temperature=0.0, decoder="")
    run = replace(plan.run, sampling=sampling, metrics=(metric.name,), ks=(1,), split="validation")
    return replace(plan, run=run, metrics=(metric,), splits={**plan.splits, "validation": scored}, decoder=None)


@dataclass
class Watcher:
    """Writes with the adapter as it is, judges and scores: a `Look`.

    What cannot be watched is said once, and the tuning goes on without.
    """

    plan: RunPlan
    cache: Path
    _prompts: Sequence[Prompt] = field(default=(), init=False)
    _is_over: bool = field(default=False, init=False)

    def __call__(self, base: Base, check_time: Callable[[], None]) -> Watched | None:
        from harness.decoding.inputs import unwrapped_model
        from harness.decoding.support import forgetting

        if self._is_over:
            return None
        if base.sharded:
            self._end("the base is spread over several processes, and none of them can write with it")
            return None
        start = time.monotonic()
        try:
            with forgetting(unwrapped_model(base)):
                measured = self._measured(self._records(base, check_time))
        except HarnessError as error:
            self._end(str(error))
            return None
        except RuntimeError as error:
            if not memory.is_out_of_memory(error):
                raise
            self._end("memory ran out")
            return None
        if measured is None:
            self._end("none of the answers could be scored")
            return None
        measure, value = measured
        return Watched(measure, value, len(self.plan.problems), round(time.monotonic() - start, 3))

    def _end(self, why: str) -> None:
        self._is_over = True
        print(f"note: --watch {self.plan.metrics[0].name}: {why}; the tuning goes on without", file=sys.stderr)

    def _records(self, base: Base, check_time: Callable[[], None]) -> list[Record]:
        from harness.decoding.generate import generate

        plan = self.plan
        self._prompts = self._prompts or list(build_prompts(plan, base, plan.problems, self.cache))
        readers = readers_of(plan, plan.problems, base.chat)
        size, sampling = len(self._prompts), plan.run.sampling
        written = {
            prompt.id: completions
            for prompt, completions in generate(
                base, self._prompts, sampling, plan.run.seed, batch=size, extractors=readers, on_step=check_time
            )
        }
        answers = [(problem, written[problem.id][0]) for problem in plan.problems]
        executions = self._executions(answers, check_time)
        return [
            Record(problem.id, problem.slice, prompt.digest, len(prompt.tokens), (), 0, (completion,), executions=found)
            for prompt, (problem, completion), found in zip(self._prompts, answers, executions, strict=True)
        ]

    def _executions(
        self, answers: Sequence[tuple[Problem, Completion]], check_time: Callable[[], None]
    ) -> Iterator[tuple[Execution, ...]]:
        """The execution of each answer; none where the metric needs none, or the task runs no programs."""
        needs = self.plan.metrics[0].plugin.needs == "executions"
        verdicts = LocalBench().verdicts(self.plan, answers) if needs else None
        for _ in answers:
            check_time()
            yield () if verdicts is None else (next(verdicts),)

    def _measured(self, records: Sequence[Record]) -> tuple[str, float] | None:
        """The main measure of the metric over `records`, and its value; None where nothing could be scored."""
        (entry,) = self.plan.metrics
        pairs = zip(self.plan.problems, records, strict=True)
        scores = [(problem.id, score) for problem, one in pairs for score in score_problem(self.plan, problem, one)]
        measures = {
            name: float(value)
            for table in score_tables(entry.plugin, scores)
            for name, value in table.measures(entry.plugin).items()
            if math.isfinite(value)
        }
        main = entry.plugin.primary(self.plan.run.ks)
        name = main if main in measures else next(iter(measures), None)
        return None if name is None else (name, measures[name])


def watched_facts(plan: RunPlan, progress: Path) -> dict[str, Any]:
    """What the record of a tuning says of its looks, of which `progress` tells; nothing where none was asked for.

    Raises:
        RunError: `progress` was altered; names file and line.
    """
    if plan.watched is None:
        return {}
    told = runs.typed_lines(progress, TuningProgress, repair=True)
    looks = {one.step: one.watched for one in told if one.watched is not None}
    if not looks:
        return {"watched": {"metric": plan.watched.name, "values": []}}
    first = next(iter(looks.values()))
    return {
        "watched": {
            "metric": plan.watched.name,
            "measure": first.measure,
            "problems": first.problems,
            "values": [[step, look.value] for step, look in sorted(looks.items())],
            "seconds": round(sum(look.seconds for look in looks.values()), 3),
        }
    }
