"""Completions by a backend: sends the prompts and appends each completion to disk as soon as it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness import files
from harness.errors import HarnessError, PluginError
from harness.evaluation.costs import measured
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import readers_of, reworded
from harness.evaluation.resume import saved_ids
from harness.evaluation.runs import COMPLETIONS, COSTS
from harness.extract import AnswerExtractor, as_completion
from harness.modeling.base import Base
from harness.modeling.examples import ExamplePool
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Backend, PromptingMethod
from harness.plugin_system.registry import PluginEntry
from harness.progress import bar
from harness.records import Completion, Problem, Record, digest


def write_completions(plan: RunPlan, folder: Path, cache: Path) -> None:
    """Append one line for each test problem that has no completions yet, in the order of arrival.

    Raises:
        HarnessError: the backend failed for some problems; the other completions are on disk.
    """
    assert plan.backend is not None
    path = folder / COMPLETIONS
    done = saved_ids(folder)
    problems = [problem for problem in plan.problems if problem.id not in done]
    pending = {record.id: (text, record) for text, record in _build_requests(plan, problems, cache)}
    prompts = [(name, text) for name, (text, _) in pending.items()]
    readers = readers_of(plan, problems)
    failure: HarnessError | None = None
    with measured("generate") as meter, bar(plan.title("writing")) as progress:
        try:
            for count, (name, completions) in enumerate(
                _checked_answers(plan.backend, plan, prompts, readers), len(done) + 1
            ):
                files.append(path, replace(pending.pop(name)[1], completions=completions))
                meter.tokens_out += sum(completion.tokens for completion in completions)
                progress(count, len(plan.problems), "")
        except HarnessError as error:
            failure = error
    files.append(folder / COSTS, meter.cost)
    if failure is not None:
        raise failure
    if pending:
        first = next(iter(pending))
        raise PluginError(f"backend {plan.backend.name}: no completions for {len(pending)} problems (first: {first})")


def _build_requests(plan: RunPlan, problems: Sequence[Problem], cache: Path) -> Iterator[tuple[str, Record]]:
    """The text of each prompt, and its record without completions. Only the backend can count the tokens of a prompt,
    so no example is dropped for length here."""
    chooser = plan.prompter.plugin if plan.prompter else None
    base = Base(None, None, plan.run.model, seq2seq=False)
    layout = PromptBuilder(plan.task.plugin, base, chooser.preamble if chooser else "")
    pool = ExamplePool(plan.splits.get("train", ()), plan.run.seed, cache)
    chosen: Sequence[Sequence[Problem]] = [()] * len(problems)
    if isinstance(chooser, PromptingMethod) and plan.prompter is not None:
        chosen = chooser.examples(problems, pool, plan.config(plan.prompter))
    for problem, examples in zip(problems, chosen, strict=True):
        text = layout.text(problem, examples)
        leaks = len(pool.leaks(problem)) if examples else 0
        ids = tuple(example.id for example in examples)
        changed = len(reworded(plan.prompter, examples, pool)) if plan.prompter and examples else 0
        record = Record(problem.id, problem.slice, digest(text), 0, ids, 0, (), leaks=leaks, reworded=changed)
        yield text, record


def _checked_answers(
    backend: PluginEntry[Backend],
    plan: RunPlan,
    prompts: Sequence[tuple[str, str]],
    readers: Mapping[str, AnswerExtractor],
) -> Iterator[tuple[str, tuple[Completion, ...]]]:
    """The completions that the backend yields, checked, with the answers extracted.

    The backend stops only at the next turn of the prompt layout. The task's own stop strings apply inside an answer: in
    a Markdown block they would already stop at the line that opens the block.
    """
    waiting = {name for name, _ in prompts}
    turns = {marker for one in readers.values() for marker in one.markers[:-1]}
    sampling = replace(plan.run.sampling, stop=tuple(f"\n{marker}" for marker in sorted(turns)))
    config = plan.config(backend)
    for name, completions in backend.plugin.generate(plan.run.model.id, prompts, sampling, plan.run.seed, config):
        if name not in waiting:
            raise PluginError(f"backend {backend.name}: completions for {name!r}, which was not asked for (again)")
        if len(completions) != sampling.candidates:
            counts = f"{len(completions)} completions for {name}, {sampling.candidates} were asked for"
            raise PluginError(f"backend {backend.name}: {counts}")
        waiting.remove(name)
        yield name, tuple(_extract(one, readers[name]) for one in completions)


def _extract(one: Completion, reader: AnswerExtractor) -> Completion:
    finish = "stop" if reader.is_complete(one.text) else one.finish
    return as_completion(one.text, reader, one.tokens, one.logprob, finish)
