"""`harness plugin new` writes a plugin package; `harness plugin check` examines an installed plugin."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import cli, completion

if TYPE_CHECKING:
    from harness.plugin_system.registry import Registry

_WITH_OPTIONS = ("method", "decoder", "backend")
_MEANT = {"data": "data", "model": "a model", "set": "options here"}
KINDS = ("method", "task", "metric", "backend", "decoder", "study", "command")
MARKS = {"kept": "ok  ", "broken": "FAIL", "skipped": "skip"}


@click.group("plugin")
def command() -> None:
    """Write a plugin of your own, and check it.

    \b
    harness plugin new my_metric --kind metric
    harness plugin check my_metric
    """


@command.command("check")
@click.argument("name", shell_complete=completion.plugins)
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="A task's files.")
@click.option("--model", help="One of a backend's models.")
@completion.option_values("An option of the method, decoder or backend.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(name: str, data: Path | None, model: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Run the contract of the installed plugin NAME, and say in plain words what it keeps and what not.

    \b
    harness plugin check exact_match
    harness plugin check lora --set lora.r=4
    """
    from harness.errors import UsageError
    from harness.modeling.quirks import prepare_process
    from harness.plugin_system.registry import Registry

    prepare_process()
    from harness.testing import contract_for, examine

    registry = Registry()
    kind, origin = ("command", "") if registry.command(name) is not None else _found(registry, name)
    given: dict[str, Any] = {}
    for flag, value, takers in (
        ("data", data, ("task",)),
        ("model", model, ("backend",)),
        ("set", sets, _WITH_OPTIONS),
    ):
        if not value:
            continue
        if kind not in takers:
            raise UsageError(f"--{flag}: {name} is a {kind}; only a {' or '.join(takers)} has {_MEANT[flag]}")
        given |= {"options": _options(registry, name, sets)} if flag == "set" else {flag: value}
    findings = []
    if not as_json:
        click.echo(f"{kind} {name} {origin}".rstrip())
    for finding in examine(contract_for(kind, name, given)):
        findings.append(finding)
        if not as_json:
            reason = f": {finding.reason}" if finding.reason else ""
            cli.echo_text(f"  {MARKS[finding.verdict]}  {finding.description}{reason}")
    if as_json:
        cli.echo_json({"kind": kind, "name": name, "findings": findings})
    broken = sum(finding.verdict == "broken" for finding in findings)
    if not as_json:
        skipped = [finding for finding in findings if finding.verdict == "skipped"]
        click.echo(f"{len(findings) - broken - len(skipped)} kept, {broken} broken, {len(skipped)} NOT CHECKED")
        for finding in skipped:
            cli.echo_text(f"  NOT CHECKED: {finding.description}, because {finding.reason}")
    sys.exit(1 if broken else 0)


def _options(registry: Registry, name: str, sets: tuple[str, ...]) -> dict[str, Any]:
    """The values that `--set` gives, by option."""
    from harness.config import Settings

    settings = Settings(sets, environ={}, file=Path(os.devnull))
    _, values = settings.config(name, registry.find(name)[1].plugin.Config)
    settings.check_claimed()
    return {option: setting.value for option, setting in values.items() if setting.given}


def _found(registry: Any, name: str) -> tuple[str, str]:
    kind, entry = registry.find(name)
    return kind, f"({entry.origin.distribution} {entry.origin.version})"


@command.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin offers.")
@click.option("--prompting", is_flag=True, help="A method that chooses examples, in place of one that tunes.")
@click.option(
    "--into", type=click.Path(path_type=Path), callback=cli.folder, default=Path(), help="The folder to write to."
)
def new(name: str, kind: str, prompting: bool, into: Path) -> None:
    """Write a whole package for the plugin NAME: one small working plugin with tests, packaging, README and CI.

    \b
    harness plugin new my_metric --kind metric
    harness plugin new my-method --kind method --prompting
    """
    from harness.errors import UsageError
    from harness.plugin_system.registry import Registry
    from harness.plugin_system.scaffold import write_package

    registry = Registry()
    taken = registry.known(name.removeprefix("harness-"))
    if taken:
        raise UsageError(f"there is already a {taken} called {name!r}; see: harness plugins")
    folder = write_package(name, kind, into, prompting=prompting)
    click.echo(f"{folder}")
    if kind == "method" and not prompting:
        click.echo("note: this method tunes; --prompting writes one that chooses examples", err=True)
    click.echo(f"next: pip install -e '{folder}[test]' && cd '{folder}' && pytest", err=True)
