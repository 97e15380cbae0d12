"""The main job as a user runs it: a real process, a real model, killed and continued."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import files
from harness.cli import cli
from harness.evaluation import runs
from harness.evaluation.summary import _record_notes
from harness.records import Execution, Outcome, Record
from tests import warm

CONALA = [{"nl": f"add {i} to `x`", "cmd": f"x + {i}", "question_id": f"{i}-1"} for i in range(48)]


@pytest.fixture(scope="module")
def conala(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conala")
    for split, part in {"train": CONALA[:24], "dev": CONALA[24:30], "test": CONALA[30:]}.items():
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return folder


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("apps")
    rows = [
        {
            "problem_id": i,
            "question": f"Print {i}.",
            "difficulty": ["introductory", "interview"][i % 2],
            "solutions": json.dumps([f"print({i})"]),
            "input_output": json.dumps({"inputs": [""] * 2, "outputs": [f"{i}\n"] * 2}),
        }
        for i in range(12)
    ]
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "HARNESS_PLUGINS": ""}


def harness(*words: str, runs_folder: Path) -> str:
    done = warm.harness(*words, "--runs", runs_folder, environ=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def the_run(root: Path) -> Path:
    (folder,) = [path for path in root.iterdir() if path.name != "tunings" and path.is_dir() and path.name != "cache"]
    return folder


def untimed(folder: Path) -> Any:
    """`result.json` without what a clock or a memory meter wrote: records hold the seconds of executions."""
    result = files.read_json(folder / "result.json")
    del result["row"]["costs"], result["records_sha256"], result["inputs"]
    return result


def kill_when(ready: Callable[[], bool], *words: str, runs_folder: Path) -> None:
    """Start harness and end it with SIGKILL at the first moment that `ready` sees."""
    process = warm.start(*words, "--runs", runs_folder, environ=environment())
    try:
        deadline = time.monotonic() + 300
        while not ready():
            assert process.poll() is None, process.end().stderr
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.kill()


def _has(root: Path, pattern: str, lines: int = 1) -> Callable[[], bool]:
    def ready() -> bool:
        return any(path.is_file() and path.read_bytes().count(b"\n") >= lines for path in root.glob(pattern))

    return ready


@pytest.fixture(scope="module")
def tuned(conala: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The words of a small LoRA run, and the folder of an undisturbed run of them."""
    words = ["eval", "--method", "lora", "--task", "conala", "--data", str(conala), "--model", str(tiny_model)]
    words += ["--candidates", "2", "--max-new-tokens", "8", "--set", "lora.learning_rate=0.01", "-k", "1,2"]
    root = tmp_path_factory.mktemp("undisturbed")
    harness(*words, runs_folder=root)
    return words, the_run(root)


def test_a_run_folder_holds_what_the_contract_says(tuned: tuple[list[str], Path]) -> None:
    folder = tuned[1]
    about, row = files.read_json(folder / "run.json"), runs.read_row(folder)
    records = runs.read_records(folder)
    assert about["data"]["splits"] == {"train": 24, "validation": 6, "test": 18}
    assert {"torch", "peft", "transformers"} <= set(about["versions"])
    assert about["plugins"]["lora"]["distribution"] == "codetune-harness"
    assert [r.id for r in records] == [r["question_id"] for r in CONALA[30:]]
    assert all(len(r.completions) == 2 and r.prompt_tokens for r in records)
    assert {e.measure for e in row.estimates} >= {"em@1", "em@2"}
    assert row.trainable_parameters > 0
    assert {cost.phase for cost in row.costs} >= {"tune", "generate"}
    assert (folder / "adapter" / "adapter_config.json").is_file()
    assert not (folder / "completions.jsonl").exists()
    digest = hashlib.sha256((folder / "records.jsonl").read_bytes()).hexdigest()
    assert files.read_json(folder / "result.json")["records_sha256"] == digest
    assert files.read_json(folder / "leakage.json")["compared"] == {"test": 18, "train": 24, "validation": 6}
    # "add 31 to `x`" is nearly "add 1 to `x`", and nothing is left to score without such
    assert any(note.startswith("18 of 18 test problems stand, exactly or nearly") for note in row.notes)


COPY = {
    "cp": "cp -r {folder} {into}",
    "tar": "tar -cf {into}/run.tar -C {folder}/.. {name} && tar -xf {into}/run.tar -C {into}",
    "rsync": "rsync -a {folder} {into}",
}
SERVED = (Path(__file__).parents[2] / "docs" / "serve-adapter.md").read_text("utf-8")


