"""The pages of the manual: those that lie in `docs/`, and those that are written from the code.

The latter are hooks, base classes, plugins with their options, commands and records. `python -m harness.manual_pages`
writes them to `docs/reference/`, where they can be read without harness; a test compares them with the code.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from harness import hookspecs, plugin, records
from harness.cli import cli
from harness.command_list import COMMANDS
from harness.plugin_system.loading import HOOKS, OURS
from harness.plugin_system.registry import KINDS, Registry
from harness.studies import study

WORDS = {
    "method": "Ways to adapt a model: by tuning, by prompting, or not at all. `lora+rag` combines one of each.",
    "task": "Problems to write code for, and how an answer is judged.",
    "metric": "What is computed from completions and executions. Definitions and evidence: [Metrics](../metrics.md).",
    "decoder": "Strategies that choose tokens. Without `--decoder` the task's settings decide.",
}

TITLES = {
    "reference/methods": "Methods and their options",
    "reference/tasks": "Tasks and their options",
    "reference/metrics": "Metrics and their options",
    "reference/decoders": "Decoders and their options",
    "reference/studies": "The built-in studies",
    "reference/hooks": "Hooks: what a plugin may implement",
    "reference/classes": "Base classes: what a plugin overrides",
    "reference/tools": "What a plugin may use",
    "reference/commands": "Every command and option",
    "reference/records": "Every type in a run folder, field by field",
}
"""What the pages that are written from the code are about."""

TOOLS = {
    "harness.plugin": ("option", "PREAMBLE", "TaskConfig", "TuningConfig"),
    "harness.data.sources": ("Source", "DataRow", "rows", "divide", "HubFiles"),
    "harness.modeling.base": ("Base", "parameters"),
    "harness.modeling.targets": ("attention", "feed_forward", "linear_names", "wrap"),
    "harness.modeling.examples": ("ExamplePool",),
    "harness.extract": ("AnswerExtractor", "Answer", "code", "cut"),
    "harness.extract.whole": ("WholeText",),
    "harness.owntests": ("OwnTests",),
    "harness.sandbox": ("execute", "Finished", "map_jobs", "run"),
    "harness.report.exhibits": ("StudyResults", "Exhibit", "Line", "Value"),
    "harness.evaluation.runs": ("finished", "read_records", "read_row"),
    "harness.errors": ("HarnessError", "UsageError", "DataError", "ModelError", "MissingLibrary"),
}
"""What the examples and the templates use, and what they may need: public, and kept."""


def folder() -> Path:
    """Where the written pages lie: in an installation beside the modules, in a checkout in `docs/`."""
    installed = Path(__file__).parent / "manual"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "docs"


def written() -> dict[str, str]:
    """The title of each page that lies in a file, by its name."""
    titles = {
        path.stem: path.read_text("utf-8").partition("\n")[0].removeprefix("# ") for path in folder().glob("*.md")
    }
    return dict(sorted(titles.items()))


def generated() -> dict[str, Callable[[], Iterator[str]]]:
    """What writes the lines of each page that is written from the code, by its name."""
    pages: dict[str, Callable[[], Iterator[str]]] = {f"{kind}s": functools.partial(plugins, kind) for kind in WORDS}
    pages |= {"studies": studies, "hooks": hooks, "classes": classes, "tools": tools}
    return pages | {"commands": commands, "records": record_types}


REFERENCE = "reference/"
"""What stands before the names of pages that are written from the code: there is a manual of studies, and a list."""


def names() -> list[str]:
    """What `harness docs` calls every page."""
    return [*written(), *(f"{REFERENCE}{name}" for name in generated())]


def page_of(text: str) -> str:
    """The name of the page that somebody means: also by the path of its file, and by the last part of its name."""
    name = text.removeprefix("docs/").removesuffix(".md")
    return f"{REFERENCE}{name}" if name not in written() and name in generated() else name


def write(target: Path) -> None:
    """Write every generated page to the folder `target`."""
    target.mkdir(exist_ok=True)
    for name, lines in generated().items():
        text = "\n".join(lines()) + "\n"
        file = target / f"{name}.md"
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def plugins(kind: str) -> Iterator[str]:
    """One section for each built-in plugin of a kind: what its module says, its reference, its options."""
    yield from (f"# {kind.capitalize()}s", "", WORDS[kind], "")
    registry = Registry(warn=lambda _: None)
    for entry in registry.entries(kind).values():
        if entry.origin.distribution != OURS:
            continue
        yield from (f"## {entry.name}", "")
        yield from prose(inspect.getdoc(inspect.getmodule(type(entry.plugin))) or "")
        if reference := entry.plugin.reference:
            yield from ("", f"*Reference:* {reference}")
        if variants := list(getattr(entry.plugin, "variants", list)()):
            yield from ("", "Members: " + ", ".join(f"`{entry.name}:{name}`" for name in variants) + ".")
        yield from ("", *options(entry.name, entry.plugin.Config))


def studies() -> Iterator[str]:
    """One section for each built-in study: what it asks, its reference, its runs and what its report shows."""
    yield from (
        "# Studies",
        "",
        "Grids of runs with what a paper published. How they are run: [Studies and leaderboards](../studies.md).",
        "",
    )
    registry = Registry(warn=lambda _: None)
    for entry in registry.entries("study").values():
        if entry.origin.distribution != OURS:
            continue
        file = study.load(entry.name, registry)
        yield from (f"## {entry.name}", "", f"*{file.title}*", "", file.about, "")
        sizes = {kind: len(file.cells(builtin=kind == "builtin")) for kind, grids in file.grids.items() if grids}
        runs = f"{sizes['grid']}, and {sizes['builtin']} on the built-in model" if sizes else "none, the data is enough"
        yield from (f"Runs: {runs}. Shows: {', '.join(file.shows)}.", "", f"*Reference:* {entry.plugin.reference}", "")


def options(name: str, config: type) -> Iterator[str]:
    """The table of a plugin's options."""
    fields = dataclasses.fields(config)
    if not fields:
        yield from ("It has no options.", "")
        return
    yield from ("| option | default | meaning |", "|---|---|---|")
    for field in fields:
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        code = f"`{shown}`" if shown else ""
        yield f"| `--set {name}.{field.name}=` | {cell(code)} | {cell(field.metadata.get('help', ''))} |"
    yield ""


