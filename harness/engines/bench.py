"""Executes candidates on the nodes of a Ray cluster, in batches."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.engines import node
from harness.engines.cluster import Cluster, Lost, Room
from harness.engines.runs import ATTEMPTS, ROUNDS
from harness.errors import HarnessError
from harness.evaluation.plan import RunPlan
from harness.records import Completion, Execution, Problem

Answers = Sequence[tuple[Problem, Completion]]
_FOR_EACH_CPU, _LEAST = 16, 64
"""Candidates of a batch: enough to be worth the start of a node's jails, few enough that nodes end together."""


def batch_size(cpus: int) -> int:
    """Candidates of a batch for a node with so many CPUs."""
    return max(_LEAST, _FOR_EACH_CPU * cpus)


class RayBench:
    """Where candidates are executed (`harness.evaluation.judge.Bench`)."""

    def __init__(self, cluster: Cluster, room: Room) -> None:
        self._cluster = cluster
        self._size = batch_size(room.cores)
        self._cores = room.cores
        self._ahead = ROUNDS * room.at_once
        self._execute = cluster.function(node.execute, room)
        self.retried = 0
        """How many batches were executed again because what they ran on was lost."""

    def isolation(self, plan: RunPlan) -> Mapping[str, Any]:
        """The weakest isolation of all nodes, and that of each."""
        found = {name: facts.isolation for name, facts in self._cluster.facts.items()}
        weakest = max(found.values(), key=lambda level: ("full", "reduced", "unsafe").index(level.name))
        return {"isolation": weakest, "nodes": {name: level.name for name, level in found.items()}}

    def verdicts(self, plan: RunPlan, answers: Iterable[tuple[Problem, Completion]]) -> Iterator[Execution] | None:
        """As `Bench.verdicts`; batches are sent as earlier ones come back."""
        batches = self._batches(plan, answers)
        first = next(batches, ())
        if first is None:
            return None
        return itertools.chain(first, itertools.chain.from_iterable(batch for batch in batches if batch is not None))

    def _batches(
        self, plan: RunPlan, answers: Iterable[tuple[Problem, Completion]]
    ) -> Iterator[tuple[Execution, ...] | None]:
        sent: deque[tuple[Answers, Any]] = deque()
        waiting = iter(answers)
        while batch := tuple(itertools.islice(waiting, self._size)):
            sent.append((batch, self._send(plan, batch)))
            if len(sent) >= self._ahead:
                yield self._result(plan, *sent.popleft())
        while sent:
            yield self._result(plan, *sent.popleft())

    def _send(self, plan: RunPlan, batch: Answers) -> Any:
        surroundings = node.Surroundings.here(self._cores)
        return self._execute.remote(surroundings, plan.task.plugin, batch, plan.limits, plan.accept_unsafe)

    def _result(self, plan: RunPlan, batch: Answers, reference: Any) -> tuple[Execution, ...] | None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found: tuple[Execution, ...] | None = self._cluster.value(reference)
                return found
            except Lost as lost:
                if attempt == ATTEMPTS:
                    raise HarnessError(f"a batch of programs was lost {ATTEMPTS} times, lastly: {lost}") from None
                self.retried += 1
                print(f"note: {len(batch)} programs are executed again ({lost})", file=sys.stderr, flush=True)
                reference = self._send(plan, batch)
        raise AssertionError("every attempt has returned or raised")
