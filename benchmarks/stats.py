"""Do intervals and ranks keep what they promise? Simulations with the product's own functions, from fixed seeds.

python benchmarks/stats.py [splits | range | bootstrap | coverage | corpus | difference | power]... [--boards N]

`splits`: how often a board of equal rows tells any two apart (at most 5 %). `range`: how often the true best has rank 1
in its range (at least 95 %). `bootstrap`: the false splits of the studentised bootstrap, which is not what we use.
`coverage`: how often an interval holds the truth (93 to 97 %). `corpus`: the same of CodeBLEU, which is computed from
sums over the problems, with answers of the built-in sample that are right, halved, swapped or empty. `difference`: the
same for `harness compare`, and how often it decides where there is no difference. `power`: how often a difference of as
many points as `detectable` says is found (80 %). "fixed" resamples problems with the seeds as they are, as was done
before.

(Not named statistics.py: that would hide Python's own module from every benchmark of this folder.)
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.data.sources import open_builtin
from harness.plugin import Metric
from harness.plugins.metrics.codebleu import CodeBLEU, measures
from harness.plugins.metrics.codebleu import Config as Options
from harness.plugins.tasks.codealpacapy import CodeAlpacaPy
from harness.records import Completion, Score
from harness.stats.estimates import estimate
from harness.stats.paired_comparison import compare
from harness.stats.pairwise_tests import PairwiseTests, compare_all_pairs
from harness.stats.resampling import ScoreTable

Array = NDArray[np.float64]
PROBLEMS = (60, 543, 750)
SIZES = (2, 3, 5, 10, 20)
SEED_EFFECT = 0.02
"""The spread of a method's mean from seed to seed: 2 points, within the 1.5 to 3.3 of real tunings."""


class Mean(Metric):
    """The mean of a value."""

    name = "mean"


def rows(
    rng: np.random.Generator, kind: str, k: int, n: int, seeds: int = 1, effect: float = 0.0, ahead: float = 0.0
) -> Array:
    """(rows, seeds, problems): problems are harder or easier for all rows, and for each row a little on its own.

    The first row is `ahead` of the others. Yes/no answers are right with a chance of 12 %, as EM@10 on CoNaLa is.
    """
    shared, own = rng.normal(0, 1, (1, 1, n)), rng.normal(0, 1, (k, 1, n))
    lead = np.zeros((k, 1, 1))
    lead[0] = ahead
    shift = rng.normal(0, effect, (k, seeds, 1)) if effect else np.zeros((k, seeds, 1))
    if kind == "continuous":
        return 0.4 + lead + shift + 0.12 * shared + 0.05 * own + 0.08 * rng.normal(size=(k, seeds, n))
    chance = 1 / (1 + np.exp(2.95 - 1.6 * shared - 0.5 * own))
    chance = np.clip(chance * (1 + shift / level(kind)) + lead, 0, 1)
    return (rng.random((k, seeds, n)) < chance).astype(np.float64)


@functools.cache
def level(kind: str) -> float:
    """The mean over all problems that there could be."""
    if kind == "continuous":
        return 0.4
    rng = np.random.default_rng(0)
    return float(np.mean(1 / (1 + np.exp(2.95 - rng.normal(0, (1.6**2 + 0.5**2) ** 0.5, 4_000_000)))))


def table(values: Array) -> ScoreTable:
    """One row's (seeds, problems) as the statistics of the product."""
    seeds, n = values.shape
    ids = tuple(map(str, range(n)))
    return ScoreTable(ids, ("m",), values.sum(0)[:, None], np.full(n, float(seeds)), values[:, :, None])


def scored(values: Array) -> list[tuple[str, Score]]:
    """One row's (seeds, problems) as scores."""
    return [(str(i), Score("mean", {"m": float(v)})) for one in values for i, v in enumerate(one)]


DRAWS = itertools.count()


def tested(board: list[ScoreTable]) -> PairwiseTests:
    """The tests of a board, by fewer draws than the product makes, and each time others: their error averages out."""
    return compare_all_pairs(Mean(), board, "m", resamples=500, seed=next(DRAWS))


def share(boards: int, one: Callable[[np.random.Generator], bool], seed: int) -> str:
    """How often `one` happens, in per cent, with its standard error."""
    rng = np.random.default_rng(seed)
    hits = sum(one(rng) for _ in range(boards))
    at = hits / boards
    return f"{100 * at:5.1f} ± {100 * (max(at * (1 - at), 1 / boards) / boards) ** 0.5:.1f}"


def settings() -> list[tuple[str, int, int, float]]:
    """(kind, problems, seeds, seed effect): every size with one seed, and seeds with and without an effect."""
    found = [(kind, n, 1, 0.0) for kind in ("yes/no", "continuous") for n in PROBLEMS]
    more = itertools.product(("yes/no", "continuous"), PROBLEMS, (3, 5), (0.0, SEED_EFFECT))
    return found + list(more)


