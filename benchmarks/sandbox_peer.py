"""Judges jobs with another project's judge, for `sandbox.py`: `sandbox_peer.py PEER CHECKOUT WORKERS < jobs.json`.

The checkout is yours: nothing of a peer is part of this repository. These judges isolate nothing, so this runs inside a
throw-away namespace (see `outer` in sandbox.py) and refuses to run elsewhere. Prints one JSON object.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import resource
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

Judge = Callable[[dict[str, Any]], list[Any]]


def in_child(target: Callable[..., Any], arguments: tuple[Any, ...], seconds: float, otherwise: Any) -> Any:
    """What `target` appends to a managed list in a process of its own: how the three oldest judges isolate."""
    manager = multiprocessing.Manager()
    found = manager.list()
    process = multiprocessing.Process(target=target, args=(*arguments, found))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
    result = found[0] if found else otherwise
    manager.shutdown()
    return result


def apps(checkout: str) -> Judge:
    """hendrycks/apps: eval/testing_util.run_test, one process and one manager per candidate as its eval does."""
    sys.path.insert(0, f"{checkout}/eval")
    # pyext 0.7 cannot be imported since Python 3.11; this is all that the checker uses of it
    pyext: Any = types.ModuleType("pyext")

    def from_string(name: str, _: str, text: str) -> types.ModuleType:
        module = types.ModuleType(name)
        exec(text, module.__dict__)  # noqa: S102
        return module

    pyext.RuntimeModule = types.SimpleNamespace(from_string=from_string)
    sys.modules["pyext"] = pyext
    checker = importlib.import_module("testing_util")

    def run(problem: dict[str, Any], program: str, found: Any) -> None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        found.append([bool(result > 0) for result in checker.run_test(problem, test=program)])

    def judge(job: dict[str, Any]) -> list[Any]:
        seconds = job.get("seconds", 10)
        result = in_child(run, ({"input_output": job["input_output"]}, job["program"]), seconds, ["timeout"])
        return list(result)

    return judge


def livecodebench(checkout: str) -> Judge:
    """LiveCodeBench: compute_code_generation_metrics.check_correctness, as it is."""
    sys.path.insert(0, checkout)
    # the package itself imports its other evaluations, and libraries that are not needed here
    package = types.ModuleType("lcb_runner.evaluation")
    package.__path__ = [f"{checkout}/lcb_runner/evaluation"]
    sys.modules["lcb_runner.evaluation"] = package
    checker = importlib.import_module("lcb_runner.evaluation.compute_code_generation_metrics")

    def judge(job: dict[str, Any]) -> list[Any]:
        io = job["input_output"]
        if io.get("fn_name"):
            inputs = ["\n".join(json.dumps(item) for item in one) for one in io["inputs"]]
            io = {**io, "inputs": inputs, "outputs": [json.dumps(one[0]) for one in io["outputs"]]}
        results, _ = checker.check_correctness({"input_output": json.dumps(io)}, job["program"], timeout=6, debug=False)
        return [result is True for result in results]

    return judge


def human_eval(checkout: str) -> Judge:
    """openai/human-eval: execution.check_correctness, as it is."""
    sys.path.insert(0, checkout)
    checker = importlib.import_module("human_eval.execution")
    return lambda job: [checker.check_correctness(job["problem"], job["program"], 3.0)["passed"]]


def evalplus(checkout: str) -> Judge:
    """evalplus: eval.untrusted_check on the calls of the same tests, with the answers that the reference gave."""
    sys.path.insert(0, checkout)
    checker = importlib.import_module("evalplus.eval")

    def judge(job: dict[str, Any]) -> list[Any]:
        inputs, expected = job["inputs"], job["expected"]
        name = job["problem"]["entry_point"]
        code = job["problem"]["prompt"] + job["program"]
        status, _ = checker.untrusted_check("humaneval", code, inputs, name, expected, 1e-6, [0.1] * len(inputs))
        return [status == "pass"]

    return judge


def main() -> None:
    """Judges all jobs once and says how long it took and what passed."""
    peer, checkout, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if not os.statvfs("/").f_flag & os.ST_RDONLY:
        sys.exit("this runs untrusted programs without isolation; only sandbox.py may start it")
    jobs = json.load(sys.stdin)
    peers = {"apps": apps, "livecodebench": livecodebench, "human-eval": human_eval, "evalplus": evalplus}
    judge = peers[peer](checkout)
    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as threads:
        results = list(threads.map(judge, jobs))
    wall = time.perf_counter() - began
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in usage)
    json.dump({"wall": wall, "cpu": cpu, "results": results}, sys.stdout)


if __name__ == "__main__":
    main()
