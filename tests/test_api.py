"""harness from Python: what the command line does, typed, light to import, and alive in a notebook."""

from __future__ import annotations

import dataclasses
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness
from harness.config import Settings, option_text
from harness.errors import PluginError, UsageError
from harness.evaluation.request import Request
from harness.plugin import Method, Metric
from harness.plugin_system.registry import Registry

ROOT = Path(__file__).parents[1]


def notebook_lines() -> list[str]:
    """The five lines of the page about the API."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    block = re.search(r"^```python\n(import harness\n.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert block is not None
    return [line for line in block.group(1).splitlines() if line]


def test_importing_harness_imports_nothing_heavy_and_every_name_is_there() -> None:
    program = """
import sys
import harness
heavy = {"torch", "transformers", "datasets", "peft", "click", "numpy", "harness.api"} & set(sys.modules)
missing = [name for name in harness.__all__ if not hasattr(harness, name)]
print(sorted(heavy), missing, sorted({"torch", "transformers", "datasets", "peft"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] [] []"
    with pytest.raises(AttributeError, match="no attribute 'leaderbord'"):
        harness.leaderbord  # type: ignore[attr-defined]  # noqa: B018


def test_a_name_of_the_api_is_no_name_of_a_folder_which_would_hide_it() -> None:
    folders = {path.name for path in (ROOT / "harness").iterdir()} | {path.name for path in ROOT.iterdir()}
    assert not {"run", "load", "compare", "leaderboard"} & {name.removesuffix(".py") for name in folders}


@pytest.mark.parametrize("value", [7, 0.5, True, None, "a", ("a", "b"), [1, 2]])
def test_an_option_given_as_a_value_is_the_one_that_set_writes(value: object) -> None:
    shown = {7: "7", 0.5: "0.5", True: "True", None: "None", "a": "a"}
    expected = ",".join(map(str, value)) if isinstance(value, list | tuple) else shown[value]  # type: ignore[index]
    assert option_text(value) == expected
    Settings([f"lora.r={option_text(value)}"])


def test_one_text_in_place_of_a_list_of_names_is_refused() -> None:
    with pytest.raises(UsageError, match=r"metrics='codebleu': give a list of names, \['codebleu'\]"):
        harness.run("zero-shot", "apps", metrics="codebleu")
    with pytest.raises(UsageError, match="tasks='apps': give a list of names"):
        harness.leaderboard(".", tasks="apps")


def test_a_name_that_run_does_not_take_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"run\(\) has no parameter 'max_tokens'. Did you mean 'max_new_tokens'\?"):
        harness.run("zero-shot", "apps", runs=tmp_path, max_tokens=8)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"run\(\) has no parameter 'split'"):
        harness.run("zero-shot", "apps", runs=tmp_path, split="validation")  # type: ignore[call-arg]


def test_every_setting_of_run_is_explained_and_is_one_of_a_request() -> None:
    names = set(harness.RunSettings.__annotations__)
    explained = re.findall(r"^ {4}([a-z_]+(?:, [a-z_]+)*): ", harness.RunSettings.__doc__ or "", re.MULTILINE)
    assert {name for line in explained for name in line.split(", ")} == names
    assert names < {field.name for field in dataclasses.fields(Request)}


def test_what_the_command_refuses_is_refused_in_the_same_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no method 'lroa'. Did you mean 'lora'"):
        harness.run("lroa", "apps", runs=tmp_path)
    with pytest.raises(UsageError, match=r"lora"):
        harness.run("zero-shot", "apps", options={"lora.r": 8}, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_are_loaded_compared_and_ranked_as_the_commands_print_them(tmp_path: Path, synthetic: ModuleType) -> None:
    from click.testing import CliRunner

    from harness.cli import cli

    for number, method in enumerate(("lora", "ia3", "zero-shot")):
        rng = random.Random(number)
        made = list(synthetic.records(rng, 0.3 + number / 5, 20))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, 42), made, rng), made)
    folders = sorted(path for path in (tmp_path / "runs").iterdir() if (path / "result.json").is_file())
    one = harness.load(folders[0])
    assert one.row.run_id == folders[0].name
    assert len(one.records) == len({record.id for record in one.records}) > 0

    board = harness.leaderboard(tmp_path / "runs")
    assert {row.run_id for row in board.rows} == {folder.name for folder in folders}
    for form in ("table", "markdown", "csv", "latex"):
        printed = CliRunner().invoke(cli, ["leaderboard", "--runs", str(tmp_path / "runs"), "--format", form])
        assert printed.output == board.render(form) + "\n", printed.exception  # type: ignore[arg-type]
    assert board._repr_markdown_() == board.render("markdown")
    with pytest.raises(UsageError, match="no format 'pdf'"):
        board.render("pdf")  # type: ignore[arg-type]

    first, second = (row for row in board.boards[0].rows[:2])
    compared = harness.compare(first, harness.load(tmp_path / "runs" / second.run_id), runs=tmp_path / "runs")
    paths = [str(tmp_path / "runs" / row.run_id) for row in (first, second)]
    assert CliRunner().invoke(cli, ["compare", *paths]).output == f"{compared}\n"


class Nothing(Method):
    """Adapts nothing."""

    name = "nothing"


def test_a_plugin_that_no_package_offers_can_be_added() -> None:
    registry = Registry()
    registry.add(Nothing())
    entry = registry.method("nothing")
    assert isinstance(entry.plugin, Nothing)
    assert len(entry.origin.digest) == 64
    plan = harness.Session(registry)
    assert plan.registry.method("nothing") is entry


class Nameless(Metric):
    """Has no name."""


def test_a_plugin_that_cannot_be_added_says_why() -> None:
    registry = Registry()
    registry.add(Nothing())
    for plugin, words in (
        (Nothing(), "there is a method 'nothing' already"),
        (Nothing, "is an instance of none of Method, Task, Metric, Backend"),
        (object(), "is an instance of none of"),
        (Nameless(), "cannot add a Metric whose name is None"),
    ):
        with pytest.raises(PluginError, match=words):
            registry.add(plugin)  # type: ignore[arg-type]


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Any]:
    """The client of a notebook's kernel, which works in an empty folder."""
    pytest.importorskip("ipykernel", reason="pip install ipykernel")
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=300)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cells(client: Any, lines: Sequence[str]) -> list[dict[str, Any]]:
    """What the kernel sends while it runs each line as a cell."""
    messages: list[dict[str, Any]] = []
    for line in lines:
        reply = client.execute_interactive(line, timeout=500, output_hook=messages.append)
        assert reply["content"]["status"] == "ok", reply["content"]
    return messages


@pytest.mark.slow
def test_a_run_from_a_notebook_takes_five_lines_and_shows_its_progress(kernel: Any) -> None:
    lines = notebook_lines()
    assert len(lines) == 5
    messages = cells(kernel, lines)
    shown = [m for m in messages if m["msg_type"] == "display_data"]
    changed = [m for m in messages if m["msg_type"] == "update_display_data"]
    assert any("writing" in m["content"]["data"]["text/plain"] for m in shown)
    assert any(re.match(r"writing zero-shot: \d+/\d+", m["content"]["data"]["text/plain"]) for m in changed)
    results = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
    assert "| rank | model |" in results[-1]["text/markdown"]
    printed = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert "common problems" in printed
