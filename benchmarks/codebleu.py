"""How fast CodeBLEU is beside the `codebleu` package, both timed in one interleaved run.

    python benchmarks/codebleu.py --data DIR [--peer PYTHON] [--pairs N] [--rounds N]

DIR holds `conala/` and `codealpaca/` as published. PYTHON is the interpreter of an environment with the package on the
versions that it works with (`codebleu==0.7.0 tree-sitter-python==0.21.0`); without it only our own times are shown.
Predictions are edits of real references, made by rule: the same, cut short, a name changed, a line swapped or broken,
or another problem's. Each round times both sides one after the other; the best CPU time of all rounds counts, and the
ratio is what to quote, for absolute times depend on the machine and its load.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

Pairs = list[tuple[str, str]]

PEER = """
import json, logging, sys, time
from codebleu import calc_codebleu
logging.disable(logging.CRITICAL)
for line in sys.stdin:
    pairs = json.loads(line)
    started = time.process_time()
    found = calc_codebleu([p[0] for p in pairs], [p[1] for p in pairs], "python")
    print(json.dumps([time.process_time() - started, found["codebleu"]]), flush=True)
"""


def references(data: Path, name: str) -> list[str]:
    """The Python references of one data set."""
    if name == "conala":
        rows = json.loads((data / "conala/docprompting/cmd_test.oracle_man.full.json").read_text())
        return [row["cmd"] for row in rows]
    rows = json.loads((data / "codealpaca/new_codealpaca.json").read_text())
    return [row["output"] for row in rows if re.search(r"^(def|import|from|class|for|if|print)\b", row["output"], re.M)]


def edited(text: str, others: list[str], rng: random.Random) -> str:
    """A prediction for `text`."""
    kind = rng.choice(["same", "cut", "name", "swap", "break", "other"])
    if kind == "other":
        return rng.choice(others)
    if kind == "cut":
        return text[: rng.randrange(len(text) // 2, len(text) + 1)]
    if kind == "name":
        names = re.findall(r"[a-z_]{2,}", text) or ["x"]
        return re.sub(rf"\b{rng.choice(names)}\b", "renamed", text)
    if kind == "swap":
        lines = text.split("\n")
        rng.shuffle(lines)
        return "\n".join(lines)
    if kind == "break":
        at = rng.randrange(len(text))
        return text[:at] + rng.choice("()[]:'=") + text[at + 1 :]
    return text


def workloads(data: Path, count: int) -> dict[str, Pairs]:
    """Pairs that are all new, and ten candidates a problem of which four in ten repeat an earlier one."""
    found: dict[str, Pairs] = {}
    for name in ("conala", "codealpaca"):
        rng = random.Random(name)
        texts = references(data, name)
        found[f"{name}, {count} pairs, cold"] = [
            (text, edited(text, texts, rng)) for text in (rng.choice(texts) for _ in range(count))
        ]
        several: Pairs = []
        for text in rng.sample(texts, count // 10):
            candidates: list[str] = []
            for _ in range(10):
                repeat = candidates and rng.random() < 0.4
                candidates.append(rng.choice(candidates) if repeat else edited(text, texts, rng))
            several += [(text, candidate) for candidate in candidates]
        found[f"{name}, {count // 10} problems x 10 candidates"] = several
    return found


def ours(pairs: Pairs, profile: str) -> tuple[float, float]:
    """CPU seconds and the corpus score, with nothing remembered from before."""
    from harness.plugins.metrics.codebleu import judge, measures
    from harness.plugins.metrics.pycode.pairs import SUMS

    judge.cache_clear()
    started = time.process_time()
    judged = judge(profile, False)
    counts = [judged.sums((reference,), prediction) for reference, prediction in pairs]
    totals = dict(zip(SUMS, map(sum, zip(*counts, strict=True)), strict=True))
    score = measures(totals, len(pairs))["codebleu"]
    return time.process_time() - started, score


def peer(process: subprocess.Popen[str], pairs: Pairs) -> tuple[float, float]:
    """The same from the package."""
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(pairs) + "\n")
    process.stdin.flush()
    seconds, score = json.loads(process.stdout.readline())
    return seconds, score


def measure(pairs: Pairs, process: subprocess.Popen[str] | None, rounds: int) -> dict[str, tuple[float, float]]:
    """Best CPU seconds and the score of each side."""
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        sides: dict[str, Any] = {profile: ours(pairs, profile) for profile in ("pypi", "paper", "fixed")}
        if process:
            sides["package"] = peer(process, pairs)
        for side, (seconds, score) in sides.items():
            best[side] = (min(seconds, best.get(side, (seconds, score))[0]), score)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    process = None
    if options.peer:
        command = [options.peer, "-c", PEER]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for name, pairs in workloads(options.data, options.pairs).items():
        print(f"{name} ({sum(len(a) + len(b) for a, b in pairs) // len(pairs)} characters a pair)")
        found = measure(pairs, process, options.rounds)
        for side, (seconds, score) in found.items():
            ratio = f"{found['package'][0] / seconds:6.1f} x the package" if process and side != "package" else ""
            print(f"  {side:8} {len(pairs) / seconds:8.0f} pairs/s   codebleu {score:.4f} {ratio}")
        sys.stdout.flush()
    if process and process.stdin:
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
