"""What a large cluster would do: measured costs, harness' own rules of dealing out work, and a simulated clock.

    python -m benchmarks.scale measure      what this machine takes for the part of a cell that is the driver's
    python -m benchmarks.scale study        2,000 cells with 5,000 completions each on 8 to 1,000 GPUs
    python -m benchmarks.scale judging      10,000,000 completions judged over 1 to 1,000 nodes

Ray's rules are these: a task waits until its resources are free, then runs to its end; tasks start in the order in
which they were sent; what a task yields waits for the driver, which takes one message after another. `shares` deals out
the cells as in a real study. Every cost is an option, so that figures of another machine can be put in.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.engines.bench import batch_size
from harness.engines.parcels import Inbox, contents, pieces
from harness.engines.runs import ROUNDS, shares
from harness.evaluation.executor import Job
from harness.evaluation.request import Request

SIZES = {
    "run.json": 4_000,
    "tuning.json": 2_000,
    "sandbox.json": 3_000,
    "leakage.json": 500,
    "batch.json": 150,
    "costs.jsonl": 700,
    "result.json": 7_000,
    "adapter/adapter_config.json": 1_000,
}
"""Bytes of the files of a run beside its records and weights."""


@dataclass(frozen=True)
class Costs:
    """Seconds: of the driver for a cell and for a line of executions; of a node for the rest."""

    deliver: float
    append: float
    start: float
    load: float
    tune: float
    write: float
    execute: float


def measure(record_bytes: int, adapter_bytes: int, cells: int) -> tuple[float, float]:
    """Seconds that the driver takes to put a cell's files into place, and to append a line of executions; medians."""
    with tempfile.TemporaryDirectory() as name:
        sent, took = Path(name) / "sent", []
        for cell in range(cells):
            run = f"cell-{cell}"
            for file, size in {**SIZES, "records.jsonl": record_bytes, "adapter/weights": adapter_bytes}.items():
                path = sent / run / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(random.Random(f"{cell} {file}").randbytes(size))
            found = contents(sent, [run])
            data = {digest: list(pieces(sent / path)) for path, digest in found.items()}
            box = Path(name) / f"box-{cell}"
            box.mkdir()
            start = time.perf_counter()
            inbox = Inbox(box)
            for digest, parts in data.items():
                for part in parts:
                    inbox.take(digest, part)
            inbox.deliver(found, Path(name) / "runs")
            took.append(time.perf_counter() - start)
        lines = []
        for number in range(100):
            start = time.perf_counter()
            files.append(Path(name) / "executions.jsonl", {"id": str(number), "executions": ["x" * 200] * 10})
            lines.append(time.perf_counter() - start)
    return statistics.median(took), statistics.median(lines)


def study(costs: Costs, gpus: int, cells: int, completions: int, cpus: int) -> tuple[float, float, float]:
    """Hours of a study on so many GPUs; the shares of the time in which GPUs work and in which the driver does.

    Cells take from 0.5 to 1.5 times the mean (seed 1).
    """
    draw = random.Random(1)
    jobs = [Job(Request("lora", "apps", seed=n), (), Path(), "base", f"run-{n}", f"lora-{n}") for n in range(cells)]
    mean = costs.tune + costs.write * completions + costs.execute * completions / cpus
    takes = {job: mean * draw.uniform(0.5, 1.5) for job in jobs}
    waiting, places = deque(shares(jobs, gpus)), [0.0] * gpus
    driver = busy = worked = 0.0
    under_way: list[tuple[float, int]] = []  # ends of messages, in the order in which the driver hears them
    for number, share in enumerate(waiting):
        at = heapq.heappop(places) + costs.start + costs.load
        for job in share:
            at += takes[job]
            worked += takes[job]
            heapq.heappush(under_way, (at, number))
        heapq.heappush(places, at)
    while under_way:
        said, _ = heapq.heappop(under_way)
        driver = max(driver, said) + costs.deliver
        busy += costs.deliver
    end = max(driver, *places)
    return end / 3600, worked / (end * gpus), busy / end


def judging(costs: Costs, nodes: int, programs: int, candidates: int, cpus: int) -> tuple[float, float, float]:
    """Hours of judging a file over so many nodes; the shares of the time in which nodes work and the driver does."""
    size = batch_size(cpus)
    takes, driver_takes = costs.execute * size / cpus, costs.append * size / candidates
    free, sent, driver = [0.0] * nodes, deque[float](), 0.0
    batches = programs // size
    for _ in range(batches):
        if len(sent) >= ROUNDS * nodes:
            driver = max(driver, sent.popleft()) + driver_takes
        begun = max(heapq.heappop(free), driver)
        heapq.heappush(free, begun + takes)
        sent.append(begun + takes)
    while sent:
        driver = max(driver, sent.popleft()) + driver_takes
    return driver / 3600, batches * takes / (driver * nodes), batches * driver_takes / driver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "study", "judging"])
    parser.add_argument("--deliver", type=float, default=0.03, help="driver's seconds for a cell")
    parser.add_argument("--append", type=float, default=0.002, help="driver's seconds for a problem's executions")
    parser.add_argument("--start", type=float, default=15.0, help="seconds until a worker has imported everything")
    parser.add_argument("--load", type=float, default=60.0, help="seconds to load the base model")
    parser.add_argument("--tune", type=float, default=1800.0, help="seconds of a tuning")
    parser.add_argument("--write", type=float, default=0.1, help="seconds to write a completion, in a batch")
    parser.add_argument("--execute", type=float, default=0.1, help="CPU seconds to judge a program")
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--completions", type=int, default=5000, help="of a cell")
    parser.add_argument("--programs", type=int, default=10_000_000)
    parser.add_argument("--candidates", type=int, default=10, help="of a problem")
    parser.add_argument("--cpus", type=int, default=16, help="of a GPU, or of a node that judges")
    asked = parser.parse_args()
    costs = Costs(asked.deliver, asked.append, asked.start, asked.load, asked.tune, asked.write, asked.execute)
    if asked.what == "measure":
        deliver, append = measure(asked.completions * 1000, 16_000_000, 12)
        print(f"driver: {deliver * 1000:.1f} ms for a cell of {asked.completions} completions with 16 MB of weights,")
        print(f"        {append * 1000:.2f} ms for the executions of a problem")
        return
    print("GPUs or nodes    hours  these busy  driver busy")
    for count in (1, 8, 64, 256, 512, 1000):
        if asked.what == "study":
            hours, work, driver = study(costs, count, asked.cells, asked.completions, asked.cpus)
        else:
            hours, work, driver = judging(costs, count, asked.programs, asked.candidates, asked.cpus)
        print(f"{count:13}  {hours:7.1f}  {100 * work:8.1f} %  {100 * driver:9.2f} %")


if __name__ == "__main__":
    main()