def hooks() -> Iterator[str]:
    """The plugin manual's list of hooks: signature, when it is called, an example."""
    yield from ("# Hooks", "")
    yield from prose((inspect.getdoc(hookspecs) or "").partition("\n\n")[2])
    for name in HOOKS:
        function = getattr(hookspecs, name)
        words, _, example = (inspect.getdoc(function) or "").partition("@hookimpl")
        yield from ("", f"## {name}", "", "```python", f"def {name}{signature(function)}: ...", "```", "")
        yield from prose(words)
        yield from ("", "```python", f"@hookimpl{example}".rstrip(), "```")


def classes() -> Iterator[str]:
    """What a plugin subclasses: every attribute and method with its meaning."""
    yield from ("# Base classes", "")
    yield from prose(inspect.getdoc(plugin) or "")
    for base in [*(base for _, base in KINDS.values()), plugin.TuningMethod, plugin.PromptingMethod]:
        attributes = attribute_docs(base)
        yield from ("", f"## {base.__name__}", "")
        yield from (*prose(inspect.getdoc(base) or ""), "")
        for line, words in attributes.values():
            yield f"- `{line}`{f': {words}' if words else ''}"
        for name, function in vars(base).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                yield from ("", f"### {base.__name__}.{name}", "")
                yield from ("```python", f"def {name}{signature(function)}: ...", "```", "")
                yield from prose(inspect.getdoc(function) or "")


def tools() -> Iterator[str]:
    """What a plugin is given and may use, by module."""
    yield from ("# What a plugin may use", "")
    yield from (
        "Beside the [base classes](classes.md), the [records](records.md) and the contracts in `harness.testing`.",
    )
    for module, names in TOOLS.items():
        yield from ("", f"## {module}", "")
        for name in names:
            thing = getattr(importlib.import_module(module), name)
            if isinstance(thing, str):
                yield from ("", f"### {name}", "", "```python", f"from {module} import {name}", "```", "", repr(thing))
                continue
            yield from ("", f"### {name}", "", "```python", *_declared(name, thing), "```", "")
            yield from prose(inspect.getdoc(thing) or "")


