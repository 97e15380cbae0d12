"""The sandbox beside other judges, in interleaved rounds; prints medians of ratios.

python benchmarks/sandbox.py light [--apps CHECKOUT] [--livecodebench CHECKOUT] [--rounds 5] [--workers 2]
    26 light problems x 20 tests, all right: programs/s and CPU ms per program
python benchmarks/sandbox.py humaneval --data HumanEval.jsonl.gz [--human-eval CHECKOUT] [--evalplus CHECKOUT]
    the canonical solutions, judged by assertions
python benchmarks/sandbox.py loops | scale | start
    a set with looping programs; one core and one worker against two; starting a jail
python benchmarks/sandbox.py leak [--runs 10000]
    what is left after many runs: processes, descriptors, mounts, memory

A CHECKOUT is a folder that you have cloned. Peers isolate nothing: everything runs in a throw-away namespace.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sandbox_problems import problems

from harness.records import AssertTests, CallTests, Limits, StdinTests, Tests
from harness.sandbox import run
from harness.sandbox.jails.jail import Jail
from harness.sandbox.linux.outer import throw_away

Measured = dict[str, float]
_PEER = Path(__file__).with_name("sandbox_peer.py")


def enclosed(body: Callable[[], Any]) -> Any:
    """What `body` returns, from a fork in a throw-away namespace."""
    with tempfile.TemporaryFile() as said:

        def report() -> int:
            os.write(said.fileno(), json.dumps(body()).encode())
            return 0

        status = throw_away(report, said.fileno())
        said.seek(0)
        text = said.read().decode()
    if status:
        sys.exit(f"a contender ended with status {status}: {text[-300:]}")
    return json.loads(text)


def ours(
    jobs: list[tuple[str, Tests]], workers: int, core: int | None = None, **options: Any
) -> Callable[[], Measured]:
    """Judges `jobs` with harness, on all cores or on one, counted from 0; jail start included."""

    def body() -> Measured:
        if core is not None:
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})
        list(run([("", StdinTests(()))]))  # the isolation level is found once per process, not once per run
        began, before = time.perf_counter(), _cpu()
        executions = list(run(jobs, Limits(), workers=workers, **options))
        wall, cpu = time.perf_counter() - began, _cpu() - before
        return _measured(wall, cpu, [execution.passed == execution.total for execution in executions])

    return lambda: enclosed(body)


def peer(name: str, checkout: str, jobs: list[dict[str, Any]], workers: int) -> Callable[[], Measured]:
    """Judges `jobs` with a peer."""

    def body() -> Measured:
        command = [sys.executable, str(_PEER), name, checkout, str(workers)]
        done = subprocess.run(command, input=json.dumps(jobs), text=True, capture_output=True, check=False)
        if done.returncode:
            raise OSError(done.stderr[-300:] or f"status {done.returncode}")
        found = json.loads(done.stdout[done.stdout.rindex('{"wall"') :])
        return _measured(found["wall"], found["cpu"], [all(r is True for r in one) for one in found["results"]])

    return lambda: enclosed(body)


def _cpu() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def _measured(wall: float, cpu: float, passed: list[bool]) -> Measured:
    return {"rate": len(passed) / wall, "cpu_ms": cpu / len(passed) * 1000, "wall": wall, "wrong": passed.count(False)}


def compare(contenders: dict[str, Callable[[], Measured]], rounds: int) -> None:
    """Runs all contenders in every round, in an order drawn anew, and prints medians of the ratios within rounds."""
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for name in order:
            found[name].append(contenders[name]())
        print(f"round {number + 1}: " + ", ".join(f"{n} {found[n][-1]['rate']:.0f}/s" for n in contenders), flush=True)
    print(f"{'':24}{'programs/s':>12}{'CPU ms':>10}{'wrong':>7}   ratio of rates to each, median (worst)")
    for name, rows in found.items():
        ratios = []
        for other, others in found.items():
            each = [mine["rate"] / theirs["rate"] for mine, theirs in zip(rows, others, strict=True)]
            if other != name:
                ratios.append(f"{other} {statistics.median(each):.2f} ({min(each):.2f})")
        rate, cpu = (statistics.median(row[key] for row in rows) for key in ("rate", "cpu_ms"))
        print(f"{name:24}{rate:12.1f}{cpu:10.2f}{rows[0]['wrong']:7.0f}   " + ", ".join(ratios))


def tests_of(io: dict[str, Any]) -> Tests:
    """APPS's shape as ours."""
    pairs = zip(io["inputs"], io["outputs"], strict=True)
    if "fn_name" in io:
        return CallTests(io["fn_name"], tuple((json.dumps(given), json.dumps(wanted)) for given, wanted in pairs))
    return StdinTests(tuple(pairs))