def splits(boards: int) -> None:
    """False splits of boards of equal rows."""
    print("\nfalse splits (per cent of boards of equal rows; promised: at most 5)")
    _by_size(boards, lambda board: bool((tested(board).p < 0.05).any()), 0.0)


def in_range(boards: int) -> None:
    """The true best in the top range."""
    print("\nthe true best (2 points ahead) has rank 1 in its range (per cent; promised: at least 95)")

    def first(board: list[ScoreTable]) -> bool:
        found = tested(board).ranks(higher_is_better=True)[0]
        return found is not None and found[0] == 1

    _by_size(boards, first, 0.02)


def _by_size(boards: int, holds: Callable[[list[ScoreTable]], bool], ahead: float) -> None:
    print(f"{'kind':11} {'n':>4} {'seeds':>5} {'effect':>6}  " + "  ".join(f"{k:>4} rows " for k in SIZES))
    for kind, n, seeds, effect in settings():
        cells = [
            share(
                boards,
                lambda rng, k=k, case=(kind, n, seeds, effect): holds([table(v) for v in drawn(rng, k, case, ahead)]),
                k,
            )
            for k in SIZES
        ]
        print(f"{kind:11} {n:4} {seeds:5} {effect:6.2f}  " + "  ".join(cells), flush=True)


def drawn(rng: np.random.Generator, k: int, case: tuple[str, int, int, float], ahead: float) -> Array:
    """One board of a setting."""
    kind, n, seeds, effect = case
    return rows(rng, kind, k, n, seeds, effect, ahead)


def studentised(board: Array, rng: np.random.Generator, resamples: int = 500) -> bool:
    """Whether the bootstrap max-T, each resample with its own standard errors, tells any two of (rows, n) apart."""
    k, n = board.shape
    first, second = np.triu_indices(k, 1)
    gaps = board[first] - board[second]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    mean, square = gaps.mean(1), (gaps**2).mean(1)
    drawn, squares = weights @ gaps.T / n, weights @ (gaps**2).T / n
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.nan_to_num(np.abs(mean) / np.sqrt(square - mean**2), posinf=np.inf)
        each = np.nan_to_num(np.abs(drawn - mean) / np.sqrt(np.maximum(squares - drawn**2, 0)), posinf=np.inf)
    return bool(np.mean(each.max(1) >= observed.max()) < 0.05)


def bootstrap(boards: int) -> None:
    """Both corrections side by side where few problems differ."""
    print("\nfalse splits at n = 60, yes/no, rows that are right on 4 % (per cent)")
    for k in SIZES:

        def rare(rng: np.random.Generator, k: int = k) -> Array:
            chance = np.clip(0.04 * np.exp(rng.normal(0, 0.5, (1, 60))), 0, 1)
            return (rng.random((k, 60)) < chance).astype(np.float64)

        ours = share(
            boards,
            lambda rng: bool((tested([table(one[None]) for one in rare(rng)]).p < 0.05).any()),
            k,
        )
        other = share(boards, lambda rng: studentised(rare(rng), rng), k)
        print(f"{k:3} rows: swaps {ours}, studentised bootstrap {other}", flush=True)


def coverage(boards: int) -> None:
    """Intervals of one row."""
    print("\ncoverage of a row's interval (per cent; promised: 93 to 97)")
    for kind, n, seeds, effect in settings():
        held = {"interval": 0, "fixed": 0}
        rng = np.random.default_rng(n)
        for _ in range(boards):
            values = rows(rng, kind, 1, n, seeds, effect)[0]
            found = _ends(values)
            before = _ends(values.mean(0, keepdims=True)) if seeds > 1 else found
            held["interval"] += found[0] <= level(kind) <= found[1]
            held["fixed"] += before[0] <= level(kind) <= before[1]
        shares = ", ".join(f"{name} {100 * hits / boards:5.1f}" for name, hits in held.items())
        print(f"{kind:11} {n:4} problems {seeds} seeds, effect {effect:.2f}: {shares}", flush=True)


def _ends(values: Array) -> tuple[float, float]:
    pairs = scored(values)
    [found] = estimate(Mean(), [s for _, s in pairs], problems=[p for p, _ in pairs], resamples=500)
    assert found.low is not None and found.high is not None
    return found.low, found.high


RIGHT = 0.3
"""The chance of a right answer in `corpus`; the other kinds share the rest."""


