"""Faults on purpose, with a seed.

python -m benchmarks.faults --mutations --each 3 --seed 1      every file of a run altered, every command tried
python -m benchmarks.faults --kills --each 100                 SIGKILL at operations and moments of all phases, of a
                                                               run and of a study in turn
python -m benchmarks.faults --stops --each 30                  STOP and CONT, of the command, its group, all below it
python -m benchmarks.faults --eio --each 100                   a file that cannot be read or written (EIO), likewise
python -m benchmarks.faults --enospc --each 40                 a disk of that many sizes, full in all phases
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults import altered, bench, failing, kills, space, stops
from benchmarks.faults.mutations import Mutation, mutations, without_seals

PEAK = 1.7
"""About how many times the room of a finished run it needs on the way, with its checkpoints."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", action="store_true", help="altered files of finished and unfinished runs")
    parser.add_argument("--kills", action="store_true", help="a run killed and continued")
    parser.add_argument("--stops", action="store_true", help="a run stopped for a while, with its jails and without")
    parser.add_argument("--eio", action="store_true", help="a run on a disk that fails, and again on a good one")
    parser.add_argument("--enospc", action="store_true", help="a run on a disk that is full, and again with room")
    parser.add_argument("--earlier", action="store_true", help="runs of a version that wrote no digests")
    parser.add_argument("--each", type=int, default=1, help="how often each random fault is tried")
    parser.add_argument("--most", type=int, help="at most so many faults")
    parser.add_argument("--commands", default=",".join((*altered.READERS, *altered.EXPORTS, *altered.WRITERS)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--below", type=Path, help="where the ground is made and kept  [default: a temporary folder]")
    given = parser.parse_args()
    bench.warm_up()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.below or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        ground = bench.Ground(folder) if (folder / "both.toml").is_file() else bench.prepare(folder)
        if given.mutations:
            _mutations(given, ground)
        if given.kills:
            _killed(given, ground)
        if given.stops:
            _stopped(given, ground)
        if given.eio:
            _failing_disks(given, ground)
        if given.enospc:
            _full_disks(given, ground)


def _mutations(given: argparse.Namespace, ground: bench.Ground) -> None:
    start = time.monotonic()
    base = altered.make_base(ground, Path(tempfile.mkdtemp(dir=ground.folder, prefix="base-")))
    if given.earlier:
        without_seals(base.finished)
        without_seals(base.unfinished)
    print(f"base runs: {time.monotonic() - start:.0f} s", flush=True)
    for finished in (True, False):
        root = base.finished if finished else base.unfinished
        files = [str(path.relative_to(root)) for path in sorted((root / base.run).rglob("*")) if path.is_file()]
        files += [str(path.relative_to(root)) for path in sorted((root / "tunings").rglob("*")) if path.is_file()]
        files = [name for name in files if not name.endswith((".lock", "README.md"))]
        chosen = mutations(files, given.each, given.seed)[: given.most]
        place = base.finished.parent / "runs"
        _, counts = altered.try_all(base, chosen, place, given.commands.split(","), _report, finished=finished)
        kind = "finished" if finished else "unfinished"
        print(f"{kind} runs, {dict(counts)}, {time.monotonic() - start:.0f} s", flush=True)


def _killed(given: argparse.Namespace, ground: bench.Ground) -> None:
    """Kills a run and a study in turn."""
    folder, rng, faults = Path(tempfile.mkdtemp(dir=ground.folder, prefix="runs-")), random.Random(given.seed), 0
    wholes = [
        kills.undisturbed(words, folder / name)
        for name, words in (("run", lambda root: ground.words("lora", root)), ("study", ground.study_words))
    ]
    for name, whole in zip(("run", "study"), wholes, strict=True):
        print(f"undisturbed {name}: {whole.operations} operations, {whole.seconds:.1f} s", flush=True)
    for number in range(given.each):
        where, fault = kills.kill(wholes[number % 2], folder / "killed", rng)
        faults += bool(fault)
        print(f"kill {number + 1}, {('run', 'study')[number % 2]}: {where}: {fault or 'equal'}", flush=True)
    print(f"{given.each} killed, {faults} went wrong", flush=True)


def _stopped(given: argparse.Namespace, ground: bench.Ground) -> None:
    """Stops a run, and the judging of programs that take a while, in turn."""
    folder, rng, faults = Path(tempfile.mkdtemp(dir=ground.folder, prefix="runs-")), random.Random(given.seed), 0
    wholes = [
        kills.undisturbed(words, folder / name, stops.brief_limits)
        for name, words in (("run", lambda root: ground.words("lora", root)), ("judging", stops.judging(ground)))
    ]
    for number in range(given.each):
        kind = stops.KINDS[number // 2 % len(stops.KINDS)]
        where, fault = stops.stopped(wholes[number % 2], folder / "stopped", rng, kind)
        faults += bool(fault)
        print(f"stop {number + 1}, {('run', 'judging')[number % 2]}: {where}: {fault or 'equal'}", flush=True)
    print(f"{given.each} stopped, {faults} went wrong", flush=True)


def _failing_disks(given: argparse.Namespace, ground: bench.Ground) -> None:
    """Lets an operation of a run and of a study fail in turn."""
    folder, rng = Path(tempfile.mkdtemp(dir=ground.folder, prefix="runs-")), random.Random(given.seed)
    places = (ground.data, ground.folder / "tiny-llama", ground.study)
    faults, statuses = 0, Counter[int]()
    wholes = [
        failing.undisturbed(words, folder / name, places)
        for name, words in (("run", lambda root: ground.words("lora", root)), ("study", ground.study_words))
    ]
    for number in range(given.each):
        status, said, fault = failing.fail(wholes[number % 2], folder / "failing", rng)
        faults, statuses[status] = faults + bool(fault), statuses[status] + 1
        print(f"{number + 1}, {('run', 'study')[number % 2]}: status {status}: {said}: {fault or 'equal'}", flush=True)
    print(f"{given.each} tried, {statuses[1]} failed with one line first, {faults} went wrong", flush=True)


def _full_disks(given: argparse.Namespace, ground: bench.Ground) -> None:
    """Makes runs on disks of growing sizes; every second run tunes nothing.

    A tuning needs more room than all that comes after it, so that only the others fill a disk in later phases.
    """
    folder, faults, lines = Path(tempfile.mkdtemp(dir=ground.folder, prefix="runs-")), 0, 0
    tuned = kills.undisturbed(lambda root: ground.words("lora", root), folder / "whole")
    plain = kills.undisturbed(lambda root: ground.words("zero-shot", root), folder / "plain")
    for number in range(given.each):
        whole, place, peak = ((tuned, "whole", PEAK), (plain, "plain", 1.0))[number % 2]
        needed = sum(path.stat().st_blocks // 2 for path in (folder / place).rglob("*") if path.is_file())
        size = 4 * max(1, round(peak * needed * (number + 1) / given.each / 4))
        status, said, fault = space.fill(whole.words, folder / "small", size, whole.result)
        faults, lines = faults + bool(fault), lines + (status == 1)
        print(f"{place}, {size} kB: status {status}: {said}: {fault or 'equal'}", flush=True)
    print(f"{given.each} tried, {lines} failed with one line first, {faults} went wrong", flush=True)


def _report(mutation: Mutation, found: list[Any]) -> None:
    if not found:
        print(f"{'right':11} {'all':11} {mutation.file} ({mutation.kind})", flush=True)
    for done, command, fault, said in found:
        print(f"{fault:11} {command:11} {mutation.file} ({mutation.kind}; {done}): {said}", flush=True)


if __name__ == "__main__":
    main()
