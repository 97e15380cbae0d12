"""How many small faults the tests notice.

python -m benchmarks.mutation harness.stats.pairs …        from the repository's root, a table and what survived
python -m benchmarks.mutation --each 60 --jobs 2           a sample of each module that decides numbers
python -m benchmarks.mutation --by-hand                    the faults of by_hand.toml: words, settings, templates

A mutant is killed when a test fails, or does not end, in a file of the mirroring folder that names the module. Those
that change nothing that anyone could observe are in equivalent.toml, each with its reason, and are not counted.

mutmut and cosmic-ray were looked at. mutmut names a function by the path of its file, and `harness.plugins` lies in
plugins/, so that no mutant of it or of the sandbox would ever be switched on. cosmic-ray starts pytest, and with it
torch, anew for each mutant, and changes files of the checkout in place. This driver imports the libraries once and
forks, in a copy.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutation.mutants import mutants, sample
from benchmarks.mutation.places import ROOT, source_of, tests_of
from benchmarks.mutation.running import Bench, Broken, bench, preload

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Trial:
    """One changed file and the tests that should notice; `module` is what the table counts it under."""

    module: str
    source: str
    kind: str
    line: int
    was: str
    now: str
    changed: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a trial."""

    module: str
    source: str
    kind: str
    line: int
    was: str
    now: str
    noticed: str
    """How: "failed", "endless", or "" where it survived."""
    seconds: float


def equivalents() -> dict[tuple[str, str, str], str]:
    """The reasons of the mutants that nothing can notice, by module, line as it was and line as it is."""
    listed = tomllib.loads((HERE / "equivalent.toml").read_text("utf-8"))["mutant"]
    return {(one["module"], one["was"], one["now"]): one["reason"] for one in listed}


def decisive() -> list[str]:
    """The modules that decide numbers, one a line in modules.txt."""
    lines = (HERE / "modules.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def by_module(modules: Sequence[str], each: int | None, seed: int) -> tuple[list[Trial], dict[str, int]]:
    """The trials of modules, and how many equivalent mutants were left out of each."""
    known, trials, left = equivalents(), [], {}
    for module in modules:
        source = source_of(module)
        text = (ROOT / source).read_text("utf-8")
        tests = tests_of(module, source)
        if not tests:
            raise SystemExit(f"{module}: no test of the folder that mirrors {source} names it")
        left[module] = 0
        for one in sample(mutants(text), each, seed, module):
            was, now = one.lines(text)
            if (module, was, now) in known:
                left[module] += 1
            else:
                trials.append(Trial(module, source, one.kind, one.line, was, now, one.apply(text), tests))
    return trials, left


def by_hand() -> list[Trial]:
    """The trials of by_hand.toml."""
    trials = []
    for one in tomllib.loads((HERE / "by_hand.toml").read_text("utf-8"))["mutant"]:
        text = (ROOT / one["file"]).read_text("utf-8")
        if text.count(one["old"]) != 1:
            raise SystemExit(f"{one['file']}: {one['old']!r} is there {text.count(one['old'])} times instead of once")
        line = text[: text.index(one["old"])].count("\n") + 1
        changed = text.replace(one["old"], one["new"])
        known = (one["file"], one["file"], "by hand", line, one["old"], one["new"], changed, tuple(one["tests"]))
        trials.append(Trial(*known))
    return trials


_bench: list[Bench] = []
_open = ExitStack()


def _start() -> None:
    _bench.append(_open.enter_context(bench()))


def _try(trial: Trial) -> Outcome:
    before = time.monotonic()
    noticed = _bench[0].noticed(trial.source, trial.changed, trial.tests)
    known = (trial.module, trial.source, trial.kind, trial.line, trial.was, trial.now)
    return Outcome(*known, noticed, round(time.monotonic() - before, 2))


def tried(trials: Sequence[Trial], jobs: int) -> Iterator[Outcome]:
    """The outcomes in the order of the trials."""
    preload()
    if jobs == 1:
        with bench() as one:
            _bench[:] = [one]
            yield from map(_try, trials)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _start) as pool:
        yield from pool.map(_try, trials)


def table(outcomes: Sequence[Outcome], left: dict[str, int]) -> str:
    """Module by module: how many mutants, how many killed, and how many are equivalent."""
    modules = dict.fromkeys((*left, *(one.module for one in outcomes)))
    lines = ["| module | mutants | killed | % | equivalent |", "| --- | --- | --- | --- | --- |"]
    parts = {module: [one for one in outcomes if one.module == module] for module in modules}
    lines += [_row(module, part, left.get(module, 0)) for module, part in parts.items()]
    return "\n".join([*lines, _row("all", outcomes, sum(left.values()))])


def _row(name: str, outcomes: Sequence[Outcome], left: int) -> str:
    killed = sum(bool(one.noticed) for one in outcomes)
    share = f"{100 * killed / len(outcomes):.0f}" if outcomes else "–"
    return f"| {name} | {len(outcomes)} | {killed} | {share} | {left} |"


def main() -> int:
    """The command; 1 where a mutant survived that is on no list."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as imported; all of modules.txt by default")
    parser.add_argument("--by-hand", action="store_true", help="the mutants of by_hand.toml instead")
    parser.add_argument("--each", type=int, metavar="N", help="a sample of at most N mutants of a module")
    parser.add_argument("--seed", type=int, default=0, help="the sample's seed")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many run side by side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every outcome, as JSON")
    given = parser.parse_args()
    left: dict[str, int] = {}
    if given.by_hand:
        trials = by_hand()
    else:
        trials, left = by_module(given.modules or decisive(), given.each, given.seed)
    outcomes = []
    try:
        for one in tried(trials, given.jobs):
            outcomes.append(one)
            if not one.noticed:
                print(f"survived {one.source}:{one.line} ({one.kind})\n  - {one.was}\n  + {one.now}", flush=True)
    except Broken as error:
        raise SystemExit(str(error)) from None
    print(table(outcomes, left))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1, ensure_ascii=False), "utf-8")
    return int(any(not one.noticed for one in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