def light(options: argparse.Namespace) -> None:
    every = problems()
    jobs = [(problem["program"], tests_of(problem["input_output"])) for problem in every]
    repeated = [job for job in jobs for _ in range(10)]
    contenders = {
        "harness": ours(repeated, options.workers),
        "harness, fork per test": ours([job for job in jobs for _ in range(3)], options.workers, isolation="fresh"),
    }
    for name in ("apps", "livecodebench"):
        if checkout := getattr(options, name):
            contenders[name] = peer(name, checkout, every * 2, options.workers)
    contenders["pure compute"] = lambda: enclosed(lambda: pure(every * 3))
    compare(contenders, options.rounds)


def pure(every: list[dict[str, Any]]) -> Measured:
    """The same work in one warm process without any isolation: the floor. The programs are ours."""
    import io

    before, began = _cpu(), time.perf_counter()
    kept = sys.stdin, sys.stdout
    for problem in every:
        code = compile(problem["program"], "main.py", "exec")
        function = problem["input_output"].get("fn_name")
        names: dict[str, Any] = {}
        if function:
            exec(code, names)  # noqa: S102
        for given in problem["input_output"]["inputs"]:
            if function:
                names[function](*given)
                continue
            sys.stdin, sys.stdout = io.StringIO(given), io.StringIO()
            exec(code, {"__name__": "__main__"})  # noqa: S102
    sys.stdin, sys.stdout = kept
    return _measured(time.perf_counter() - began, _cpu() - before, [True] * len(every))


