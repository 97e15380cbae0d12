"""Processes that torchrun started make the run that one makes alone, and one that is killed ends them all."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.api import load, run

SETTINGS = {"lora.dropout": 0.0, "lora.epochs": 3, "lora.learning_rate": 0.01}
PAGE = Path(__file__).parents[2] / "docs" / "large-models.md"
SEEN_IN_TUNING = ("losses", "history", "best_loss", "micro_batch", "why", "processes", "sharded", "costs", "adapter")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty rows of several lengths."""
    words = ("cat", "house", "a", "zebra", "tree", "ox")
    made = [
        {"instruction": " ".join(["print", *words[: i % 5], words[i % 6]]), "output": f"print('{words[i % 6]}')"}
        for i in range(60)
    ]
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


@pytest.fixture(scope="module")
def alone(tiny_model: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs of one process."""
    runs = tmp_path_factory.mktemp("alone")
    made_alone(tiny_model, rows, runs)
    return runs


def made_alone(model: Path, rows: Path, runs: Path) -> None:
    given: dict[str, Any] = {"metrics": ["exact_match"], "ks": [1], "candidates": 2, "max_new_tokens": 16}
    run("lora", "my", str(model), data=rows, runs=runs, options=SETTINGS, **given)


def started(model: Path, rows: Path, runs: Path, *more: str) -> subprocess.Popen[str]:
    """The same by two processes, as the manual starts them."""
    sets = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    (documented,) = re.findall(r"^torchrun (--standalone .* eval) ", PAGE.read_text("utf-8"), re.MULTILINE)
    words = ["--local-addr", "127.0.0.1", *documented.replace("gpu", "2").split()]
    words += ["--method", "lora", "--task", "my", "--model", str(model), "--data", str(rows), "--runs", str(runs)]
    words += ["--metric", "exact_match", "-k", "1", "--candidates", "2", "--max-new-tokens", "16", *sets, *more]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def tuning_and_texts(runs: Path) -> tuple[str, dict[str, Any], dict[str, list[str]]]:
    """The id of the one run in `runs`, what its `tuning.json` says, and its completions by problem."""
    (folder,) = runs.glob("my-lora-*")
    tuning = json.loads((folder / "tuning.json").read_bytes())
    return folder.name, tuning, {r.id: [c.text for c in r.completions] for r in load(folder).records}


def check_equal(runs: Path, alone: Path) -> dict[str, Any]:
    """Check that the run is the one of a process alone; returns what its tuning says."""
    name, tuning, texts = tuning_and_texts(runs)
    expected_name, expected, expected_texts = tuning_and_texts(alone)
    assert name == expected_name
    assert len(tuning["losses"]) == len(expected["losses"]) > 10
    assert tuning["losses"] == pytest.approx(expected["losses"], abs=1e-5)
    assert tuning["losses"][-1] < tuning["losses"][0] - 0.2, "it learns"
    for (step, loss), (expected_step, expected_loss) in zip(tuning["history"], expected["history"], strict=True):
        assert (step, loss) == (expected_step, pytest.approx(expected_loss, abs=1e-5))
    assert texts == expected_texts
    others = {key for key in expected if tuning.get(key) != expected[key]}
    assert others <= {*SEEN_IN_TUNING, "sha256"}
    return tuning


@pytest.mark.long
def test_a_killed_process_ends_all_with_one_line_and_two_or_one_alone_go_on(
    tiny_model: Path, rows: Path, alone: Path, tmp_path: Path
) -> None:
    runs, copy = tmp_path / "runs", tmp_path / "copy"
    two = started(tiny_model, rows, runs, "--shard")
    while not list(runs.glob("tunings/*/checkpoints/*/complete.json")):
        assert two.poll() is None, two.communicate()
        time.sleep(0.01)
    os.kill(second_process(two.pid), signal.SIGKILL)
    _, said = two.communicate()
    assert two.returncode != 0
    assert said.count("the same command continues") == 1
    assert not [line for line in said.splitlines() if line.startswith("[rank")], "torch's traceback of a process"
    shutil.copytree(runs, copy)
    made_alone(tiny_model, rows, copy)
    check_equal(copy, alone)
    check_two_go_on(started(tiny_model, rows, runs), runs, alone)


def check_two_go_on(two: subprocess.Popen[str], runs: Path, alone: Path) -> None:
    """Check that the run of two processes is the one of a process alone, told by the first of them."""
    told, said = two.communicate()
    assert two.returncode == 0, said
    assert told.count("rank  model") == 1 and said.count("finished: ") == 1
    tuning = check_equal(runs, alone)
    assert (tuning["processes"], tuning["micro_batch"], tuning["why"]) == (2, 4, "no CUDA graphs on cpu")
    (folder,) = runs.glob("my-lora-*")
    assert json.loads((folder / "run.json").read_bytes())["machine"]["processes"] == 2
    assert json.loads((folder / "batch.json").read_bytes())["processes"] == 2


def second_process(torchrun: int) -> int:
    """The process that torchrun calls rank 1."""
    for name in Path(f"/proc/{torchrun}/task/{torchrun}/children").read_text().split():
        if b"\0RANK=1\0" in b"\0" + Path(f"/proc/{name}/environ").read_bytes():
            return int(name)
    raise AssertionError("torchrun started no second process")
