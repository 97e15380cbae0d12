"""The prompts of a plan's problems, and the readers that extract the answers from their completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import PluginError
from harness.evaluation.plan import RunPlan
from harness.evaluation.reading import in_chat, reader
from harness.extract import AnswerExtractor
from harness.modeling.base import Base
from harness.modeling.chat import Chat
from harness.modeling.examples import ExamplePool
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.plugin import PromptingMethod
from harness.plugin_system.registry import PluginEntry
from harness.records import Problem


def build_prompts(
    plan: RunPlan, base: Base, problems: Sequence[Problem], cache: Path, *, training: bool = False
) -> Iterator[Prompt]:
    """The prompts of `problems`; for training without examples unless the prompting method asks for them.

    Training prompts leave room for the longest answer, whatever the length limit of completions is.
    """
    task, entry = plan.task.plugin, plan.trained_prompter if training else plan.prompter
    room = base.context if training else plan.run.sampling.longest
    layout = PromptBuilder(task, base, entry.plugin.preamble if entry else "", room, training)
    if entry is None or not isinstance(entry.plugin, PromptingMethod):
        yield from (layout.prompt(problem) for problem in problems)
        return
    pool = ExamplePool(plan.splits["train"], plan.run.seed, cache)
    chosen = entry.plugin.examples(problems, pool, plan.config(entry))
    for problem, examples in zip(problems, chosen, strict=True):
        changed = reworded(entry, examples, pool)
        prompt = layout.prompt(problem, examples, leaks=len(pool.leaks(problem)))
        yield replace(prompt, reworded=len(changed & set(prompt.examples)))


def reworded(entry: PluginEntry[Any], examples: Sequence[Problem], pool: ExamplePool) -> set[str]:
    """The ids of those of `examples` that are training problems with another text, such as a chain of thought.

    Raises:
        PluginError: one is no training problem at all, so that nobody could say what it gives away.
    """
    if strange := [example.id for example in examples if example.id not in pool.by_id]:
        raise PluginError(f"method {entry.name}: the example {strange[0]!r} is no training problem; keep the id of one")
    return {example.id for example in examples if example != pool.by_id[example.id]}


def readers_of(plan: RunPlan, problems: Sequence[Problem], chat: Chat | None = None) -> dict[str, AnswerExtractor]:
    """How the completions of each problem are read, by its id."""
    preamble = plan.prompter.plugin.preamble if plan.prompter else ""
    stop = plan.run.sampling.stop
    readers = {problem.id: reader(plan.task.plugin, problem, stop, preamble) for problem in problems}
    return readers if chat is None else {name: in_chat(one, chat) for name, one in readers.items()}
