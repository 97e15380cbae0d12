"""Small inputs that each showed a fault once: read, judged or refused as their notes say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import sandbox
from harness.evaluation import runs
from harness.records import AssertTests, Limits, Row
from tests.warm import harness

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def cases(real_data: Path) -> Path:
    """The folder of the inputs, beside that of the real data."""
    path = real_data.parent / "cases"
    if not path.is_dir():
        pytest.skip(f"no inputs at {path}")
    return path


def _case(cases: Path, name: str) -> Path:
    if not (cases / name).is_dir():
        pytest.skip(f"no input at {cases / name}")
    return cases / name


def scored(case: Path, task: str, data: str, folder: Path) -> Row:
    """The row of the case's completions."""
    given = ("--data", case / data, "--completions", case / "completions.jsonl")
    done = harness("score", "--task", task, *given, "-k", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = runs.finished(folder / "runs")
    return runs.read_row(found)


def _one_line(done: Done, status: int) -> str:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.lower().startswith("error"))
    return line


def test_a_reference_in_a_fence_scores_as_the_bare_one(cases: Path, tmp_path: Path) -> None:
    case = _case(cases, "01")
    measured = {e.measure: e.value for e in scored(case, "conala", "test.json", tmp_path).estimates if e.slice is None}
    assert measured["em@1"] == pytest.approx(0.95, abs=5e-5)
    assert measured["codebleu"] == pytest.approx(0.8889, abs=5e-5)


@pytest.mark.parametrize("name", ["02", "03", "05", "08", "09"])
def test_a_right_program_passes_whatever_stands_around_it(name: str, cases: Path, tmp_path: Path) -> None:
    case = _case(cases, name)
    row = scored(case, "apps", "test.jsonl", tmp_path)
    count = len((case / "completions.jsonl").read_text("utf-8").splitlines())
    assert row.outcomes == {"passed": count}


@pytest.mark.parametrize(("name", "data"), [("10", "."), ("11", "train.jsonl")])
def test_the_data_is_read(name: str, data: str, cases: Path, tmp_path: Path) -> None:
    case = _case(cases, name)
    words = ("--method", "zero-shot", "--task", "codealpacapy", "--data", case / data, "--dry-run")
    done = harness("eval", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_model_with_layers_of_two_kinds_writes(cases: Path, tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    case = _case(cases, "13")
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(case)).save_pretrained(tmp_path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, tmp_path / "model" / name)
    rows = [{"nl": f"print {i}", "cmd": f"print({i})", "question_id": i} for i in range(3)]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    words = ("--method", "zero-shot", "--task", "conala", "--model", "./model", "--data", "test.json")
    done = harness("eval", *words, "--max-new-tokens", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = runs.finished(tmp_path / "runs")
    assert len(runs.read_records(folder)) == 3


def test_chat_without_a_template_is_one_line_before_anything_is_loaded(
    cases: Path, tiny_model: Path, tmp_path: Path
) -> None:
    case = _case(cases, "16")
    data = _case(case.parent, "01") / "test.json"
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"no weights: nothing may be loaded")
    words = ("--chat", "--method", "zero-shot", "--task", "conala", "--data", data, "--model", "./model")
    done = harness("eval", *words, cwd=tmp_path)
    assert done.returncode in (1, 2), done.stderr
    assert "template" in _one_line(done, done.returncode)


def test_a_user_without_a_home_and_a_name_is_served(cases: Path, tmp_path: Path) -> None:
    _case(cases, "17")
    start = ["env", "-i", f"PATH={os.environ['PATH']}", "unshare", "-U", "--map-user=23456"]
    if subprocess.run([*start, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody be another user")
    command = [*start, sys.executable, "-m", "harness", "show", "rag"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "--set rag.n=4" in done.stdout


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999"])
def test_a_seed_out_of_range_is_one_line(seed: str, cases: Path, tmp_path: Path) -> None:
    _case(cases, "18")
    done = harness("eval", "--method", "lora", "--task", "conala", "--limit", "8", "--seed", seed, cwd=tmp_path)
    assert seed in _one_line(done, 2)
    assert not (tmp_path / "runs").exists()


def test_right_programs_pass_their_assertions(cases: Path) -> None:
    path = cases / "honest_asserts.jsonl"
    if not path.is_file():
        pytest.skip(f"no input at {path}")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    jobs = [(row["program"], AssertTests(row["entry_point"], row["tests"])) for row in rows]
    found = {
        row["name"]: execution.error or execution.outcome.value
        for row, execution in zip(rows, sandbox.run(jobs, Limits(cpu_seconds=20.0, wall_seconds=60.0)), strict=True)
        if execution.outcome.value != "passed"
    }
    assert found == {}