@pytest.mark.parametrize("program", COPY)
def test_a_copied_run_is_listed_and_verified_and_its_adapter_loads_as_the_manual_says(
    program: str, tuned: tuple[list[str], Path], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program}: apt-get install {program}")
    folder, root = tuned[1], tmp_path / "elsewhere"
    root.mkdir()
    words = {"folder": shlex.quote(str(folder)), "into": shlex.quote(str(root)), "name": folder.name}
    subprocess.run(COPY[program].format(**words), shell=True, check=True)
    copied = root / folder.name
    assert not any(path.is_symlink() for path in copied.rglob("*"))
    listed = CliRunner().invoke(cli, ["runs", "--runs", str(root), "--json"], catch_exceptions=False)
    assert [(one["run"], one["state"]) for one in json.loads(listed.stdout)] == [(folder.name, "finished")]
    verified = CliRunner().invoke(cli, ["verify", str(copied)], catch_exceptions=False)
    assert verified.exit_code == 0, verified.output
    monkeypatch.chdir(tmp_path)
    model, merged = _served(tiny_model, copied / "adapter")
    assert _tensors(copied / "adapter").keys() == {
        name.replace(".default", "") for name in model.state_dict() if "lora_" in name
    }
    for name, tensor in _tensors(copied / "adapter").items():
        assert model.state_dict()[name.replace(".weight", ".default.weight")].equal(tensor)
    base = _tensors(tiny_model)
    changed = {name for name, tensor in _tensors(merged).items() if not tensor.equal(base[name])}
    assert changed and all("_proj" in name for name in changed)


def _served(model: Path, adapter: Path) -> tuple[Any, Path]:
    """The adapted model of the manual's Python blocks, before it is merged, and the folder of the merged one."""
    blocks = re.findall(r"^```python\n(.*?)^```", SERVED, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for block in blocks[:-1]:
        text = block.replace("codellama/CodeLlama-7b-hf", str(model)).replace("runs/X/adapter", str(adapter))
        assert text != block or "runs/X" not in block
        exec(compile(text, "docs/serve-adapter.md", "exec"), names)
    adapted = copy.deepcopy(names["model"])
    exec(compile(blocks[-1], "docs/serve-adapter.md", "exec"), names)
    return adapted, Path("merged")


def _tensors(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def test_the_validation_loss_falls(tuned: tuple[list[str], Path]) -> None:
    history = files.read_json(tuned[1] / "tuning.json")["history"]
    assert min(loss for _, loss in history) < history[0][1]


def test_a_finished_run_is_returned_without_loading_a_model(tuned: tuple[list[str], Path]) -> None:
    words, folder = tuned
    before = (folder / "result.json").stat().st_mtime_ns
    out = harness(*words, runs_folder=folder.parent)
    assert "em@1" in out
    assert (folder / "result.json").stat().st_mtime_ns == before


def test_the_same_command_gives_byte_identical_records(tuned: tuple[list[str], Path], tmp_path: Path) -> None:
    words, folder = tuned
    harness(*words, runs_folder=tmp_path)
    again = the_run(tmp_path)
    assert again.name == folder.name
    assert (again / "records.jsonl").read_bytes() == (folder / "records.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("moment", "lines"),
    [("tunings/*/checkpoints/checkpoint-6/complete.json", 1), ("*/completions.jsonl", 8)],
    ids=["tuning", "generation"],
)
def test_a_killed_run_continues_and_ends_as_an_undisturbed_one(
    tuned: tuple[list[str], Path], tmp_path: Path, moment: str, lines: int
) -> None:
    words, undisturbed = tuned
    kill_when(_has(tmp_path, moment, lines), *words, runs_folder=tmp_path)
    assert not list(tmp_path.glob("*/result.json"))
    harness(*words, runs_folder=tmp_path)
    folder = the_run(tmp_path)
    assert untimed(folder) == untimed(undisturbed)
    assert (folder / "records.jsonl").read_bytes() == (undisturbed / "records.jsonl").read_bytes()


@pytest.mark.slow
def test_a_run_killed_while_judging_continues_and_ends_as_an_undisturbed_one(apps: Path, tmp_path: Path) -> None:
    slow = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
    lines = [{"id": str(i), "completions": [f"{slow}print({i})", "print('?')"]} for i in range(12)]
    mine = tmp_path / "mine.jsonl"
    mine.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    words = ["score", "--task", "apps", "--data", str(apps), "--completions", str(mine), "-k", "1,2"]
    harness(*words, runs_folder=tmp_path / "whole")
    kill_when(_has(tmp_path / "killed", "*/executions.jsonl", 2), *words, runs_folder=tmp_path / "killed")
    assert not list((tmp_path / "killed").glob("*/result.json"))
    harness(*words, runs_folder=tmp_path / "killed")
    folders = [the_run(tmp_path / name) for name in ("whole", "killed")]
    assert untimed(folders[0]) == untimed(folders[1])
    assert untimed(folders[0])["row"]["outcomes"] == {"failed": 12, "passed": 12}


def test_another_k_scores_again_without_writing_again(tuned: tuple[list[str], Path]) -> None:
    words, folder = tuned
    texts = [[c.text for c in r.completions] for r in runs.read_records(folder)]
    costs = (folder / "costs.jsonl").read_text()
    harness(*words[:-2], "-k", "1", "--set", "exact_match.normalisation=ast", runs_folder=folder.parent)
    assert [[c.text for c in r.completions] for r in runs.read_records(folder)] == texts
    assert (folder / "costs.jsonl").read_text() == costs
    harness(*words, runs_folder=folder.parent)


def test_programs_that_answer_otherwise_when_a_test_is_repeated_are_counted():
    executions = tuple(Execution(Outcome.FAILED, 1, 2, unstable=unstable) for unstable in (True, False, True))
    (note,) = _record_notes([Record("1", None, "", 0, (), 0, (), executions)])
    assert note.startswith("2 programs answered otherwise")
