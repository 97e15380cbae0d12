"""From `harness plugin new` to a plugin that is installed, tested, used and uninstalled, without an edit by hand."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.plugin_system.scaffold import KINDS, write_package


@pytest.mark.slow
def test_every_kind_is_written_installed_tested_used_and_uninstalled(
    environment: Any, pytestconfig: pytest.Config
) -> None:
    folders = {}
    for kind in KINDS:
        written = environment.harness("plugin", "new", named(kind), "--kind", kind, "--into", "packages")
        folders[kind] = environment.folder / written.stdout.strip()
    try:
        # Contracts of each kind are tested in tests/testing; here two stand for all.
        for kind in KINDS if pytestconfig.getoption("--long") else ("task", "metric"):
            _does_what_its_readme_says(environment, folders[kind])
        environment.pip("uninstall", "--yes", *(folder.name for folder in folders.values()))
        assert "my-" not in environment.harness("plugins").stdout
        environment.install(*folders.values())
        _are_listed(environment)
        _are_used(environment, folders["task"] / "tests" / "data")
    finally:
        environment.pip("uninstall", "--yes", *(f"harness-my-{kind}" for kind in KINDS))
    assert "my-" not in environment.harness("plugins").stdout
    assert "my-" not in environment.harness("--help").stdout


def named(kind: str) -> str:
    """Metrics are named with underscores, as their measures are; the rest with dashes."""
    return "my_metric" if kind == "metric" else f"my-{kind}"


def _are_listed(environment: Any) -> None:
    rows = json.loads(environment.harness("plugins", "--json").stdout)
    assert rows["left_out"] == rows["warnings"] == []
    mine = {
        (row["kind"], row["name"], row["distribution"])
        for row in rows["plugins"]
        if row["name"].startswith(("my-", "my_"))
    }
    assert mine == {(kind, named(kind), f"harness-my-{kind}") for kind in KINDS}


def _does_what_its_readme_says(environment: Any, folder: Path) -> None:
    """Every line of its console block, word for word."""
    (block,) = re.findall(
        r"^```console\n(.*?)^```", (folder / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = [shlex.split(line) for line in block.splitlines()]
    assert [line[0] for line in lines] == ["pip", "harness", "harness", "harness", "pytest"]
    printed = []
    for line in lines:
        done = environment.run("-m", *line, cwd=folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    assert folder.name in printed[1]
    assert " 0 broken" in printed[3]
    assert "passed" in printed[4].splitlines()[-1]


def _are_used(environment: Any, data: Path) -> None:
    words = ["--data", str(data), "--task", "my-task", "--metric", "my_metric,pass_at_k", "--max-new-tokens", "16"]
    methods = environment.harness("eval", "--method", "my-method", *words, "--set", "my-method.epochs=1", "--json")
    row = json.loads(methods.stdout)[0]
    assert row["trainable_parameters"] > 0
    assert {"words@1", "pass@1"} <= {estimate["measure"] for estimate in row["estimates"]}
    backends = environment.harness("eval", "--method", "zero-shot", "--backend", "my-backend", "--model", "any", *words)
    assert "zero-shot" in backends.stdout
    answers = [json.loads(line) for line in (data / "test.jsonl").read_text("utf-8").splitlines()]
    lines = [json.dumps({"id": row["id"], "completions": [row["answer"]]}) + "\n" for row in answers]
    (environment.folder / "right.jsonl").write_text("".join(lines), "utf-8")
    scored = ["--task", "my-task", "--data", str(data), "--metric", "my_metric,pass_at_k", "--json"]
    row = json.loads(environment.harness("score", "--completions", "right.jsonl", *scored).stdout)[0]
    assert {e["measure"]: e["value"] for e in row["estimates"]} == {"words@1": 1.0, "pass@1": 1.0}
    assert len(environment.harness("my-command").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Bad", "bad"),
        ("MyTask", "my-task"),
        ("two--dashes", "two-dashes"),
        ("-dash", "dash"),
        ("1st", "my-task"),
        ("a b", "a-b"),
        ("my_sql", "my-sql"),
        ("", "my-task"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_one_that_can(tmp_path: Path, name: str, instead: str) -> None:
    words = f"is no name of a task; write small letters and digits with single dashes: {instead}"
    with pytest.raises(UsageError, match=f"{words}$"):
        write_package(name, "task", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "harness-mine").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        write_package("mine", "task", tmp_path)


def test_no_template_word_is_left_over(tmp_path: Path) -> None:
    for kind in KINDS:
        folder = write_package(f"harness-a-{kind}", kind, tmp_path)
        assert folder.name == f"harness-a-{kind}"
        for file in folder.rglob("*.*"):
            if file.is_file() and file.suffix != ".yml":
                assert "{{" not in file.read_text("utf-8"), file


def test_a_method_tunes_or_chooses_examples(tmp_path: Path) -> None:
    for prompting, base in ((False, "TuningMethod"), (True, "PromptingMethod")):
        folder = write_package(f"my-{base.lower()}", "method", tmp_path, prompting=prompting)
        source = next(folder.glob("harness_*/__init__.py")).read_text("utf-8")
        assert f"({base}):" in source and "{{" not in source
    with pytest.raises(UsageError, match="--prompting: a task does not prompt"):
        write_package("my-task", "task", tmp_path, prompting=True)


def test_a_metric_is_named_with_underscores(tmp_path: Path) -> None:
    folder = write_package("my_metric", "metric", tmp_path)
    assert folder.name == "harness-my-metric" and (folder / "harness_my_metric" / "__init__.py").is_file()
    with pytest.raises(UsageError, match="with single underscores: my_metric"):
        write_package("my-metric", "metric", tmp_path)
