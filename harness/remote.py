"""Completions by a backend: prompts out, completions in, each on disk as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness import runs
from harness.costs import metered
from harness.errors import HarnessError, PluginError
from harness.extract import cut
from harness.model import Base
from harness.plan import Plan
from harness.plugin import Backend
from harness.progress import bar
from harness.prompts import Layout, Pool
from harness.records import Completion, Problem, Record, digest
from harness.registry import Offer
from harness.runs import COMPLETIONS, COSTS


def write_completions(plan: Plan, folder: Path, cache: Path) -> None:
    """Append one line for each test problem that has no completions yet, in the order in which they come.

    Raises:
        HarnessError: the backend could not write some; the others are on disk and are not asked for again.
    """
    assert plan.backend is not None
    path = folder / COMPLETIONS
    done = {line["id"] for line in runs.lines(path, repair=True)}
    problems = [problem for problem in plan.splits["test"] if problem.id not in done]
    asked = {record.id: (text, record) for text, record in _asked(plan, problems, cache)}
    prompts = [(name, text) for name, (text, _) in asked.items()]
    failure: HarnessError | None = None
    with metered("generate") as meter, bar("writing") as progress:
        try:
            for count, (name, completions) in enumerate(_answers(plan.backend, plan, prompts), len(done) + 1):
                runs.append(path, replace(asked.pop(name)[1], completions=completions))
                meter.tokens_out += sum(completion.tokens for completion in completions)
                progress(count, len(plan.splits["test"]), "")
        except HarnessError as error:
            failure = error
    runs.append(folder / COSTS, meter.cost)
    if failure is not None:
        raise failure
    if asked:
        first = next(iter(asked))
        raise PluginError(f"backend {plan.backend.name}: no completions for {len(asked)} problems (first: {first})")


def _asked(plan: Plan, problems: Sequence[Problem], cache: Path) -> Iterator[tuple[str, Record]]:
    """The text of each prompt, and the record that awaits its completions. What a prompt counts in tokens only the
    backend knows, so nothing is left out of it here."""
    chooser = plan.prompter.plugin if plan.prompter else None
    base = Base(None, None, plan.run.model, seq2seq=False)
    layout = Layout(plan.task.plugin, base, chooser.preamble if chooser else "")
    pool = Pool(plan.splits.get("train", ()), plan.run.seed, cache)
    chosen: Sequence[Sequence[Problem]] = [()] * len(problems)
    if chooser is not None and plan.prompter is not None and chooser.prompts:
        chosen = chooser.examples(problems, pool, plan.config(plan.prompter))
    for problem, examples in zip(problems, chosen, strict=True):
        text = layout.text(problem, examples)
        leaks = len(pool.leaks(problem)) if examples else 0
        ids = tuple(example.id for example in examples)
        yield text, Record(problem.id, problem.slice, digest(text), 0, ids, 0, (), leaks=leaks)


def _answers(
    backend: Offer[Backend], plan: Plan, prompts: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, tuple[Completion, ...]]]:
    """What the backend yields, checked and cut at the task's stop strings."""
    sampling, waiting = plan.run.sampling, {name for name, _ in prompts}
    config = plan.config(backend)
    for name, completions in backend.plugin.generate(plan.run.model.id, prompts, sampling, plan.run.seed, config):
        if name not in waiting:
            raise PluginError(f"backend {backend.name}: completions for {name!r}, which was not asked for (again)")
        if len(completions) != sampling.candidates:
            counts = f"{len(completions)} completions for {name}, {sampling.candidates} were asked for"
            raise PluginError(f"backend {backend.name}: {counts}")
        waiting.remove(name)
        yield name, tuple(_cut(completion, sampling.stop) for completion in completions)


def _cut(completion: Completion, stop: tuple[str, ...]) -> Completion:
    text = cut(completion.text, stop)
    return completion if text == completion.text else replace(completion, text=text, finish="stop")
