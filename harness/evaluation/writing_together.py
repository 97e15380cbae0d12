"""Runs of one command that share a base, written at once: the problems of all share the batches.

Each run gets in its own folder what it would get alone; it then goes on as one whose writing was finished by an earlier
attempt. What cannot be carried is left out, and written alone. Which runs were written together is kept in
`batch.json`, so that an interrupted writing is continued in the same company and with the same batches.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import files, processes
from harness.decoding.generate import continuous_batching_unsupported_reason
from harness.decoding.slot_cache import shared_prefix_length
from harness.decoding.stacked_adapters import Adapter, UnsupportedAdapterError, adapter_of
from harness.decoding.together import (
    AdapterPrompts,
    batch_size_together,
    generate_together,
    together_unsupported_reasons,
)
from harness.evaluation import facts, provenance
from harness.evaluation.costs import measured, portion, share
from harness.evaluation.generate import append_record, is_complete, link_tuning, note_smaller_batch
from harness.evaluation.plan import RunPlan
from harness.evaluation.prompting import build_prompts, readers_of
from harness.evaluation.resume import saved_ids
from harness.evaluation.runs import BATCH, COSTS, RUN, TOGETHER, TUNING, WHY_NOT_SLOTS, finished_row, run_id
from harness.evaluation.tune import load_options, tuning_folder
from harness.evaluation.writing import adapted_for_writing, is_spread, logits_function
from harness.evaluation.writing_progress import WritingProgress
from harness.modeling.base import Base
from harness.modeling.bases import ADAPTER_FILE, LoadedBases
from harness.modeling.prompts import Prompt
from harness.plugin_system.registry import Registry
from harness.progress import bar, detail, whole
from harness.records import Cost, canonical

MOST_TOGETHER = 16
"""Runs that are written at once: more fill no batch better."""
_MOST_SHARED_TOKENS = 128
"""Tokens that all prompts of a run begin with: alone they are read once and kept once, here once for each problem."""


@dataclass(frozen=True)
class _Member:
    """A run of the group: its plan and folder, its adapter and its prompts."""

    plan: RunPlan
    folder: Path
    adapter: Adapter
    prompts: Sequence[Prompt]
    done: frozenset[str]


def write_together(plans: Sequence[RunPlan], registry: Registry, root: Path, bases: LoadedBases) -> None:
    """Write the completions of those of `plans` that can be written at once and are not written yet.

    Their tunings must be made; plans whose tunings are not, and those that load another base than all others, are left.

    Raises:
        HarnessError: some completions could not be generated; the others are on disk.
    """
    for group in groups(plans, root):
        _write_group(group, registry, root, bases)


def groups(plans: Sequence[RunPlan], root: Path) -> Iterator[list[RunPlan]]:
    """The plans to be written at once, several in each group: first those of an interrupted writing."""
    by_id = {run_id(plan.run): plan for plan in plans if _may_be_together(plan, root)}
    waiting = {name: plan for name, plan in by_id.items() if not _is_written(plan, root / name)}
    begun = {name: _company(root / name) for name in waiting}
    for company in dict.fromkeys(some for some in begun.values() if some):
        if by_id.keys() >= set(company):
            yield [by_id[name] for name in company]
    alike: dict[str, list[RunPlan]] = {}
    for name, plan in waiting.items():
        if begun[name] is None:
            alike.setdefault(_common(plan), []).append(plan)
    for some in alike.values():
        chunks = [some[start : start + MOST_TOGETHER] for start in range(0, len(some), MOST_TOGETHER)]
        yield from (chunk for chunk in chunks if len(chunk) > 1)


def _may_be_together(plan: RunPlan, root: Path) -> bool:
    """Whether one process of this machine writes the run, and its adapter is there."""
    if plan.backend is not None or processes.count() > 1 or is_spread(plan):
        return False
    if plan.tuner is None:
        return True
    tuning = tuning_folder(plan, root)
    return (tuning / TUNING).is_file() and (tuning / "adapter" / ADAPTER_FILE).is_file()


def _is_written(plan: RunPlan, folder: Path) -> bool:
    return finished_row(folder) is not None or is_complete(plan, folder)


def _company(folder: Path) -> tuple[str, ...] | None:
    """The runs that the run of `folder` was begun with, () where it was begun alone; None where it was not begun."""
    return facts.batch_facts(folder).together if os.path.lexists(folder / BATCH) else None


def _common(plan: RunPlan) -> str:
    """What runs must have in common to share batches: the base, how it is loaded, and how tokens are chosen."""
    options = {name: str(value) for name, value in load_options(plan).items()}
    decoder = None if plan.decoder is None else [plan.decoder.name, plan.config(plan.decoder)]
    return canonical([plan.run.model, options, plan.run.sampling, decoder])


def _write_group(plans: Sequence[RunPlan], registry: Registry, root: Path, bases: LoadedBases) -> None:
    first = plans[0]
    with contextlib.ExitStack() as stack:
        for folder in sorted({root / run_id(plan.run) for plan in plans}):
            stack.enter_context(files.locked(folder, wait_for="this run" if first.wait else ""))
        if all(_is_written(plan, root / run_id(plan.run)) for plan in plans):
            return  # another process has done it meanwhile
        with measured("load") as loading, whole("loading the model and its adapters"):
            base = bases.get(first.run.model, load_options(first))
            if why := continuous_batching_unsupported_reason(base):
                detail(f"{len(plans)} runs are written one after another: {why}")
                return
            members = [one for plan in plans if (one := _member(plan, registry, root, bases)) is not None]
            base = bases.get(first.run.model, load_options(first))  # an adapter may have taken it out of memory
            members = _carried(base, members) if len(members) > 1 else []
        if len(members) > 1:
            _write(members, base, loading.cost)


def _member(plan: RunPlan, registry: Registry, root: Path, bases: LoadedBases) -> _Member | None:
    """The run with its adapter as tensors, and its folder begun; None where it has to be written alone."""
    folder, tuning = root / run_id(plan.run), tuning_folder(plan, root) if plan.tuner else None
    base = adapted_for_writing(plan, tuning, bases)
    try:
        adapter = adapter_of(base)
        prompts = list(build_prompts(plan, base, plan.problems, root / "cache"))
        shared = shared_prefix_length([prompt.tokens for prompt in prompts])
        if shared > _MOST_SHARED_TOKENS:
            raise UnsupportedAdapterError(f"its prompts share {shared} tokens, which are read once if it is alone")
        written = _is_written(plan, folder)
        if not written:
            files.write_sealed(folder / RUN, provenance.run_facts(plan, registry))
            link_tuning(folder, tuning, base)
        done = frozenset(prompt.id for prompt in prompts) if written else saved_ids(folder)
        return _Member(plan, folder, adapter, prompts, done)
    except UnsupportedAdapterError as error:
        _say_alone(plan, str(error))
        return None
    finally:
        if tuning is not None:
            bases.release(base)


def _carried(base: Base, members: Sequence[_Member]) -> list[_Member]:
    """The runs whose adapters were seen to write beside the others what they write alone."""
    reasons = together_unsupported_reasons(base, [member.adapter for member in members])
    for member, why in zip(members, reasons, strict=True):
        if why:
            _say_alone(member.plan, why)
    return [member for member, why in zip(members, reasons, strict=True) if not why]


def _say_alone(plan: RunPlan, why: str) -> None:
    print(f"note: {plan.run.method}, seed {plan.run.seed}, is written alone: {why}", file=sys.stderr)


def _write(members: Sequence[_Member], base: Base, loading: Cost | None) -> None:
    """Append one line for each problem of each run that has no completions yet, and to each run its costs."""
    plan, count = members[0].plan, len(members)
    parts = [_part(member, base) for member in members]
    size = _batch_size(members, base, parts)
    detail(f"writing {count} runs at once: {size} problems at a time")
    problems = [{problem.id: problem for problem in member.plan.problems} for member in members]
    tokens = [[0, 0] for _ in members]
    lowered = note_smaller_batch([member.folder for member in members])
    with measured("generate") as meter, bar(f"writing {count} runs", time_left=False) as progress:
        number, whole_number = sum(len(one.done) for one in members), sum(len(one.prompts) for one in members)
        progress(number, whole_number, "")
        told, logits = WritingProgress(progress, whole_number, number), logits_function(plan)
        for place, prompt, completions in generate_together(
            base,
            parts,
            plan.run.sampling,
            batch=size,
            on_batch_reduced=lowered,
            process_logits=logits,
            on_step=told.stepped,
        ):
            member, number = members[place], number + 1
            append_record(member.plan, member.folder, problems[place][prompt.id], prompt, completions)
            tokens[place][0] += len(prompt.tokens)
            tokens[place][1] += sum(one.tokens for one in completions)
            told.written(number)
    _append_costs(members, tokens, loading, meter.cost)


def _part(member: _Member, base: Base) -> AdapterPrompts:
    plan = member.plan
    readers = readers_of(plan, plan.problems, base.chat)
    extractors = [readers[prompt.id] for prompt in member.prompts]
    return AdapterPrompts(member.adapter, member.prompts, plan.run.seed, extractors, member.done)


def _batch_size(members: Sequence[_Member], base: Base, parts: Sequence[AdapterPrompts]) -> int:
    """The batch size of an earlier attempt, so that the batches are the same; else the largest that fits.

    It is noted in each run, with the runs that are written at once.
    """
    begun = [member.folder for member in members if os.path.lexists(member.folder / BATCH)]
    if begun:
        size = facts.batch_facts(begun[0]).problems
    else:
        size = batch_size_together(base, parts, members[0].plan.run.sampling)
    together = [run_id(member.plan.run) for member in members]
    for member in members:
        if member.folder not in begun:
            files.write_sealed(member.folder / BATCH, {"problems": size, WHY_NOT_SLOTS: "", TOGETHER: together})
    return size


def _append_costs(
    members: Sequence[_Member], tokens: Sequence[Sequence[int]], loading: Cost | None, writing: Cost | None
) -> None:
    """To each run its share: of loading an equal one, of writing by the tokens that it wrote."""
    waiting = [number for number, member in enumerate(members) if len(member.done) < len(member.prompts)]
    total = sum(tokens[number][1] for number in waiting)
    for number in waiting:
        read, wrote = tokens[number]
        part = wrote / total if total else 1 / len(waiting)
        costs = members[number].folder / COSTS
        if loading is not None:
            files.append(costs, share(loading, len(waiting)))
        if writing is not None:
            files.append(costs, replace(portion(writing, part), tokens_in=read, tokens_out=wrote))
