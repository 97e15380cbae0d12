"""Writing: the completions of a run, by one process or by all of a command, each for its part of the problems.

A completion depends on its problem and the seed alone, so that it makes no difference which process writes it. The
first process alone keeps what is written; the others send it as soon as a batch is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness import processes
from harness.decoding.generate import PromptCompletions
from harness.decoding.generate import generate as decode
from harness.decoding.sampling import LogitsFunction
from harness.evaluation.costs import measured
from harness.evaluation.facts import check_adapter
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import readers_of
from harness.evaluation.tune import load_options
from harness.modeling import bases as adapters
from harness.modeling.base import Base
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import Prompt
from harness.modeling.sharding import can_spread, is_too_large
from harness.records import Completion, Cost

_SPREAD = {"device_map": "balanced"}
"""The `from_pretrained` option for layers on several GPUs."""


@dataclass(frozen=True)
class _Written:
    """The completions of one problem, on their way to the first process."""

    id: str
    completions: tuple[Completion, ...]


@dataclass(frozen=True)
class WritingPart:
    """The writing of a run, for every process of the command.

    `done` are the ids of problems that have completions already, `size` how many are decoded at a time in one process.
    """

    plan: RunPlan
    tuning: Path | None
    prompts: Sequence[Prompt]
    done: frozenset[str]
    size: int

    def run(self, bases: LoadedBases) -> None:
        """The part of a process that is not the first: what it writes is sent, and what that cost."""
        channel = processes.Channel()
        with measured("load") as loading:
            base = adapted_for_writing(self.plan, self.tuning, bases)
        with measured("generate") as meter:
            for prompt, completions in self._own(base, channel.send):
                channel.send(_Written(prompt.id, completions))
        for value in (loading.cost, meter.cost, None):
            channel.send(value)
        if self.tuning is not None:
            bases.release(base)

    def written(
        self,
        base: Base,
        on_batch_reduced: Callable[[int], None],
        costs: list[Cost],
        on_step: Callable[[Sequence[tuple[int, int]]], None] = lambda _: None,
    ) -> Iterator[PromptCompletions]:
        """The completions of every problem that is not done, in the first process; others' costs are added to `costs`.

        `on_step` is called with the steps of this process as `harness.decoding.generate` says.

        Raises:
            ModelError: not even one problem at a time fits in memory.
            OthersEnded: another process failed.
        """
        if writes_alone(self.plan):
            yield from self._decoded(base, self.prompts, on_batch_reduced, on_step)
            return
        with processes.shared(self):
            channel = processes.Channel()
            for own in self._own(base, on_batch_reduced, on_step):
                yield own
                yield from self._sorted_out(channel.arrived(), on_batch_reduced, costs)
            yield from self._sorted_out(channel.rest(), on_batch_reduced, costs)

    def _sorted_out(
        self, values: Iterable[Any], on_batch_reduced: Callable[[int], None], costs: list[Cost]
    ) -> Iterator[PromptCompletions]:
        """The completions among what others sent."""
        prompts = {prompt.id: prompt for prompt in self.prompts}
        for value in values:
            if isinstance(value, _Written):
                yield prompts[value.id], value.completions
            elif isinstance(value, Cost):
                costs.append(value)
            else:
                on_batch_reduced(value)

    def _own(
        self,
        base: Base,
        on_batch_reduced: Callable[[int], None],
        on_step: Callable[[Sequence[tuple[int, int]]], None] = lambda _: None,
    ) -> Iterator[PromptCompletions]:
        """What this process writes: the problems are dealt out in the order of the length of their prompts."""
        ordered = sorted(self.prompts, key=lambda prompt: (-len(prompt.tokens), prompt.id))
        own = processes.share(ordered)
        if any(prompt.id not in self.done for prompt in own):
            yield from self._decoded(base, own, on_batch_reduced, on_step)

    def _decoded(
        self,
        base: Base,
        prompts: Sequence[Prompt],
        on_batch_reduced: Callable[[int], None],
        on_step: Callable[[Sequence[tuple[int, int]]], None] = lambda _: None,
    ) -> Iterator[PromptCompletions]:
        plan = self.plan
        return decode(
            base,
            prompts,
            plan.run.sampling,
            plan.run.seed,
            batch=self.size,
            extractors=readers_of(plan, plan.problems, base.chat),
            done=self.done,
            on_batch_reduced=on_batch_reduced,
            process_logits=logits_function(plan),
            on_step=on_step,
        )


def writes_alone(plan: RunPlan) -> bool:
    """Whether the first process writes everything: there is no other, or it takes all GPUs for the base."""
    return processes.count() == 1 or is_spread(plan)


def is_spread(plan: RunPlan) -> bool:
    """Whether the layers of the base are on several GPUs of one process: asked for, or too large for one GPU."""
    if plan.shard is not None:
        return plan.shard and can_spread()
    return is_too_large(plan.run.model, load_options(plan))


def adapted_for_writing(plan: RunPlan, tuning: Path | None, bases: LoadedBases) -> Base:
    """The plan's base, with the adapter of `tuning` where there is one.

    Raises:
        RunError: the adapter is not the one that was tuned.
        ModelError: the base cannot be loaded, or the adapter not be put on it.
    """
    options: Mapping[str, Any] = {**load_options(plan), **(_SPREAD if is_spread(plan) else {})}
    if tuning is None:
        return bases.get(plan.run.model, options)
    check_adapter(tuning)
    return adapters.restore(bases, plan.run.model, options, tuning / "adapter")


def logits_function(plan: RunPlan) -> LogitsFunction | None:
    """What the decoder of the plan does with logits; None without a decoder."""
    if plan.decoder is None:
        return None
    return partial(plan.decoder.plugin.process_logits, config=plan.config(plan.decoder))
