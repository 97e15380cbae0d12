"""Which of a problem's candidates count: a decoder may select some before they are scored."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import PluginError
from harness.evaluation.plan import RunPlan
from harness.plugin import Decoder
from harness.records import Completion, Execution, Problem, Record


def select_candidates(plan: RunPlan, problem: Problem, completions: Sequence[Completion]) -> tuple[int, ...]:
    """The numbers of the completions that count, best first; empty for all, in their order.

    The decoder is told the instruction and nothing that gives the answer away.

    Raises:
        PluginError: the decoder returns something else than as many different numbers as it said.
    """
    entry = plan.decoder
    if entry is None or type(entry.plugin).select is Decoder.select:
        return ()
    config = plan.config(entry)
    chosen = tuple(entry.plugin.select(problem.instruction, completions, config))
    kept = entry.plugin.kept(len(completions), config)
    if len(chosen) != kept or len(set(chosen)) != kept or not set(chosen) <= set(range(len(completions))):
        wanted = f"{kept} different numbers below {len(completions)}"
        raise PluginError(f"decoder {entry.name}: select returned {chosen} for {problem.id}; {wanted} are needed")
    return chosen


def scored_candidates(record: Record) -> tuple[Sequence[Completion], Sequence[Execution]]:
    """The completions and executions of a record that metrics see."""
    if not record.selected:
        return record.completions, record.executions
    executions = [record.executions[number] for number in record.selected] if record.executions else ()
    return [record.completions[number] for number in record.selected], executions
