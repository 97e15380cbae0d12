"""Every command shows how it is typed, and what it shows works."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.command_list import COMMANDS

ONLY_READ = {
    "harness eval": "tunes, or fetches a model",
    "harness score --task apps": "judges sixty programs",
    "harness plan": "fetches the configuration of a model",
    "harness study run": "makes the runs of a study",
    "harness study report": "is about the runs of a study",
    "harness sandbox": "tries every promise",
    "harness plugin check": "runs a contract, which takes its time",
}
"""Examples that are understood here and not run, and why; those that begin with such words."""


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli), name)
        assert found is not None
        yield from _below(f"harness {name}", found)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    for name, inner in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _below(f"{path} {name}", inner)


def examples_of(command: click.Command) -> list[str]:
    return [line.strip() for line in (command.help or "").splitlines() if line.strip().startswith("harness ")]


EVERY = dict(commands())
EXAMPLES = list(dict.fromkeys(line for command in EVERY.values() for line in examples_of(command)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs."""
    made = tmp_path_factory.mktemp("examples")
    rows = [{"nl": f"Add {i}.", "cmd": f"x + {i}", "question_id": i} for i in range(6)]
    (made / "test.json").write_text(json.dumps(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        for method in ("lora", "ia3"):
            lines = [json.dumps({"id": str(i), "completions": [f"x + {i}"] + [method] * 9}) for i in range(6)]
            (made / "mine.jsonl").write_text("\n".join(lines))
            words = ["--task", "conala", "--data", "test.json", "--completions", "mine.jsonl", "-k", "1,10"]
            done = CliRunner().invoke(cli, ["score", *words, "--method", method], catch_exceptions=False)
            assert done.exit_code == 0, done.output
    return made


@pytest.mark.parametrize(("path", "command"), EVERY.items(), ids=EVERY)
def test_every_command_shows_an_example_of_its_own(path: str, command: click.Command) -> None:
    shown = examples_of(command)
    assert shown
    assert all(line.split()[: len(path.split())] == path.split() for line in shown)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_understood(example: str) -> None:
    command: click.Command = cli
    _, *words = shlex.split(example)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None
        command = found
    context = command.make_context(command.name, words)
    assert context.params.keys() == {option.name for option in command.params if option.expose_value}


@pytest.mark.parametrize("example", [line for line in EXAMPLES if not line.startswith(tuple(ONLY_READ))])
def test_an_example_runs(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_PLUGINS", "")
    monkeypatch.chdir(folder)
    runs = {method: str(path.relative_to(folder)) for path in folder.glob("runs/*") for method in path.name.split("-")}
    words = shlex.split(re.sub(r"runs/conala-(lora|ia3)\S+", lambda found: runs[found[1]], example))[1:]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.output.strip() or Path(words[-1]).is_file()  # what was written to a file is not printed