@functools.cache
def population() -> tuple[tuple[str, ...], Array]:
    """The names of CodeBLEU's sums, and the sums of every problem of a sample under each kind of answer.

    Their shape is (problems, kinds, sums).
    """
    problems = [one for part in CodeAlpacaPy().load(open_builtin("codealpacapy"), None).values() for one in part]
    found = []
    for problem, other in zip(problems, [*problems[1:], problems[0]], strict=True):
        answer = problem.reference
        texts = (answer, answer[: len(answer) // 2], other.reference, "")
        scores = [CodeBLEU().score(problem, [Completion(text, 1)], (), (1,), Options()) for text in texts]
        found.append([list(score.sums.values()) for score in scores])
    return tuple(scores[0].sums), np.array(found)


def answered(rng: np.random.Generator, n: int, seeds: int, effect: float) -> tuple[list[str], list[Score]]:
    """Problems of the population and their scores in each seed."""
    names, sums = population()
    chosen = rng.integers(0, len(sums), n)
    ids, scores = [], []
    for _ in range(seeds):
        right = np.clip(RIGHT + rng.normal(0, effect), 0, 1) if effect else RIGHT
        kinds = np.where(rng.random(n) < right, 0, rng.integers(1, sums.shape[1], n))
        scores += [Score("codebleu", {}, dict(zip(names, row, strict=True))) for row in sums[chosen, kinds].tolist()]
        ids += list(map(str, range(n)))
    return ids, scores


def corpus(boards: int) -> None:
    """Intervals of a corpus measure."""
    names, sums = population()
    weights = np.array([RIGHT, *[(1 - RIGHT) / (sums.shape[1] - 1)] * (sums.shape[1] - 1)])
    expected = dict(zip(names, np.tensordot(sums.mean(0), weights, (0, 0)), strict=True))
    truth = float(measures(expected, 1)["codebleu"])
    print(f"\ncoverage of CodeBLEU's interval (per cent; promised: 93 to 97); CodeBLEU is {100 * truth:.1f}")
    for n, (seeds, effect) in itertools.product(PROBLEMS, [(1, 0.0), *itertools.product((3, 5), (0.0, 0.05))]):
        rng, held = np.random.default_rng(n), 0
        for _ in range(boards):
            ids, scores = answered(rng, n, seeds, effect)
            found = estimate(CodeBLEU(), scores, problems=ids, resamples=500)
            one = next(e for e in found if e.measure == "codebleu")
            held += one.low is not None and one.high is not None and one.low <= truth <= one.high
        print(f"{n:4} problems {seeds} seeds, effect {effect:.2f}: {100 * held / boards:5.1f}", flush=True)


def difference(boards: int) -> None:
    """Intervals of differences: of 0, with few unlike answers and many."""
    print("\ncoverage of a difference's interval (per cent), and how often p < 5 % where there is none")
    for kind, n, seeds, effect in [("yes/no", 24, 1, 0.0), *settings()]:
        rng = np.random.default_rng(n)
        held = found = 0
        for _ in range(boards):
            a, b = rows(rng, kind, 2, n, seeds, effect)
            one = compare(Mean(), scored(a), scored(b), "m", resamples=500)
            held += one.low is not None and one.high is not None and one.low <= 0 <= one.high
            found += one.decided
        print(
            f"{kind:11} {n:4} problems {seeds} seeds, effect {effect:.2f}: holds {100 * held / boards:5.1f}, "
            f"p < 5 % {100 * found / boards:4.1f}",
            flush=True,
        )


def power(boards: int) -> None:
    """The smallest difference that can be found is found about as often as is said."""
    print("\na first row ahead by what a board of equal rows calls detectable is found (per cent; said: 80)")
    for kind, n, k in itertools.product(("yes/no", "continuous"), PROBLEMS, (2, 5, 20)):
        rng = np.random.default_rng(0)
        equal = [tested([table(v) for v in rows(rng, kind, k, n)]) for _ in range(10)]
        ahead = float(np.median([one.detectable(0, 1) for one in equal]))

        def hit(rng: np.random.Generator, kind: str = kind, n: int = n, k: int = k, ahead: float = ahead) -> bool:
            board = [table(one) for one in rows(rng, kind, k, n, ahead=ahead)]
            return bool(tested(board).p[0, 1] < 0.05)

        print(f"{kind:11} {n:4} problems {k:2} rows: {100 * ahead:.1f} points, {share(boards, hit, k)}", flush=True)


SECTIONS = {
    "splits": splits,
    "range": in_range,
    "bootstrap": bootstrap,
    "coverage": coverage,
    "corpus": corpus,
    "difference": difference,
    "power": power,
}


def main() -> None:
    """Print the chosen tables, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], metavar="SECTION")
    parser.add_argument("--boards", type=int, default=400, help="simulated boards for each cell")
    chosen = parser.parse_args()
    for name in chosen.sections or SECTIONS:
        SECTIONS[name](chosen.boards)


if __name__ == "__main__":
    main()
