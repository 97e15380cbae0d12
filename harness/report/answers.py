"""The four questions a reader of a board has, answered in sentences: what is best, is it real, its cost, how again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import ranking, runs
from harness.leaderboard import Board, about, energy, peak_bytes, seconds, tokens_per_request
from harness.records import Row
from harness.registry import Registry
from harness.statistics import Comparison, compare, holm
from harness.tables import cell, count

RIVALS = 5
"""Rows below the best that it is compared with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer; `code` is a command to copy."""

    question: str
    lines: tuple[str, ...]
    code: str = ""


def answers(board: Board, folders: Mapping[str, Path], registry: Registry) -> list[Answer]:
    """The answers for one board, as sorted by its ranks."""
    order = sorted((i for i, r in enumerate(board.ranks) if r is not None), key=lambda i: board.ranks[i] or 0)
    if not order:
        return [Answer("Which is best?", (f"No run could be scored by {board.ranked_by[1]}.",))]
    best = order[0]
    equal = [i for i in order[1:] if board.ranks[i] == board.ranks[best]]
    first = (
        f"{name(board, best)}: {board.ranked_by[1]} {cell(board.column(board.rows[best], board.ranked_by))} per cent."
    )
    others = "; ".join(name(board, i) for i in equal[:RIVALS]) + (" and more" if len(equal) > RIVALS else "")
    lines = (first, f"Not found to differ from it: {others}.") if equal else (first,)
    folder = folders.get(board.rows[best].run_id)
    return [
        Answer("Which is best on this task?", lines),
        Answer("Is the difference real?", tuple(_differences(board, order[: RIVALS + 1], folders, registry))),
        Answer("What does it cost?", (cost(board.rows[best]),)),
        *([Answer("How do I make it again?", (_versions(folder),), about(folder).command)] if folder else []),
    ]


def name(board: Board, i: int) -> str:
    """ "lora (r=16) on CodeLlama-7b-hf"."""
    return f"{board.labels[i]} on {board.rows[i].run.model.name}"


def _differences(board: Board, order: Sequence[int], folders: Mapping[str, Path], registry: Registry) -> list[str]:
    if len(order) < 2:
        return ["There is one run; a second one is needed to compare."]
    if not board.basis.startswith("paired"):
        return [f"Ranks come from {board.basis}, which sees fewer differences than a paired test."]
    found = _compared(board, order, folders, registry)
    adjusted = holm([1.0 if c.p is None else c.p for c in found])
    return [_words(board, i, c, p) for i, c, p in zip(order[1:], found, adjusted, strict=True)]


def _compared(board: Board, order: Sequence[int], folders: Mapping[str, Path], registry: Registry) -> list[Comparison]:
    metric = registry.metric(board.ranked_by[0]).plugin
    scores = [ranking.scores_of(runs.read_records(folders[board.rows[i].run_id]), metric.name) for i in order]
    return [compare(metric, scores[0], other, board.ranked_by[1], resamples=2_000) for other in scores[1:]]


def _words(board: Board, i: int, found: Comparison, p: float) -> str:
    if found.difference is None:
        return f"Against {name(board, i)}: not defined on the problems that both were scored on."
    interval = "" if found.low is None or found.high is None else f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    verdict = "real" if p < 0.05 else "not decided"
    needed = found.problems_needed if p >= 0.05 else None
    more = f"; about {needed:,} problems would decide it" if needed and needed > found.n else ""
    return (
        f"Against {name(board, i)}: {100 * found.difference:+.2f} points{interval}, p = {p:.3g} ({found.test}, "
        f"Holm-corrected): {verdict}{more}."
    )


def cost(row: Row) -> str:
    """What one row cost, in a sentence."""
    parts = [f"{count(row.trainable_parameters)} trainable parameters" if row.trainable_parameters else "nothing tuned"]
    if (tuning := seconds(row, "tune")) is not None:
        parts.append(f"{tuning:,.0f} s of tuning")
    if (peak := peak_bytes(row)) is not None:
        gpu = any(c.peak_gpu_bytes is not None for c in row.costs)
        parts.append(f"at most {peak / 1e9:.2f} GB of {'GPU memory' if gpu else 'memory (no GPU)'}")
    if (tokens := tokens_per_request(row)) is not None:
        parts.append(f"{tokens[0]:.0f} tokens read and {tokens[1]:.0f} written for one problem")
    if (joules := energy(row)) is not None:
        parts.append(f"{joules / 3600:.1f} Wh")
    return ", ".join(parts) + "."


def _versions(folder: Path) -> str:
    facts = about(folder)
    return f"Data: {facts.source}. With {', '.join(f'{library} {v}' for library, v in facts.versions.items())}."
