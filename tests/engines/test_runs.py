"""A study on a cluster gives what it gives in one process, also where a node is lost or the command is interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.engines.runs import shares
from harness.evaluation.executor import Job
from harness.evaluation.request import Request
from tests import warm
from tests.engines.nodes import Nodes

STUDY = """
title = "Twelve cells on the built-in model"
[[builtin]]
task = ["apps", "conala"]
method = ["zero-shot", "icl"]
seed = [1, 2]
limit = 4
candidates = 2
max_new_tokens = 12
k = [1]
[[builtin]]
task = ["conala"]
method = ["lora", "lora+icl"]
seed = [1, 2]
limit = 4
candidates = 2
max_new_tokens = 12
k = [1]
options = { "lora.epochs" = [4] }
select = "edit_similarity"
stop_losers = true
sweep = { "lora.learning_rate" = [1e-3, 1e-7] }
"""
CELLS = 12


def job(number: int, group: str = "base", tuning: str = "") -> Job:
    return Job(Request("zero-shot", "conala", seed=number), (), Path("runs"), group, f"run-{number}", tuning)


def test_jobs_of_one_base_are_shared_out_evenly_and_those_of_one_tuning_stay_together() -> None:
    alone = [job(number) for number in range(8)]
    together = [job(number, tuning="lora-1") for number in range(8, 12)]
    found = shares([*alone, *together], at_once=2)
    assert len(found) == 4
    assert next(share for share in found if together[0] in share)[-4:] == tuple(together)
    assert sorted(len(share) for share in found) == [2, 2, 2, 6]


def test_jobs_of_two_bases_are_never_in_one_task() -> None:
    found = shares([job(number, group=str(number % 2)) for number in range(6)], at_once=1)
    assert [{one.group for one in share} for share in found] == [{"0"}, {"1"}]


def test_there_are_no_more_tasks_than_jobs() -> None:
    assert shares([job(1), job(2)], at_once=100) == [(job(1),), (job(2),)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "twelve.toml"
    path.write_text(STUDY, "utf-8")
    return path


def words(file: Path, root: Path) -> list[str]:
    return [sys.executable, "-m", "harness", "study", "run", str(file), "--builtin", "--json", "--runs", str(root)]


@pytest.fixture(scope="module")
def here(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, made in one process."""
    root = tmp_path_factory.mktemp("here")
    done = warm.harness(*words(file, root)[3:], environ={**os.environ, "HARNESS_PLUGINS": ""})
    assert done.returncode == 0, done.stderr
    return root


TIMES = {"seconds", "peak_rss_bytes", "sha256", "records_sha256", "bytes", "command", "git", "proof"}
"""What two runs of the same thing differ in; a proof of isolation has the numbers of processes."""


def without_times(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {name: without_times(inner, name) for name, inner in value.items() if name not in TIMES}
    if isinstance(value, list):
        plain = [without_times(inner) for inner in value]
        return sorted(plain) if name == "target_modules" else plain  # PEFT writes a set as it comes
    return value


def made(root: Path) -> dict[str, Any]:
    """Everything below a folder of runs, but for times: JSON as values, weights as they are."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not path.is_file() or path.name == files.LOCK or name.startswith(("studies", "cache")):
            continue
        if path.suffix not in (".json", ".jsonl"):
            found[name] = path.read_bytes()
        elif path.suffix == ".json":
            found[name] = without_times(json.loads(path.read_text("utf-8")))
        else:
            found[name] = [without_times(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return found


def compare(there: Path, here: Path) -> None:
    one, two = made(there), made(here)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def lines(root: Path) -> list[dict[str, Any]]:
    return [line for path in root.glob("studies/*/cells.jsonl") for line in files.lines(path)]


def wait(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 500
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def begun(root: Path) -> int:
    """Cells of which a run is begun; the tuning of a sweep is not one."""
    return sum(line["state"] == "started" and "run" in line for line in lines(root))


def start(words_: list[str], environ: dict[str, str]) -> subprocess.Popen[str]:
    pipe: Any = subprocess.PIPE
    words_ = ["env", "--default-signal=INT", *words_]  # a shell ignores it in what runs in the background
    return subprocess.Popen(words_, env=environ, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@pytest.mark.slow
def test_a_lost_node_costs_what_it_had_not_finished_and_the_results_are_those_of_one_process(
    file: Path, here: Path, three_nodes: Nodes, tmp_path: Path
) -> None:
    asked = [*words(file, tmp_path), "--engine", "ray", "--address", three_nodes.address]
    with start(asked, three_nodes.environ) as process:
        wait(process, lambda: begun(tmp_path) >= 3)
        three_nodes.kill(2)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert [cell["state"] for cell in json.loads(out)] == ["finished"] * CELLS
    compare(tmp_path, here)
    again = [line for line in lines(tmp_path) if line.get("retries")]
    assert [line["state"] for line in again] == ["finished"]
    assert f"made again, because a node was lost: {again[0]['run']}" in err
    ended = [line for line in lines(tmp_path) if line["state"] == "finished"]
    assert len(ended) == CELLS and all(line["isolation"] in ("full", "reduced") for line in ended)
    assert not list(tmp_path.glob(f"{files.DRAFT}*"))


@pytest.mark.long
def test_a_run_that_another_process_makes_is_waited_for_and_the_others_are_made_meanwhile(
    file: Path, here: Path, three_nodes: Nodes, tmp_path: Path
) -> None:
    asked = [*words(file, tmp_path), "--engine", "ray", "--address", three_nodes.address]
    theirs = next(path.parent for path in sorted(here.glob("apps-icl*/result.json")))
    with contextlib.ExitStack() as hold:
        hold.enter_context(files.locked(tmp_path / theirs.name))
        with start(asked, three_nodes.environ) as process:
            wait(process, lambda: sum(line["state"] == "finished" for line in lines(tmp_path)) == CELLS - 1)
            assert not (tmp_path / theirs.name / "result.json").exists()
            hold.close()
            _, err = process.communicate()
    assert process.returncode == 0, err
    compare(tmp_path, here)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for temporary files; the paths of Ray's sockets leave little room."""
    with tempfile.TemporaryDirectory(prefix="h-") as name:
        yield Path(name)


def test_a_folder_that_is_too_deep_for_sockets_is_one_line(file: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="pip install '.[test]' brings ray")
    environ = {**os.environ, "HARNESS_PLUGINS": "", "TMPDIR": str(tmp_path)}
    asked = [*words(file, tmp_path / "runs"), "--engine", "ray"]
    done = subprocess.run(asked, env=environ, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}") and line.endswith("set TMPDIR to a shorter folder")


@pytest.mark.long
def test_an_interrupted_study_leaves_no_process_and_is_finished_by_either_engine(
    file: Path, here: Path, tmp_path: Path, short_folder: Path
) -> None:
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HARNESS_PLUGINS": "", "TMPDIR": str(short_folder)}
    root = tmp_path / "runs"
    with start([*words(file, root), "--engine", "ray"], environ) as process:
        wait(process, lambda: len(list(root.glob("*/result.json"))) >= 2)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert err.rstrip().endswith("interrupted; the same command continues")
    assert list(short_folder.glob("harness-*")) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # nobody of its group is left
    finished = {path: path.read_bytes() for path in root.glob("*/result.json")}
    done = subprocess.run(words(file, root), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(path.read_bytes() == before for path, before in finished.items())
    compare(root, here)
