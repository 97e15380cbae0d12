"""The generation phase: the adapted model, or a backend, generates the candidates of each problem."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness import files, processes
from harness.decoding.generate import batch_size, continuous_batching_unsupported_reason
from harness.disk import file_errors
from harness.evaluation import remote
from harness.evaluation.costs import measured, of_all
from harness.evaluation.facts import batch_facts
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import build_prompts
from harness.evaluation.resume import is_scored, saved_ids
from harness.evaluation.runs import BATCH, COMPLETIONS, COSTS, TUNING, WHY_NOT_SLOTS
from harness.evaluation.selection import select_candidates
from harness.evaluation.tune import Notify, nobody, tune
from harness.evaluation.writing import WritingPart, adapted_for_writing, is_spread, writes_alone
from harness.evaluation.writing_progress import WritingProgress
from harness.modeling.base import Base, parameters
from harness.modeling.bases import LoadedBases
from harness.modeling.prompts import Prompt
from harness.progress import bar, detail, whole
from harness.records import SCHEMA, Completion, Cost, Problem, Record


def generate(plan: RunPlan, folder: Path, root: Path, bases: LoadedBases, notify: Notify = nobody) -> None:
    """Generate completions for every problem that has none yet, after tuning where the method tunes.

    Raises:
        HarnessError: some completions could not be generated; the others are on disk.
    """
    if is_complete(plan, folder):
        return
    if plan.backend is not None:
        remote.write_completions(plan, folder, root / "cache")
    else:
        _generate_completions(plan, folder, tune(plan, root, bases, notify), root, bases)


def is_complete(plan: RunPlan, folder: Path) -> bool:
    """Whether every problem has its completions."""
    return is_scored(folder) or saved_ids(folder) >= {problem.id for problem in plan.problems}


def _generate_completions(plan: RunPlan, folder: Path, tuning: Path | None, root: Path, bases: LoadedBases) -> None:
    """Append one line for each problem that has no completions yet, as soon as its batch is finished."""
    done = saved_ids(folder)
    problems = plan.problems
    with measured("load") as loading, whole(f"loading {plan.run.model.name}"):
        base = adapted_for_writing(plan, tuning, bases)
    link_tuning(folder, tuning, base)
    by_id, others = {problem.id: problem for problem in problems}, list[Cost]()
    with measured("generate") as meter:
        with whole(plan.title("making the prompts of")):
            prompts = list(build_prompts(plan, base, problems, root / "cache"))
            size = _batch_size(folder, base, prompts, plan)
        part = WritingPart(plan, tuning, prompts, done, size)
        why_batches = continuous_batching_unsupported_reason(base)
        detail(f"writing: {size} problems at a time" + (f", in batches: {why_batches}" if why_batches else ""))
        writers = 1 if writes_alone(plan) else processes.count()
        with bar(plan.title("writing"), time_left=bool(why_batches)) as progress:
            progress(len(done), len(problems), "")
            told = WritingProgress(progress, len(problems), len(done), writers)
            stepped = (lambda _: None) if why_batches else told.stepped
            written = part.written(base, note_smaller_batch([folder]), others, stepped)
            for count, (prompt, completions) in enumerate(written, len(done) + 1):
                append_record(plan, folder, by_id[prompt.id], prompt, completions)
                meter.tokens_in += len(prompt.tokens)
                meter.tokens_out += sum(c.tokens for c in completions)
                told.written(count)
    for cost in (loading.cost, meter.cost):
        files.append(folder / COSTS, _of_all(plan, cost, others))
    if tuning is not None:
        bases.release(base)


def _of_all(plan: RunPlan, cost: Cost | None, others: Sequence[Cost]) -> Cost | None:
    """The cost of a phase with what other processes had of it; energy is counted for one GPU of each process."""
    if cost is None:
        return None
    whole = of_all([cost, *(other for other in others if other.phase == cost.phase)])
    return replace(whole, energy_joules=None) if is_spread(plan) else whole


def link_tuning(folder: Path, tuning: Path | None, base: Base) -> None:
    """Add the tuning to the run folder: a copy of its facts, and hard links to its weights."""
    if tuning is None:
        trainable, everything = parameters(base.model)
        facts = {"schema": SCHEMA, "trainable_parameters": trainable, "total_parameters": everything}
        files.write_sealed(folder / TUNING, facts)
        return
    files.write_sealed(folder / TUNING, files.read_json(tuning / TUNING))
    adapter = folder / "adapter"
    if not adapter.exists():
        with file_errors(adapter):
            adapter.unlink(missing_ok=True)  # a link of an earlier version, to a tuning that was deleted
        files.link_folder(tuning / "adapter", adapter)


def _batch_size(folder: Path, base: Base, prompts: Sequence[Prompt], plan: RunPlan) -> int:
    """The batch size of an earlier attempt, so that the batches are the same; else the largest that fits."""
    path = folder / BATCH
    if not os.path.lexists(path):
        size = batch_size(base, prompts, plan.run.sampling)
        found = {"problems": size, WHY_NOT_SLOTS: continuous_batching_unsupported_reason(base)}
        several = {} if writes_alone(plan) else {"processes": processes.count()}
        files.write_sealed(path, {**found, **several})
    return batch_facts(folder).problems


def note_smaller_batch(folders: Sequence[Path]) -> Callable[[int], None]:
    """What tells of a batch size that memory has reduced, and notes it in each of `folders`."""

    def note(size: int) -> None:
        print(f"note: out of memory; going on with {size} problems at a time", file=sys.stderr)
        for folder in folders:
            files.append(folder / "lowered.jsonl", {"problems": size})

    return note


def append_record(
    plan: RunPlan, folder: Path, problem: Problem, prompt: Prompt, completions: tuple[Completion, ...]
) -> None:
    """Keep the completions of one problem."""
    record, selected = _record(problem, prompt, completions), select_candidates(plan, problem, completions)
    files.append(folder / COMPLETIONS, replace(record, selected=selected))


def _record(problem: Problem, prompt: Prompt, completions: tuple[Completion, ...]) -> Record:
    return Record(
        id=problem.id,
        slice=problem.slice,
        prompt_digest=prompt.digest,
        prompt_tokens=len(prompt.tokens),
        examples=prompt.examples,
        dropped=prompt.dropped,
        completions=completions,
        leaks=prompt.leaks,
        truncated=prompt.truncated,
        reworded=prompt.reworded,
    )
