"""Whether harness itself stays cheap: a study of many cells, and a run of many problems, on a tiny model.

    python -m benchmarks.many --cells 300 --problems 2000

For the study: seconds of a cell beside those of its phases, and the memory of the process as it goes on. For the run:
its memory after more and more problems, in writing and in judging.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults import bench

PARTS = 8
_ALL_PROBLEMS = """
from harness.cli import main
from harness.plugins.tasks import apps
apps.first_of_each = list
main()
"""
"""A command for which the task takes every problem there is, and not the study's 250 of each difficulty."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--problems", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ground = bench.prepare(Path(name))
        if given.cells:
            _study(ground, given.cells)
        if given.problems:
            _run(ground, given.problems)


def _study(ground: bench.Ground, cells: int) -> None:
    study, runs = ground.folder / "many.toml", ground.folder / "study"
    grid = f"task = ['apps']\nmodel = [{json.dumps(str(ground.folder / 'tiny-llama'))}]\nmethod = ['zero-shot']\n"
    grid += f"seed = {list(range(1, cells + 1))}\ncandidates = 1\nmax_new_tokens = 2\nlimit = 2\n"
    study.write_text(f"title = 'Many'\n[[grid]]\n{grid}", "utf-8")
    words = ["study", "run", str(study), "--data", f"apps={ground.data}", "--runs", str(runs)]
    seen = _watch(words, lambda: len(list(runs.glob("*/result.json"))), cells)
    phases = sum(
        json.loads(line)["seconds"] for path in runs.glob("*/costs.jsonl") for line in path.read_text().splitlines()
    )
    whole = seen[-1][1] - seen[0][1]
    for (before, start, _), (after, end, memory) in itertools.pairwise(seen):
        print(f"cells {before + 1} to {after}: {(end - start) / (after - before):.3f} s each, {memory / 1e6:.0f} MB")
    print(f"beside the phases: {(whole - phases) / cells:.3f} s a cell")


def _run(ground: bench.Ground, problems: int) -> None:
    rows = [json.loads(line) for line in (ground.data / "test.jsonl").read_text("utf-8").splitlines()]
    many = [{**rows[number % len(rows)], "problem_id": 100 + number} for number in range(problems)]
    (ground.data / "test.jsonl").write_text("\n".join(map(json.dumps, many)), "utf-8")
    runs = ground.folder / "run"
    words = [word for word in ground.words("zero-shot", runs) if word != "--json"]
    seen = _watch(words, lambda: _lines(runs, "completions") + _lines(runs, "executions"), 2 * problems)
    for after, _, memory in seen:
        print(f"{min(after, problems)} problems written, {max(0, after - problems)} judged: {memory / 1e6:.0f} MB")


def _lines(runs: Path, name: str) -> int:
    return sum(path.read_bytes().count(b"\n") for path in runs.glob(f"*/{name}.jsonl"))


def _watch(words: list[str], done: Callable[[], int], all_of_them: int) -> list[tuple[int, float, int]]:
    """How much is done, the clock and the memory in bytes: at the first, and after each part of `PARTS`."""
    environ = {**os.environ, "HARNESS_PLUGINS": "", "OMP_NUM_THREADS": "1"}
    seen: list[tuple[int, float, int]] = []
    with subprocess.Popen(
        [sys.executable, "-c", _ALL_PROBLEMS, *words], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            count = done()
            if count and (not seen or count >= len(seen) * all_of_them // PARTS):
                seen.append((count, time.monotonic(), _memory(process.pid)))
            time.sleep(0.02)
    return seen


def _memory(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
