"""`harness show`: a run, or a plugin with its options."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from harness import cli


@click.command("show")
@click.argument("what")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(what: str, as_json: bool) -> None:
    """WHAT is a run folder, or the name of a method, task, metric or backend."""
    if (Path(what) / "run.json").is_file():
        _show_run(Path(what), as_json)
    else:
        _show_plugin(what, as_json)


def _show_run(folder: Path, as_json: bool) -> None:
    from harness import leaderboard, runs

    about = runs.read_json(folder / "run.json")
    result = folder / "result.json"
    if as_json:
        cli.echo_json({**about, "result": runs.read_json(result) if result.is_file() else None})
        return
    click.echo(f"command   {about['command']}")
    click.echo(f"data      {about['data']['source']} ({about['data']['digest'][:12]})")
    click.echo(f"versions  {', '.join(f'{name} {version}' for name, version in about['versions'].items())}")
    plugins = (f"{n} ({o['distribution']} {o['version']}, {o['digest'][:12]})" for n, o in about["plugins"].items())
    click.echo(f"plugins   {', '.join(plugins)}")
    if result.is_file():
        click.echo(leaderboard.table([runs.read_row(folder)]))
    else:
        click.echo("not finished; the command above continues it")


def _show_plugin(name: str, as_json: bool) -> None:
    from harness.registry import Registry

    kind, offer = Registry().find(name)
    options = [_option(field) for field in dataclasses.fields(offer.plugin.Config)]
    about = {
        "kind": kind,
        "name": offer.name,
        "distribution": offer.origin.distribution,
        "version": offer.origin.version,
        "reference": offer.plugin.reference,
        "help": " ".join((type(offer.plugin).__doc__ or "").split()),
        "options": options,
    }
    if as_json:
        cli.echo_json(about)
        return
    click.echo(f"{kind} {offer.name} ({offer.origin.distribution} {offer.origin.version})\n{about['help']}")
    click.echo(f"Reference: {offer.plugin.reference}" if offer.plugin.reference else "")
    for option in options:
        click.echo(f"  --set {offer.name}.{option['name']}={option['default']}   {option['type']}; {option['help']}")


def _option(field: dataclasses.Field[Any]) -> dict[str, Any]:
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    kind = field.type if isinstance(field.type, str) else field.type.__name__
    return {"name": field.name, "default": shown, "type": kind, "help": field.metadata.get("help", "")}
