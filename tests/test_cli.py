"""Bad input is one clear line with the remedy, exit status 1 or 2, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.config import Settings
from harness.evaluation import rescoring as external
from harness.evaluation import runs
from harness.evaluation.request import Request
from harness.plugin_system.registry import Registry
from tests.warm import harness


def _prepare(folder: Path) -> None:
    rows = [{"nl": "x", "cmd": "y", "question_id": f"{i}-1"} for i in range(4)]
    (folder / "conala").mkdir()
    for split in ("train", "test"):
        (folder / "conala" / f"{split}.json").write_text(json.dumps(rows))
    (folder / "cut.jsonl").write_text('{"nl": "x", "cmd": "y", "question_id": "1-1"}\n{"nl": ')
    problem = {"problem_id": 1, "question": "q", "difficulty": "interview", "input_output": ""}
    (folder / "test.jsonl").write_text(json.dumps(problem))
    (folder / "unknown.jsonl").write_text('{"id": "nosuch", "completions": ["x"]}\n')
    (folder / "short.jsonl").write_text('{"id": "0-1", "completions": ["x"]}\n')


MISTAKES = [
    (
        ["eval", "--method", "lora", "--taks", "conala"],
        2,
        "error: no option '--taks'. Did you mean '--task'? See: harness",
    ),
    (["nope"], 2, "error: no command 'nope'. Known: "),
    (["show", "nope"], 2, "no plugin or run folder 'nope'. Known: "),
    (["evl"], 2, "no command 'evl'. Did you mean 'eval'?"),
    (["eval", "--task", "conala"], 2, "Missing option '--method'"),
    (["eval", "--method", "lroa", "--task", "conala"], 2, "no method 'lroa'. Did you mean 'lora'?"),
    (["eval", "--method", "lora", "--task", "aps"], 2, "no task 'aps'. Did you mean 'apps'?"),
    (
        ["eval", "--method", "lora+zero-shot", "--task", "conala"],
        2,
        "combine one tuning method with one prompting method",
    ),
    (["eval", "--method", "lora", "--task", "conala", "--metric", "exact_mach"], 2, "Did you mean 'exact_match'?"),
    (["eval", "--method", "lora", "--task", "conala", "--set", "lora.rank=3"], 2, "no option of lora 'rank'"),
    (["eval", "--method", "lora", "--task", "conala", "--set", "lora.r=big"], 2, "'big' is not a whole number"),
    (["eval", "--method", "zero-shot", "--task", "conala", "-k", "99"], 2, "only 10 candidates are written"),
    (["eval", "--method", "zero-shot", "--task", "conala", "-k", "x"], 2, "not a list of whole numbers"),
    (
        ["eval", "--method", "lora", "--task", "conala", "--data", "nowhere"],
        1,
        "--data nowhere: no such file or folder",
    ),
    (["eval", "--method", "lora", "--task", "conala", "--data", "cut.jsonl"], 1, "cut.jsonl, line 2: not JSON"),
    (["eval", "--method", "zero-shot", "--task", "apps", "--data", "test.jsonl"], 1, "no test problem has tests"),
    (
        ["eval", "--method", "zero-shot", "--task", "conala", "--data", "conala", "--model", "./gone"],
        1,
        "no such folder",
    ),
    (
        ["eval", "--method", "zero-shot", "--task", "conala", "--data", "conala", "--model", "conala"],
        1,
        "cannot be loaded",
    ),
    # Said before anything is fetched from the hub.
    (["eval", "--method", "zero-shot", "--task", "conala", "--model", "./gone"], 1, "--model ./gone: no such folder"),
    (["show", "lroa"], 2, "Did you mean 'lora'?"),
    (["show", "./conala"], 1, "conala/run.json: not found, so this is no run"),
    (["leaderboard", "nowhere"], 1, "nowhere: no such folder"),
    (["score"], 2, "name a finished run, or --task with --completions"),
    (["score", "nowhere", "--metric", "exact_match"], 1, "nowhere: no such folder; see: harness runs"),
    (["score", "--task", "conala", "--data", "conala", "--completions", "gone.jsonl"], 1, "gone.jsonl: no such file"),
    (
        ["score", "--task", "conala", "--data", "conala", "--completions", "conala"],
        1,
        "conala: a folder or a pipe; write",
    ),
    (["score", "--task", "conala", "--data", "conala", "--completions", "unknown.jsonl"], 2, "'nosuch'"),
    (
        ["score", "--task", "conala", "--data", "conala", "--completions", "short.jsonl"],
        1,
        "no completions for 3 problems",
    ),
]


@pytest.mark.parametrize(("words", "status", "line"), MISTAKES, ids=[" ".join(words) for words, _, _ in MISTAKES])
def test_a_mistake_is_one_clear_line(words: list[str], status: int, line: str, tmp_path: Path) -> None:
    _prepare(tmp_path)
    done = harness(*words, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert line in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len([text for text in done.stderr.splitlines() if text.lower().startswith("error")]) == 1


def test_a_dry_run_shows_every_value_that_can_be_set_and_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text(
        "[eval]\nmethod = 'lora'\ntask = 'apps'\nlimit = 5\n[lora]\nbatch_size = 4\n"
    )
    words = ["eval", "--task", "conala", "--set", "lora.r=3", "--seed", "42", "--decoder", "beam-search", "--dry-run"]
    environ = {**os.environ, "HARNESS_EVAL_CANDIDATES": "2", "HARNESS_LORA__MAX_TOKENS": "64"}
    done = harness(*words, cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    rows = (re.split("  +", line.strip()) for line in done.stdout.splitlines()[2:])
    shown = {row[0]: row[1:] for row in rows if len(row) == 3}
    assert shown["lora.r"] == ["3", "--set"]
    assert shown["lora.alpha"] == ["32", "default"]
    assert shown["lora.batch_size"] == ["4", "harness.toml"]
    assert shown["lora.max_tokens"] == ["64", "HARNESS_LORA__MAX_TOKENS"]
    assert shown["lora.warmup_ratio"] == ["0.05", "default"]
    assert shown["seed"] == ["42", "command line"]
    assert shown["decoder"] == ["beam-search", "command line"]
    assert shown["limit"] == ["5", "harness.toml"]
    assert shown["candidates"] == ["2", "HARNESS_EVAL_CANDIDATES"]
    assert shown["temperature"][1] == "default of conala"
    assert not {"evaluate_every", "batch_size", "learning_rate"} & set(shown), "nobody can set these"
    assert not (tmp_path / "runs").exists()


def test_a_list_may_be_given_in_one_or_in_several_options(tmp_path: Path) -> None:
    words = ["eval", "--method", "zero-shot", "--task", "conala", "--dry-run"]
    lists = {"--metric": ["exact_match", "codebleu"], "--seed": ["1", "2"], "-k": ["1", "5"]}
    in_one = [word for option, values in lists.items() for word in (option, ",".join(values))]
    in_several = [word for option, values in lists.items() for value in values for word in (option, value)]
    together, apart = (harness(*words, *more, cwd=tmp_path) for more in (in_one, in_several))
    assert apart.returncode == 0 and "codebleu" in apart.stdout
    assert apart.stdout == together.stdout


def test_references_given_as_completions_score_one(tmp_path: Path) -> None:
    _prepare(tmp_path)
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"id": f"{i}-1", "completions": ["y", "n"]}) + "\n" for i in range(4)))
    request = Request("external", "conala", data=tmp_path / "conala", metrics=("exact_match",))
    row = external.score_file(request, path, "mine", Registry(), Settings(environ={}), tmp_path / "runs")
    assert {e.measure: e.value for e in row.estimates}["em@1"] == 1.0
    assert row.run.model.name == "mine"


def test_given_completions_are_cut_where_the_task_stops_and_another_k_is_scored_anew(tmp_path: Path) -> None:
    _prepare(tmp_path)
    path = tmp_path / "mine.jsonl"
    texts = ["n", "\ny\nexplained here"]
    path.write_text("".join(json.dumps({"id": f"{i}-1", "completions": texts}) + "\n" for i in range(4)))
    measured = []
    for ks in ((1,), (1, 2)):
        request = Request("external", "conala", data=tmp_path / "conala", ks=ks)
        row = external.score_file(request, path, "mine", Registry(), Settings(environ={}), tmp_path / "runs")
        measured.append({e.measure: e.value for e in row.estimates})
    assert "em@2" not in measured[0]
    assert (measured[1]["em@1"], measured[1]["em@2"]) == (0.0, 1.0)


def test_a_data_file_without_a_split_in_its_name_is_scored_whole_and_again(tmp_path: Path) -> None:
    data = [{"nl": "x", "cmd": "y", "question_id": i} for i in range(10)]
    (tmp_path / "mine.json").write_text(json.dumps(data))
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps({"id": i, "completions": ["y"]}) + "\n" for i in range(10)))
    words = ["--data", "mine.json", "--completions", "answers.jsonl", "--metric", "exact_match"]
    done = harness("score", "--task", "conala", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = runs.finished(tmp_path / "runs")
    assert len(runs.read_records(folder)) == 10
    done = harness("score", str(folder), "--metric", "parse_rate", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {e.n for e in runs.read_row(folder).estimates} == {10}


def test_a_metric_is_added_to_a_finished_run_and_the_others_stay(tmp_path: Path) -> None:
    _prepare(tmp_path)
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"id": f"{i}-1", "completions": ["y"]}) + "\n" for i in range(4)))
    settings = Settings(environ={})
    request = Request("external", "conala", data=tmp_path / "conala", metrics=("exact_match",))
    external.score_file(request, path, "mine", Registry(), settings, tmp_path / "runs")
    (folder,) = runs.finished(tmp_path / "runs")
    row = external.add_metrics(folder, ("exact_match",), (1,), None, Registry(), settings)
    assert row == runs.read_row(folder)
    assert [s.metric for r in runs.read_records(folder) for s in r.scores] == ["exact_match"] * 4


def test_data_that_changed_is_not_scored_as_if_it_had_not(tmp_path: Path) -> None:
    _prepare(tmp_path)
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"id": f"{i}-1", "completions": ["y"]}) + "\n" for i in range(4)))
    done = harness("score", "--task", "conala", "--data", "conala", "--completions", "mine.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = runs.finished(tmp_path / "runs")
    with (tmp_path / "conala" / "test.json").open("a") as file:
        file.write("\n")
    done = harness("score", str(folder), "--metric", "exact_match", cwd=tmp_path)
    assert done.returncode == 1
    assert "not the data of" in done.stderr


LATE_SIGNAL = """
import os, signal, sys, time
from harness import cli

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what runs in the background
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and nohup this one

class Held:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(100): pass  # here Python runs the handler, and drops what it raises

def work(**_):
    held = Held()
    del held
    time.sleep(60)

cli.cli.main = work
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "interrupted; the same command continues"),
        (signal.SIGTERM, "ended by TERM; the same command continues"),
        (signal.SIGHUP, "ended: the terminal is gone (HUP); the same command continues"),
    ],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_that_arrives_while_an_object_is_deleted_ends_the_program_too(number: int, line: str) -> None:
    words = [sys.executable, "-c", LATE_SIGNAL, str(number)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (128 + number, line + "\n")
