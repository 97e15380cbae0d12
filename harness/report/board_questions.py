"""The four questions a reader of a board has, answered in a line and in full: what is best, is it real, its cost, how
again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.display import escape
from harness.evaluation import runs
from harness.plugin_system.registry import Registry
from harness.ranking import ranking
from harness.ranking.boards import Board
from harness.ranking.costs import COSTS, peak_bytes, phase_seconds, tokens_per_request
from harness.ranking.rows import read_run_info, sort_key
from harness.ranking.tables import format_estimate, has_few_seeds_of_training
from harness.ranking.uncertainty import Uncertainty
from harness.records import Row, Score
from harness.stats.paired_comparison import PairedComparison, compare, format_problems_needed

MAX_RIVALS = 5
"""Rows below the best that it is compared with."""
SURE = 0.05
"""The corrected p-value below which a difference is called real."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer: `short` in one line, `lines` in full; `code` is a command to copy."""

    question: str
    short: str
    lines: tuple[str, ...]
    code: str = ""


def answer_questions(board: Board, folders: Mapping[str, Path], registry: Registry) -> list[Answer]:
    """The answers for one board, whatever it is sorted by."""
    ranked = [i for i, rank in enumerate(board.ranks) if rank is not None]
    order = sorted(ranked, key=lambda i: sort_key(board.rows[i], board.ranked_by))
    if not order:
        none = f"No run could be scored by {escape(board.ranked_by[1])}."
        return [Answer("Which is best?", none, ())]
    best = order[0]
    equal = [i for i in order[1:] if board.ranks[i] == 1]
    folder = folders.get(board.rows[best].run_id)
    real = _differences(board, order, folders, registry)
    found = [
        Answer("Which is best?", _best_in_short(board, best, equal), tuple(_best(board, best, equal))),
        Answer("Is the difference real?", _real_in_short(board, order, real), tuple(real)),
        Answer("What does it cost?", cost(board.rows[best]), tuple(_costs(board, best, equal)) if equal else ()),
    ]
    if folder:
        made = f"{_all_seeds(board.uncertainty[best])}{_versions(folder)}"
        found.append(Answer("How do I make it again?", made, (), escape(read_run_info(folder).command)))
    return found


def _best_in_short(board: Board, best: int, equal: Sequence[int]) -> str:
    score = f"{escape(board.ranked_by[1])} {format_estimate(board.column(board.rows[best], board.ranked_by))} per cent"
    more = f"; {len(equal)} more may be as good" if equal else ""
    return f"{name(board, best)}: {score}{more}."


def _real_in_short(board: Board, order: Sequence[int], lines: Sequence[str]) -> str:
    """From how many of the others the best is told, by the tests of all pairs; else by intervals, which is said."""
    if len(order) < 2:
        return lines[0]
    if board.row_tests is None:
        told = sum(board.ranks[i] != 1 for i in order[1:])
        return f"{_told_in_short(told, len(order) - 1)} {lines[0]}"
    ordering, places = board.row_tests.tests, {i: at for at, i in enumerate(board.row_tests.rows)}
    tested = [i for i in order[1:] if i in places]
    told = sum(float(ordering.p[places[order[0]], places[i]]) < SURE for i in tested)
    if told == len(tested):
        others = f"each of the other {told:,} rows" if told > 1 else "the other row"
        few = "; what another seed of training changes is not in it" if has_few_seeds_of_training(board) else ""
        return f"Yes, against {others} (paired tests, corrected for all pairs){few}."
    found = _told_in_short(told, len(tested))
    verdict = "not decided" if "not decided" in lines[0] else "real"
    nearest = f"{lines[0].partition(', p = ')[0]}: {verdict}." if ", p = " in lines[0] else lines[0]
    return f"{found} {nearest if told else nearest.removesuffix(': not decided.') + '.'}"


def _told_in_short(told: int, others: int) -> str:
    rows = "the other" if others == 1 else "any other"
    return f"Only against {told:,} of the other {others:,} rows." if told else f"Not decided against {rows} row."


def _best(board: Board, best: int, equal: Sequence[int]) -> Iterator[str]:
    measure, score = escape(board.ranked_by[1]), format_estimate(board.column(board.rows[best], board.ranked_by))
    if not equal:
        yield f"{name(board, best)}: {measure} {score} per cent."
        return
    names = "; ".join(name(board, i) for i in equal[:MAX_RIVALS])
    names += f" and {len(equal) - MAX_RIVALS} more" if len(equal) > MAX_RIVALS else ""
    scores = {sort_key(board.rows[i], board.ranked_by)[0] for i in (best, *equal)}
    if len(scores) == 1:
        yield f"None is ahead: {measure} {score} per cent for {name(board, best)}; {names}."
        return
    yield f"Highest is {name(board, best)}: {measure} {score} per cent."
    yield f"Not found to differ from it: {names}."


