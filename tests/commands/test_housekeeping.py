"""`harness runs` and `harness clean`: what there is, and what can go without losing a result."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness import files
from harness.cli import age, cli, size
from harness.evaluation.runs import TUNING
from harness.records import SCHEMA, ModelSpec, Row, Run, Sampling, digest, to_json


def harness(*words: str, **more: str) -> Result:
    return CliRunner().invoke(cli, words, **more)


RUN = Run(
    *("apps", "1", "lora", ModelSpec("m"), ("pass_at_k",), Sampling(1, 8), None, {}),
    data_digest="",
    model_digest="",
    limit=None,
    ks=(1,),
    seed=1,
)
CONTENT = {
    "run.json": json.dumps({"command": "", "data": {"source": "", "digest": ""}, "plugins": {}, "versions": {}}),
    "result.json": json.dumps(to_json({"schema": SCHEMA, "row": Row("a-1", RUN, (), (), {}, 0, 0)})),
    "records.jsonl": "",
    "completions.jsonl": "1\n2\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs, one of them finished, and three tunings, one of them in use and one interrupted."""
    for name, has in (("a-1", ["result.json", "records.jsonl"]), ("b-2", ["completions.jsonl"]), ("c-3", [])):
        (tmp_path / name).mkdir()
        for file in ["run.json", *has]:
            (tmp_path / name / file).write_text(CONTENT[file])
    for key in ("used", "unused", "interrupted"):
        folder = tmp_path / "tunings" / f"lora-{digest(key)[:12]}"
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "weights").write_bytes(b"w" * 2000)
        if key != "interrupted":
            files.write_json(folder / TUNING, {"key": key})
    files.write_json(tmp_path / "a-1" / TUNING, {"key": "used"})
    (tmp_path / "b-2" / ".writing.0123").write_text("half")
    return tmp_path


def left(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock"}


def test_runs_are_listed_with_their_state(root: Path) -> None:
    states = {
        state["run"]: state["state"] for state in json.loads(harness("runs", "--runs", str(root), "--json").stdout)
    }
    assert states == {"a-1": "finished", "b-2": "2 problems written", "c-3": "nothing written"}
    lines = harness("runs", "--runs", str(root)).stdout.splitlines()
    assert len(lines) == 3
    assert any(line.startswith("b-2") and line.endswith("2 problems written") for line in lines)


def test_a_run_that_a_process_works_on_is_said_to_be_running(root: Path) -> None:
    with (root / "b-2" / files.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "2 problems written, running now" in harness("runs", "--runs", str(root)).stdout
        assert ".writing" not in harness("clean", "--runs", str(root), "--yes").stdout
    assert "running now" not in harness("runs", "--runs", str(root)).stdout


def test_clean_deletes_what_no_run_needs_and_nothing_else(root: Path) -> None:
    before = left(root)
    done = harness("clean", "--runs", str(root), "--yes")
    assert done.exit_code == 0, done.output
    unused, used = (f"tunings/lora-{digest(key)[:12]}" for key in ("unused", "used"))
    assert before - left(root) == {
        f"{unused}/{TUNING}",
        f"{unused}/checkpoints/weights",
        f"{used}/checkpoints/weights",
        "b-2/.writing.0123",
    }
    assert harness("clean", "--runs", str(root)).stdout == f"nothing to delete below {root}\n"


def test_clean_asks_first_and_deletes_nothing_where_nobody_can_answer(root: Path) -> None:
    before = left(root)
    done = harness("clean", "--runs", str(root))
    assert "say --yes" in str(done.exception)
    assert left(root) == before


def test_a_folder_without_runs_is_said_to_have_none(tmp_path: Path) -> None:
    done = harness("runs", "--runs", str(tmp_path / "none"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no runs below" in done.stderr


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (123_456_789, "123 MB")])
def test_sizes_are_written_as_a_person_reads_them(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (61, "1 min"), (7200, "2 h"), (3 * 86400, "3 d")])
def test_so_are_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text