def humaneval(options: argparse.Namespace) -> None:
    with gzip.open(options.data, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    jobs: list[tuple[str, Tests]] = [(row["canonical_solution"], assertions(row)) for row in rows]
    contenders = {"harness": ours([job for job in jobs for _ in range(5)], options.workers)}
    described = [{"problem": row, "program": row["canonical_solution"]} for row in rows]
    if options.human_eval:
        contenders["human-eval"] = peer("human-eval", options.human_eval, described, options.workers)
    if options.evalplus:
        calls = enclosed(lambda: [answered(row) for row in rows])
        with_calls = [{**job, **found} for job, found in zip(described, calls, strict=True)]
        contenders["evalplus"] = peer("evalplus", options.evalplus, with_calls * 2, options.workers)
    compare(contenders, options.rounds)


def assertions(row: dict[str, Any]) -> AssertTests:
    return AssertTests(row["entry_point"], f"{row['test']}\ncheck({row['entry_point']})\n", row["prompt"])


def answered(row: dict[str, Any]) -> dict[str, Any]:
    """The calls that a HumanEval test makes and the reference's answers, for a judge that wants them beforehand."""
    names: dict[str, Any] = {}
    exec(row["prompt"] + row["canonical_solution"] + "\n" + row["test"], names)  # noqa: S102
    function, inputs, expected = names[row["entry_point"]], [], []

    def recorded(*arguments: Any) -> Any:
        inputs.append(copy.deepcopy(list(arguments)))
        expected.append(function(*arguments))
        return expected[-1]

    names["check"](recorded)
    return {"inputs": inputs, "expected": expected}


def loops(options: argparse.Namespace) -> None:
    """A set in which some programs loop: its time against the loopers' limits shared by the workers."""
    limits = Limits(cpu_seconds=2.0, wall_seconds=6.0)
    tests = StdinTests(tuple((f"{n}\n", str(n * n)) for n in range(20)))
    right, loop = "print(int(input()) ** 2)", "n = int(input())\nwhile n > 3: pass\nprint(n * n)"
    jobs: list[tuple[str, Tests]] = [(loop if n % 10 == 0 else right, tests) for n in range(80)]

    def body() -> float:
        began = time.perf_counter()
        list(run(jobs, limits, workers=options.workers, stop_at_first_failure=True))
        return time.perf_counter() - began

    for _ in range(options.rounds):
        floor = 8 * limits.cpu_seconds / options.workers
        print(f"{enclosed(body) / floor:.2f} x the loopers' limits / workers ({floor:.0f} s)", flush=True)


def scale(options: argparse.Namespace) -> None:
    jobs = [(problem["program"], tests_of(problem["input_output"])) for problem in problems()]
    few, many = jobs * 80, jobs * 320  # the start of a jail costs as much as some 30 programs
    contenders = {
        "1 core": ours(few, 1, core=0),
        "1 worker": ours(few, 1),  # which may change its core, with a supervisor that works on the other
        "2 workers": ours(few, 2),
        "2 workers, 4 x the work": ours(many, 2),
        "2 runs, 1 core each": side_by_side(ours(few, 1, core=0), ours(few, 1, core=1)),
    }
    compare(contenders, options.rounds)


def side_by_side(*contenders: Callable[[], Measured]) -> Callable[[], Measured]:
    """Several at the same time: what the machine gives to those that share nothing."""

    def body() -> Measured:
        with ThreadPoolExecutor(len(contenders)) as threads:
            rows = list(threads.map(lambda contender: contender(), contenders))
        total = {key: sum(row[key] for row in rows) for key in rows[0]}
        return {**total, "cpu_ms": total["cpu_ms"] / len(rows)}

    return body


def start(options: argparse.Namespace) -> None:
    def body() -> float:
        began = time.perf_counter()
        with Jail(Limits()):
            return time.perf_counter() - began

    found = [enclosed(body) * 1000 for _ in range(options.rounds * 4)]
    print(f"jail start: median {statistics.median(found):.0f} ms, worst {max(found):.0f} ms")


def leak(options: argparse.Namespace) -> None:
    """Runs many programs, some of them hostile, and prints what grows."""
    tests = StdinTests((("7\n", "49"),))
    programs = [
        "print(int(input()) ** 2)",
        "import os\nfor _ in range(3): os.fork()\nprint(1)",
        "open('/tmp/left', 'w').write('x' * 10**5)\nprint(int(input()) ** 2)",
        "raise ValueError",
        "import threading\nthreading.Thread(target=lambda: print(int(input()) ** 2)).start()",
    ]

    def body() -> list[str]:
        said = []
        jobs = ((programs[n % len(programs)], tests) for n in range(options.runs))
        for number, _ in enumerate(run(jobs, Limits(), workers=options.workers)):
            if number % (options.runs // 10) == options.runs // 20:
                said.append(f"after {number:6}: {_footprint()}")
        return [*said, f"at the end: {_footprint()}"]

    print("\n".join(enclosed(body)))


def _footprint() -> str:
    processes = [folder for folder in Path("/proc").glob("[0-9]*") if folder.name != str(os.getpid())]
    memory = {"supervisor": _rss(Path("/proc/self"))}
    for folder in processes:
        with contextlib.suppress(OSError):  # a candidate's, which has ended meanwhile
            (numbers,) = [line for line in (folder / "status").read_text().splitlines() if line.startswith("NSpid:")]
            if numbers.split()[-1] == "1":  # of the jail's namespace; what it forks looks the same otherwise
                memory[f"jail {folder.name}"] = _rss(folder)
    mounts = len(Path("/proc/self/mounts").read_text().splitlines())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    sizes = ", ".join(f"{name} {size / 1024:.1f} MB" for name, size in memory.items())
    return f"{len(processes)} other processes, {descriptors} descriptors, {mounts} mounts; {sizes}"


def _rss(folder: Path) -> int:
    return int((folder / "statm").read_text().split()[1]) * 4


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["light", "humaneval", "loops", "scale", "start", "leak"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--data")
    for name in ("apps", "livecodebench", "human-eval", "evalplus"):
        parser.add_argument(f"--{name}", metavar="CHECKOUT")
    options = parser.parse_args()
    globals()[options.what](options)


if __name__ == "__main__":
    main()
