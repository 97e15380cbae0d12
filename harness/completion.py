"""What a shell offers while a command is typed: names of plugins, options, runs and pages (docs/first-run.md)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from harness.modeling.quirks import prepare_process
from harness.plugin import Method

if TYPE_CHECKING:
    from harness.plugin_system.registry import Registry

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def names(kind: str) -> Complete:
    """Completes the names of plugins of one kind; in a list (`lora,ic`) or a combination (`lora+ra`) the last one."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        before, last = re.fullmatch(r"(.*[,+])?(.*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr]
        return [f"{before or ''}{name}" for name in _members(kind, last) if name.startswith(last)]

    return complete


def _members(kind: str, typed: str) -> Iterator[str]:
    """The names of a kind; the members of a family (`peft:dora`), which need a library, once its name is typed."""
    for name, plugin in _registry().entries(kind).items():
        if kind != "method" or type(plugin.plugin).variants is Method.variants:
            yield name
        elif typed.startswith(f"{name}:"):
            prepare_process()
            yield from (f"{name}:{variant}" for variant in plugin.plugin.variants())
        else:
            yield f"{name}:"


def plugins(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of any plugin."""
    from harness.plugin_system.registry import KINDS

    registry = _registry()
    return [name for kind in KINDS for name in registry.entries(kind) if name.startswith(incomplete)]


def runs(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the folder of a run below `--runs`; the shell completes other paths."""
    root = Path(context.params.get("root") or "runs")
    found = (str(file.parent) for file in sorted(root.glob("*/run.json")))
    return [CompletionItem(name) for name in found if name.startswith(incomplete)] or [_path(incomplete)]


def runs_and_plugins(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the folder of a run, or the name of any plugin."""
    folders = [one for one in runs(context, parameter, incomplete) if one.type == "plain"]
    named = [CompletionItem(name) for name in plugins(context, parameter, incomplete)]
    return [*folders, *named] or [_path(incomplete)]


def paths(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Lets the shell complete a path, where one may stand beside a name of the hub."""
    return [_path(incomplete)]


def _path(incomplete: str) -> CompletionItem:
    return CompletionItem(incomplete, type="file")


def pages(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a page of the manual."""
    from harness import manual_pages

    return [name for name in manual_pages.names() if name.startswith(incomplete)]


def options(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Completes NAME.OPTION= for any plugin that has options."""
    from harness.plugin_system.registry import KINDS

    registry = _registry()
    plugins = {name: plugin.plugin for kind in KINDS for name, plugin in registry.entries(kind).items()}
    found = [
        f"{name}.{field.name}="
        for name, plugin in plugins.items()
        for field in dataclasses.fields(getattr(plugin, "Config", None) or _Nothing)
    ]
    return [text for text in found if text.startswith(incomplete)]


@dataclasses.dataclass
class _Nothing:
    """The options of a plugin that has none."""


def _registry() -> Registry:
    from harness.plugin_system.registry import Registry

    return Registry(warn=lambda _: None)  # a line on stderr would stand in the middle of what is being typed


def option_values(meaning: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The command-line option `--set`, of the plugins that `meaning` names."""
    return click.option(
        "--set", "sets", multiple=True, metavar="NAME.OPTION=VALUE", shell_complete=options, help=meaning
    )
