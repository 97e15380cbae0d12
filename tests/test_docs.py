"""The documentation builds without a warning, leaves out no hook and no option, and its console blocks run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness.cli import cli
from harness.command_list import COMMANDS
from harness.plugin_system.loading import HOOKS
from harness.plugin_system.registry import KINDS, Registry
from tests import warm

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as HTML; the pages written from the code are below `docs/reference`."""
    pytest.importorskip("sphinx", reason="pip install '.[test]' brings sphinx")
    target = tmp_path_factory.mktemp("html")
    words = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(target / "trees"), str(DOCS), str(target / "html")]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / "html"


KINDS_OF_PAGES = ("Tutorial", "How to", "Reference", "Explanation")


def test_the_manual_is_in_four_kinds_and_leaves_out_no_page() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    captions = re.findall(r"^:caption: (.+)$", index, re.MULTILINE)
    assert tuple(captions) == KINDS_OF_PAGES
    listed = re.findall(r"^([\w-]+)$", "".join(re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)), re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in PAGES if path.stem != "index")


def page(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text("utf-8")


@pytest.mark.slow
def test_it_builds_without_a_warning(built: Path) -> None:
    assert (built / "index.html").is_file()
    assert {path.stem for path in built.glob("*.html")} >= {path.stem for path in PAGES}


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_an_example_that_is_python(built: Path, hook: str) -> None:
    section = page("hooks").split(f"\n## {hook}\n", 1)[1].split("\n## ", 1)[0]
    signature, example = re.findall(r"```python\n(.*?)\n```", section, re.DOTALL)
    assert signature.startswith(f"def {hook}(")
    assert f"def {hook}(" in example
    compile(example, hook, "exec")
    words = re.sub(r"```python\n.*?\n```", "", section, flags=re.DOTALL).strip()
    assert len(words) > 20, f"{hook}: when is it called, and with what?"


@pytest.mark.slow
def test_what_examples_and_templates_import_from_harness_is_documented(built: Path) -> None:
    """They are the plugins that a newcomer reads; what they use is what one needs."""
    root = DOCS.parent
    files = [*root.glob("examples/*/harness_*/*.py"), *root.glob("harness/plugin_system/templates/*/plugin.py.txt")]
    assert len(files) > 8
    documented = "\n".join(page(name) for name in ("tools", "classes", "records", "hooks"))
    for file in files:
        for names in re.findall(r"^ *from harness[.a-z]* import (.+)$", file.read_text("utf-8"), re.MULTILINE):
            for name in names.split(", "):
                assert re.search(rf"(class|def|##|import) {name}\b", documented), f"{file.name}: {name}"


def _commands(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
    inner = command.commands.items() if isinstance(command, click.Group) and path != "harness" else []
    return [(path, command), *(pair for name, one in inner for pair in _commands(f"{path} {name}", one))]


@pytest.mark.slow
def test_every_option_of_every_command_is_documented(built: Path) -> None:
    missing = _undocumented("harness", cli, page("commands").split("\n## ", 1)[0])
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli), name)
        assert found is not None
        for path, command in _commands(f"harness {name}", found):
            section = page("commands").split(f"\n## {path}\n", 1)[1].split("\n## ", 1)[0]
            missing += _undocumented(path, command, section)
    assert missing == []


def _undocumented(path: str, command: click.Command, section: str) -> list[str]:
    """The options that the page does not show, and those of which nobody says what they mean."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    unseen = [f"{path} {name}" for option in options for name in option.opts if name not in section]
    return unseen + [f"{path} {option.opts[0]} has no meaning" for option in options if not option.help]


def test_an_option_without_a_meaning_or_out_of_sight_is_named() -> None:
    command = click.Command("c", params=[click.Option(["--deep"]), click.Option(["--dark"], help="x", hidden=True)])
    shown = command.get_help(click.Context(command))
    assert _undocumented("harness c", command, shown) == ["harness c --dark", "harness c --deep has no meaning"]


@pytest.mark.slow
def test_every_built_in_plugin_and_its_options_are_documented(built: Path) -> None:
    registry = Registry()
    for kind, (hook, _) in KINDS.items():
        for entry in registry.entries(kind).values():
            if entry.origin.distribution != "codetune-harness":
                continue
            section = page(hook.removeprefix("harness_")).split(f"\n## {entry.name}\n", 1)[1].split("\n## ", 1)[0]
            for field in entry.plugin.Config.__dataclass_fields__:
                assert f"`--set {entry.name}.{field}=`" in section
            assert entry.plugin.reference in section


def blocks() -> list[tuple[str, list[str]]]:
    """The commands of each page's console blocks, in order; a line that begins with a comment is none."""
    found = []
    for path in PAGES:
        lines = [
            line
            for block in re.findall(r"^```console\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
            for line in block.splitlines()
            if line and not line.startswith("#")
        ]
        if lines:
            found.append((path.name, lines))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lines"), blocks(), ids=[name for name, _ in blocks()])
def test_every_console_block_runs(name: str, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(DOCS.parent / "examples")
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "harness", f"{name}: a console block holds commands of harness only: {line}"
        done = warm.harness(*words[1:], cwd=tmp_path, environ={**os.environ, "HARNESS_PLUGINS": ""})
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip(), line
