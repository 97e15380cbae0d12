"""Deal the members of the families into the three splits, so that nothing is shared."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from recipe.sample.families import Family, Variant, unfold

SPLITS = ("train", "validation", "test")
# Members looked at for one pick: enough for variety, few enough for a build of seconds.
TRIES = 120


class Dealer:
    """Picks members for one task; remembers what was taken, so that no two picks are alike.

    A member is refused if its masked instruction (names blanked) or its answer was taken before:
    test problems are new combinations, never renamed training problems.
    """

    def __init__(self, task: str, seed: int) -> None:
        self._task = task
        self._seed = seed
        self._asked: set[str] = set()
        self._answers: set[str] = set()
        self._pools: dict[str, list[Variant]] = {}

    def _pool(self, family: Family) -> list[Variant]:
        if family.name not in self._pools:
            pool = list(unfold(family))
            random.Random(f"{self._seed} {self._task} {family.name}").shuffle(pool)
            self._pools[family.name] = pool
        return self._pools[family.name]

    def pick(self, family: Family, covered: set[str], *, novel: bool) -> Variant | None:
        """The next member of `family`, None if all were taken: with `novel` the one with most marks not yet `covered`,
        else the one with fewest, a new combination of what was covered. Marks it as taken."""
        pool = self._pool(family)
        free = [v for v in pool if not self._taken(v)][:TRIES]
        if not free:
            return None
        sign = -1 if novel else 1
        best = min(free, key=lambda v: sign * len(v.choices - covered))
        covered |= best.choices
        self._asked.add(best.plain)
        self._answers.add(best.answer)
        pool.remove(best)
        return best

    def _taken(self, variant: Variant) -> bool:
        return variant.plain in self._asked or variant.answer in self._answers


def deal(task: str, families: Sequence[Family], sizes: dict[str, int], seed: int) -> dict[str, list[Variant]]:
    """`sizes[split]` members for every split, spread evenly over the families."""
    dealer = Dealer(task, seed)
    covered: dict[str, set[str]] = {family.name: set() for family in families}
    dealt: dict[str, list[Variant]] = {}
    for split in SPLITS:
        rng = random.Random(f"{seed} {task} {split}")
        picks: list[Variant] = []
        while len(picks) < sizes[split]:
            found = [
                dealer.pick(family, covered[family.name], novel=split == "train")
                for family in _turns(families, sizes[split] - len(picks), rng)
            ]
            if not any(found):
                raise ValueError(f"{task}: too few different members for {split}; widen the families")
            picks += [variant for variant in found if variant is not None]
        rng.shuffle(picks)
        dealt[split] = picks
    return dealt


def _turns(families: Sequence[Family], size: int, rng: random.Random) -> Iterable[Family]:
    """`size` families, each as often as any other give or take one, which ones drawn by chance."""
    rounds, rest = divmod(size, len(families))
    extra = set(rng.sample(range(len(families)), rest))
    for at, family in enumerate(families):
        yield from [family] * (rounds + (at in extra))
