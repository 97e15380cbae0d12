"""`harness plugin new` writes a plugin package; `harness plugin check` examines an installed plugin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness import cli

KINDS = ("method", "task", "metric", "backend", "command")
MARKS = {"kept": "ok  ", "broken": "FAIL", "skipped": "skip"}


@click.group("plugin")
def command() -> None:
    """Write a plugin of your own, and check it.

    \b
    harness plugin new my-metric --kind metric
    harness plugin check my-metric
    """


@command.command("check")
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="A task's files.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(name: str, data: Path | None, as_json: bool) -> None:
    """Run the contract of the installed plugin NAME, and say in plain words what it keeps and what not."""
    from harness.errors import UsageError
    from harness.model import prepare_process
    from harness.registry import Registry

    prepare_process()
    from harness.testing import contract_for, examine

    registry = Registry()
    kind, origin = ("command", "") if registry.command(name) is not None else _found(registry, name)
    if data is not None and kind != "task":
        raise UsageError(f"--data: {name} is a {kind}; only a task has data")
    found = []
    if not as_json:
        click.echo(f"{kind} {name} {origin}".rstrip())
    for finding in examine(contract_for(kind, name, {"data": data} if data is not None else {})):
        found.append(finding)
        if not as_json:
            reason = f": {finding.reason}" if finding.reason else ""
            click.echo(f"  {MARKS[finding.verdict]}  {finding.words}{reason}")
    if as_json:
        cli.echo_json({"kind": kind, "name": name, "findings": found})
    broken = sum(finding.verdict == "broken" for finding in found)
    if not as_json:
        skipped = sum(finding.verdict == "skipped" for finding in found)
        click.echo(f"{len(found) - broken - skipped} kept, {broken} broken, {skipped} do not apply")
    sys.exit(1 if broken else 0)


def _found(registry: Any, name: str) -> tuple[str, str]:
    kind, offer = registry.find(name)
    return kind, f"({offer.origin.distribution} {offer.origin.version})"


@command.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin offers.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder to write to."
)
def new(name: str, kind: str, into: Path) -> None:
    """Write a whole package for the plugin NAME: one small working plugin with tests, packaging, README and CI."""
    from harness.errors import UsageError
    from harness.registry import Registry
    from harness.scaffold import write_package

    registry = Registry()
    taken = registry.known(name.removeprefix("harness-"))
    if taken:
        raise UsageError(f"there is already a {taken} called {name!r}; see: harness plugins")
    folder = write_package(name, kind, into)
    click.echo(f"{folder}")
    click.echo(f"next: pip install -e '{folder}[test]' && cd '{folder}' && pytest", err=True)
