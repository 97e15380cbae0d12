"""STOP and CONT: a command, or all that comes from it, stands still for longer than its programs may take.

A terminal stops the command's own processes, a batch system that suspends a job and a frozen container stop its jails
and what runs in them, too.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from benchmarks.faults.bench import Ground, result_of, spawn
from benchmarks.faults.kills import Undisturbed, wait

CANDIDATE = 3
"""Its place below the supervisor: launcher, process 1, candidate."""
WALL, STOPPED = 0.4, 2.5
"""Seconds that a test may take, asleep; and more than five times as many, which one may take that is awake."""
_BUSY = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end: pass\nprint({})"
KINDS = ("supervisor", "group", "all")


def below(process: int) -> dict[int, int]:
    """The processes that come from `process`, each with its distance."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {process: 0}
    while new := {one: found[up] + 1 for one, up in parents.items() if up in found and one not in found}:
        found |= new
    del found[process]
    return found


def _cpu_seconds(process: int) -> float:
    """What a process has had; 0 where there is none."""
    try:
        user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def candidate_runs(supervisor: int) -> bool:
    """Whether a candidate has had some CPU time."""
    return any(_cpu_seconds(one) >= 0.05 for one, distance in below(supervisor).items() if distance >= CANDIDATE)


def stop(processes: Collection[int], seconds: float) -> None:
    """Stop them all for so long; what has ended meanwhile is left out."""
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for one in processes:
            try:
                os.kill(one, number)
            except ProcessLookupError:
                continue
        if number == signal.SIGSTOP:
            time.sleep(seconds)


class StopJails(threading.Thread):
    """Stops what is below this process once, for `seconds`, as soon as a candidate runs; `done` says that it did."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.done = seconds, False

    def run(self) -> None:
        me, deadline = os.getpid(), time.monotonic() + 30
        while not candidate_runs(me):
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)
        stop(below(me), self.seconds)
        self.done = True


def judging(ground: Ground) -> Callable[[Path], list[str]]:
    """The words of a command that judges programs, half of them right, each of which takes a while."""
    path = ground.folder / "busy.jsonl"
    lines = [json.loads(line) for line in ground.completions.read_text("utf-8").splitlines()]
    for line in lines:
        line["completions"] = [_BUSY.format(line["id"]), _BUSY.format(0)]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return lambda root: [str(path) if word == str(ground.completions) else word for word in ground.scoring(root)]


def brief_limits() -> None:
    """Let a test of this process take no longer than `WALL` while it sleeps."""
    from harness.plugins.tasks.apps import Apps

    Apps.limits = replace(Apps.limits, wall_seconds=WALL)


def stopped(whole: Undisturbed, root: Path, rng: random.Random, kind: str) -> tuple[str, str]:
    """Stop the run in `root` at a random moment for `STOPPED` seconds; when that was, and what went wrong or ""."""
    shutil.rmtree(root, ignore_errors=True)
    moment = rng.uniform(0, whole.seconds)
    child = spawn(whole.words(root), root.parent / "log", brief_limits)
    time.sleep(moment)
    if kind == "all":
        stop([child, *below(child)], STOPPED)
    else:
        stop([child] if kind == "supervisor" else [-child], STOPPED)
    where = f"{kind}, {moment:.2f} s of {whole.seconds:.2f} s"
    if status := wait(child):
        return where, f"status {status}: {(root.parent / 'log').read_text('utf-8')[-300:]}"
    return where, "" if result_of(root) == whole.result else "another result"
