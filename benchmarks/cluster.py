"""Programs judged by this machine and over a Ray cluster of three node processes on it: are the verdicts equal?

    python -m benchmarks.cluster --programs 5000 [--kill]

The programs are answers to the built-in sample's 60 problems: right, wrong, broken, empty, endless. `--kill` ends a
node in the middle. Prints what differs and the programs per second of both; the nodes share the cores of one machine,
so that the second says what the way there costs, not what a cluster gains.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from harness.config import Settings
from harness.evaluation.plan import resolve
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry
from tests.engines.nodes import Nodes, nodes

ENDLESS_EVERY = 200
"""Of so many programs one never ends; it costs its whole limit."""


def write_programs(path: Path, count: int) -> None:
    """A file of completions with at least `count` programs."""
    problems = resolve(Request("zero-shot", "apps"), Registry(), Settings()).splits["test"]
    each, number, lines = math.ceil(count / len(problems)), 0, []
    for problem in problems:
        texts = []
        for _ in range(each):
            kinds = [problem.reference, "raise SystemExit(3)", "print(input())", "def (", "", "print(0)"]
            number += 1
            program = "while True: pass" if number % ENDLESS_EVERY == 0 else kinds[number % len(kinds)]
            texts.append(f"# {number}\n{program}" if program else "")
        lines.append(json.dumps({"id": problem.id, "completions": texts}))
    path.write_text("\n".join(lines), "utf-8")


def verdicts(runs: Path) -> list[Any]:
    """Every execution but for the time it took."""
    (path,) = runs.glob("*/records.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        (record["id"], place, {name: value for name, value in execution.items() if name != "seconds"})
        for record in records
        for place, execution in enumerate(record["executions"])
    ]


def judge(programs: Path, runs: Path, environ: dict[str, str], more: list[str]) -> tuple[float, str]:
    """The seconds of the judging, as the run recorded them, and what was said."""
    words = [sys.executable, "-m", "harness", "score", "--task", "apps", "--completions", str(programs)]
    words += ["--runs", str(runs), *more]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    (costs,) = runs.glob("*/costs.jsonl")
    (cost,) = [one for one in map(json.loads, costs.read_text("utf-8").splitlines()) if one["phase"] == "judge"]
    return float(cost["seconds"]), done.stderr


def kill_in_the_middle(cluster: Nodes, runs: Path) -> None:
    """Kill a node when a third is judged."""

    def third_is_judged() -> bool:
        return any(len(path.read_bytes().splitlines()) >= 20 for path in runs.glob("*/executions.jsonl"))

    def watch() -> None:
        while not third_is_judged():
            time.sleep(0.05)
        cluster.kill(2)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=5000)
    parser.add_argument("--kill", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_programs(place / "p.jsonl", asked.programs)
        here, _ = judge(place / "p.jsonl", place / "here", dict(os.environ), [])
        with nodes(3) as cluster:
            if asked.kill:
                kill_in_the_middle(cluster, place / "there")
            words = ["--engine", "ray", "--address", cluster.address]
            there, said = judge(place / "p.jsonl", place / "there", cluster.environ, words)
        one, two = verdicts(place / "here"), verdicts(place / "there")
    different = [pair for pair in zip(one, two, strict=True) if pair[0] != pair[1]]
    print(f"{len(one)} programs, {len(different)} verdicts differ")
    for pair in different[:5]:
        print(f"  {pair[0]}\n  {pair[1]}")
    print(f"here {len(one) / here:.0f} a second, over three nodes {len(two) / there:.0f} a second")
    print("\n".join(line for line in said.splitlines() if line.startswith(("ray:", "note:"))))


if __name__ == "__main__":
    main()