def _declared(name: str, thing: Any) -> Iterator[str]:
    """How a function is called; the fields, properties and methods of a class."""
    if not inspect.isclass(thing):
        yield f"def {name}{signature(thing)}: ..."
        return
    yield f"class {name}:"
    for field in dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ():
        yield f"    {field.name}: {field.type}"
    for member, value in vars(thing).items():
        if member.startswith("_"):
            continue
        words = (inspect.getdoc(value) or "").partition("\n")[0]
        if isinstance(value, property | functools.cached_property):
            function = value.fget if isinstance(value, property) else value.func
            assert function is not None
            yield f"    {member}: {inspect.signature(function).return_annotation}  # {words}"
        elif inspect.isfunction(value):
            yield f"    def {member}{signature(value)}: ...  # {words}"


def commands() -> Iterator[str]:
    """The help of every command, as the command line prints it."""
    yield from ("# Commands", "", "```text")
    yield from (_help(cli, "harness"), "```", "")
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli, info_name="harness"), name)
        assert command is not None
        yield from one_command(f"harness {name}", command)


def _help(command: click.Command, path: str) -> str:
    """The help of a command, as wide as the page whatever the terminal is."""
    settings = {**cli.context_settings, "max_content_width": None}
    return command.get_help(click.Context(command, info_name=path, terminal_width=100, **settings))


def one_command(path: str, command: click.Command) -> Iterator[str]:
    """The help of one command, and of those below it."""
    yield from (f"## {path}", "", "```text")
    yield from (_help(command, path), "```", "")
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from one_command(f"{path} {name}", inner)


def record_types() -> Iterator[str]:
    """Every type that is written to a run folder."""
    yield from ("# Records", "")
    yield from prose(inspect.getdoc(records) or "")
    for name, kind in vars(records).items():
        if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == records.__name__:
            yield from ("", f"## {name}", "")
            yield from prose(inspect.getdoc(kind) or "")
            yield from ("", "| field | type | default |", "|---|---|---|")
            for field in dataclasses.fields(kind):
                default = "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
                if field.default_factory is not dataclasses.MISSING:
                    default = f"`{field.default_factory()!r}`"
                yield f"| `{field.name}` | `{cell(str(field.type))}` | {cell(default)} |"
    yield from ("", "## Outcome", "", " · ".join(f"`{outcome.value}`" for outcome in records.Outcome))


def prose(text: str) -> Iterator[str]:
    """A docstring as Markdown: what is indented is code, and so shown as it is."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("    ") or (block and not line.strip() and block[-1].strip()):
            block.append(line)
            continue
        if block:
            yield from ("", "```text", *textwrap.dedent("\n".join(block)).strip("\n").splitlines(), "```", "")
            block = []
        yield line.replace("<", r"\<") if "`" not in line else line
    if block:
        yield from ("", "```text", *textwrap.dedent("\n".join(block)).strip("\n").splitlines(), "```", "")


def signature(function: Any) -> str:
    """Parameters and result as they are written in the source: types are texts there, and stand without quotes."""

    def bare(annotation: Any) -> Any:
        return _Type(annotation) if isinstance(annotation, str) else annotation

    found = inspect.signature(function)
    parameters = [one.replace(annotation=bare(one.annotation)) for one in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=bare(found.return_annotation)))


class _Type(str):
    """A type's text, which a signature shows without quotes."""

    def __repr__(self) -> str:
        return str(self)


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", r"\|").replace("\n", " ")


def attribute_docs(base: type) -> dict[str, tuple[str, str]]:
    """Class attributes in the order of the source: the line that declares each, and the text below it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, tuple[str, str]] = {}
    name = None
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = (ast.unparse(node), "")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name is not None:
            found[name] = (found[name][0], " ".join(str(node.value.value).split()))
        else:
            name = None
    return found


if __name__ == "__main__":
    write(folder() / REFERENCE)
