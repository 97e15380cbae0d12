"""The engine is chosen by a word; what does not do is said in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import processes
from harness.cli import cli
from harness.errors import HarnessError

STUDY = ["study", "run", "rq4", "--builtin"]
SCORE = ["score", "--task", "apps", "--completions", "mine.jsonl"]
VERIFY = ["verify", "runs/one", "--judge"]


def failure(words: list[str]) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, HarnessError), error
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize("words", [STUDY, SCORE, VERIFY])
def test_a_mistyped_engine_gets_a_suggestion(words: list[str]) -> None:
    assert failure([*words, "--engine", "rya"]) == "no engine 'rya'. Did you mean 'ray'?"


@pytest.mark.parametrize("words", [STUDY, SCORE, VERIFY])
def test_an_address_without_the_engine_is_refused(words: list[str]) -> None:
    assert failure([*words, "--address", "10.0.0.1:6379"]).endswith("it is for --engine ray; add that, or leave it out")


@pytest.mark.parametrize("words", [STUDY, SCORE, VERIFY])
def test_several_processes_of_torchrun_are_no_place_for_a_cluster(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "count", lambda: 2)
    said = failure([*words, "--engine", "ray"])
    assert said == "--engine ray: torchrun has started several processes; start one, Ray starts the others"


def test_an_engine_that_would_have_nothing_to_do_is_refused() -> None:
    said = failure(["verify", "runs/one", "--engine", "ray"])
    assert said == "--engine ray: only --judge runs programs; add it, or leave the engine out"


@pytest.mark.parametrize("words", [STUDY, SCORE])
def test_without_the_extra_the_command_that_installs_it_is_named(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_enable_metrics_collection", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "set before")  # so that they are as they were afterwards
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "set before")
    said = failure([*words, "--engine", "ray", "--runs", str(tmp_path)])
    assert said == "--engine ray needs ray: pip install 'codetune-harness[ray]'"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "no cluster answers there"),
        ("ray://10.0.0.1:10001", "write HOST:PORT"),
    ],
)
def test_an_address_that_does_not_do_is_one_line(address: str, says: str, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="pip install '.[test]' brings ray")
    words = [sys.executable, "-m", "harness", *STUDY, "--engine", "ray", "--address", address, "--runs", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "HARNESS_PLUGINS": ""})
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: --address {address}: ") and says in line


def test_ray_is_not_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom harness.cli import cli\n"
        "print(CliRunner().invoke(cli, ['study', 'run', 'rq4', '--help']).output)\n"
        "import harness.commands.study, harness.studies.runner, harness.engines.choice\n"
        "print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--engine" in done.stdout and done.stdout.rstrip().endswith("False")