def _costs(board: Board, best: int, equal: Sequence[int]) -> Iterator[str]:
    """Of the best, and of those that may be as good: they may be cheaper."""
    for i in (best, *equal[:MAX_RIVALS]):
        yield f"{name(board, i)}: {cost(board.rows[i])}"


def name(board: Board, i: int) -> str:
    """ "lora (r=16) on CodeLlama-7b-hf"."""
    return f"{board.labels[i]} on {board.models[i]}"


def _differences(board: Board, order: Sequence[int], folders: Mapping[str, Path], registry: Registry) -> list[str]:
    if len(order) < 2:
        return ["There is one run; a second one is needed to compare."]
    if board.row_tests is None:
        return [f"Ranks come from {board.basis}, which sees fewer differences than a paired test."]
    metric, measure = registry.metric(board.ranked_by[0]).plugin, board.ranked_by[1]
    ordering, places = board.row_tests.tests, {i: at for at, i in enumerate(board.row_tests.rows)}
    best, *rivals = (_scored(board, i, folders, metric.name) for i in order[: MAX_RIVALS + 1])
    lines = []
    for i, other in zip(order[1:], rivals, strict=False):
        comparison = compare(metric, best, other, measure, resamples=ranking.RESAMPLES, critical=ordering.critical)
        lines.append(_describe_comparison(board, i, comparison, float(ordering.p[places[order[0]], places[i]])))
    more = len(order) - 1 - len(lines)
    return lines + ([f"{more} more below: see the ranks."] if more else [])


def _scored(board: Board, i: int, folders: Mapping[str, Path], metric: str) -> list[tuple[str, Score]]:
    """The scores of a row, all its seeds one after the other."""
    reads = [runs.read_scores(folders[name]) for name in board.uncertainty[i].runs]
    return [(problem, s) for read in reads for problem, _, scores in read for s in scores if s.metric == metric]


def _describe_comparison(board: Board, i: int, found: PairedComparison, p: float) -> str:
    if found.difference is None:
        return f"Against {name(board, i)}: not defined on the problems that both were scored on."
    if not found.difference and not found.wins and not found.losses:
        return f"Against {name(board, i)}: the same on each of {found.n} problems."
    interval = "" if found.low is None or found.high is None else f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    verdict = "real" if p < SURE else "not decided"
    if interval and p >= SURE and (found.low or 0.0) * (found.high or 0.0) > 0:
        interval += " for this pair alone"  # without which it would seem to decide what the corrected test does not
    more = (
        f"; about {format_problems_needed(found)} problems would decide it"
        if p >= SURE and found.problems_needed
        else ""
    )
    return (
        f"Against {name(board, i)}: {100 * found.difference:+.2f} points{interval}, p = {p:.3g} ({found.test}, "
        f"corrected for all pairs): {verdict}{more}."
    )


def cost(row: Row) -> str:
    """What one row cost, in a sentence."""
    trainable, memory, watt_hours = (COSTS[key].shown(row) for key in ("trainable", "memory", "energy"))
    parts = [f"{trainable} trainable parameters" if row.trainable_parameters else "nothing tuned"]
    if (tuning := phase_seconds(row, "tune")) is not None:
        parts.append(f"{tuning:,.0f} s of tuning")
    if (writing := phase_seconds(row, "generate")) is not None:
        parts.append(f"{writing:,.0f} s of writing")
    if peak_bytes(row) is not None:
        gpu = any(c.peak_gpu_bytes is not None for c in row.costs)
        parts.append(f"{memory} GB of {'GPU memory' if gpu else 'memory (no GPU)'}")
    if (tokens := tokens_per_request(row)) is not None:
        parts.append(f"{tokens[0]:.0f} tokens in + {tokens[1]:.0f} out a problem")
    if COSTS["energy"].value(row) is not None:
        parts.append(f"{watt_hours} Wh")
    return ", ".join(parts) + "."


def _all_seeds(sure: Uncertainty) -> str:
    """What makes all of a row that holds several seeds: its command is that of the first."""
    if len(sure.seeds) < 2:
        return ""
    return f"That is one of {len(sure.seeds)} seeds; all: --seed {','.join(map(str, sure.seeds))}. "


def _versions(folder: Path) -> str:
    facts = read_run_info(folder)
    versions = ", ".join(f"{library} {version}" for library, version in facts.versions.items())
    return escape(f"Data: {facts.source}. With {versions}.")
