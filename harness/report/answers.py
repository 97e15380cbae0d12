"""The four questions a reader of a board has, answered in sentences: what is best, is it real, its cost, how again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import ranking, runs
from harness.leaderboard import Board, about, energy, peak_bytes, seconds, sort_key, tokens_per_request
from harness.records import Row
from harness.registry import Registry
from harness.statistics import Comparison, compare, holm, p_value
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
    """The answers for one board, whatever it is sorted by."""
    ranked = [i for i, rank in enumerate(board.ranks) if rank is not None]
    order = sorted(ranked, key=lambda i: (board.ranks[i] or 0, sort_key(board.rows[i], board.ranked_by)))
    if not order:
        return [Answer("Which is best?", (f"No run could be scored by {board.ranked_by[1]}.",))]
    best = order[0]
    equal = [i for i in order[1:] if board.ranks[i] == board.ranks[best]]
    folder = folders.get(board.rows[best].run_id)
    return [
        Answer("Which is best on this task?", tuple(_best(board, best, equal))),
        Answer("Is the difference real?", tuple(_differences(board, order, folders, registry))),
        Answer("What does it cost?", tuple(_costs(board, best, equal))),
        *([Answer("How do I make it again?", (_versions(folder),), about(folder).command)] if folder else []),
    ]


def _best(board: Board, best: int, equal: Sequence[int]) -> Iterator[str]:
    measure, score = board.ranked_by[1], cell(board.column(board.rows[best], board.ranked_by))
    if not equal:
        yield f"{name(board, best)}: {measure} {score} per cent."
        return
    others = "; ".join(name(board, i) for i in equal[:RIVALS])
    others += f" and {len(equal) - RIVALS} more" if len(equal) > RIVALS else ""
    scores = {sort_key(board.rows[i], board.ranked_by)[0] for i in (best, *equal)}
    if len(scores) == 1:
        yield f"None is ahead: {measure} {score} per cent for {name(board, best)}; {others}."
        return
    yield f"Highest is {name(board, best)}: {measure} {score} per cent."
    yield f"Not found to differ from it: {others}."


def _costs(board: Board, best: int, equal: Sequence[int]) -> Iterator[str]:
    """Of the best, and of those that may be as good: they may be cheaper."""
    for i in (best, *equal[:RIVALS]):
        yield f"{name(board, i)}: {cost(board.rows[i])}" if equal else cost(board.rows[i])


def name(board: Board, i: int) -> str:
    """ "lora (r=16) on CodeLlama-7b-hf"."""
    return f"{board.labels[i]} on {board.rows[i].run.model.name}"


def _differences(board: Board, order: Sequence[int], folders: Mapping[str, Path], registry: Registry) -> list[str]:
    if len(order) < 2:
        return ["There is one run; a second one is needed to compare."]
    if not board.basis.startswith("paired"):
        return [f"Ranks come from {board.basis}, which sees fewer differences than a paired test."]
    metric, measure = registry.metric(board.ranked_by[0]).plugin, board.ranked_by[1]
    best, *others = (ranking.scores_of(runs.read_records(folders[board.rows[i].run_id]), metric.name) for i in order)
    found = [compare(metric, best, other, measure, resamples=ranking.RESAMPLES) for other in others[:RIVALS]]
    # The family is all rows below the best, as it is for the ranks, so that the two never disagree.
    rest = [p_value(metric, best, other, measure, resamples=ranking.RESAMPLES) for other in others[RIVALS:]]
    adjusted = holm([1.0 if p is None else p for p in (*(c.p for c in found), *rest)])
    lines = [_words(board, i, c, p) for i, c, p in zip(order[1:], found, adjusted, strict=False)]
    return lines + ([f"{len(rest)} more below: see the ranks."] if rest else [])


def _words(board: Board, i: int, found: Comparison, p: float) -> str:
    if found.difference is None:
        return f"Against {name(board, i)}: not defined on the problems that both were scored on."
    if not found.difference and not found.wins and not found.losses:
        return f"Against {name(board, i)}: the same on each of {found.n} problems."
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
