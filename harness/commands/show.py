"""`harness show`: a run, or a plugin with its options."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import click

from harness import cli, completion, files
from harness.config import option_text
from harness.display import escape
from harness.errors import FileError


@click.command("show")
@click.argument("what", shell_complete=completion.runs_and_plugins)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def command(what: str, as_json: bool) -> None:
    """WHAT is a run folder, or the name of a method, task, metric, backend or study.

    \b
    harness show lora
    harness show runs/conala-lora-builtin-sample-2603351d
    """
    from harness.evaluation.runs import RUN

    folder = Path(what)
    if _exists(folder / RUN):
        _show_run(folder, as_json)
    elif os.sep in what and folder.is_dir():
        raise FileError(f"{folder / RUN}: not found, so this is no run; harness runs lists those of a folder")
    else:
        _show_plugin(what, as_json)


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _show_run(folder: Path, as_json: bool) -> None:
    from harness.evaluation import runs
    from harness.evaluation.facts import run_facts
    from harness.ranking.terminal import command_lines, rows_as_text

    about = run_facts(folder)
    row = runs.finished_row(folder)
    if as_json:
        result = None if row is None else runs.read_result(folder)[1]
        cli.echo_json({**files.read_json(folder / runs.RUN), "result": result})
        return
    first, *more = command_lines(about.command, cli.terminal_width(), " " * 10)
    click.echo("\n".join([f"command   {first.lstrip()}", *more]))
    cli.echo_text(escape(f"data      {about.data.source} ({about.data.digest[:12]})"))
    cli.echo_text(escape(f"versions  {', '.join(f'{name} {version}' for name, version in about.versions.items())}"))
    plugins = (f"{name} ({o.distribution} {o.version}, {o.digest[:12]})" for name, o in about.plugins.items())
    cli.echo_text(escape(f"plugins   {', '.join(plugins)}"))
    if row is not None:
        click.echo(rows_as_text([row], width=cli.terminal_width()))
    else:
        click.echo("not finished; the command above continues it")


def _show_plugin(name: str, as_json: bool) -> None:
    from harness.plugin_system.registry import Registry

    kind, entry = Registry().find(name)
    options = [_option(field) for field in dataclasses.fields(entry.plugin.Config)]
    about = {
        "kind": kind,
        "name": entry.name,
        "distribution": entry.origin.distribution,
        "version": entry.origin.version,
        "reference": entry.plugin.reference,
        "help": " ".join((type(entry.plugin).__doc__ or "").split()),
        "options": options,
    }
    if as_json:
        cli.echo_json(about)
        return
    cli.echo_text(f"{kind} {entry.name} ({entry.origin.distribution} {entry.origin.version})\n{about['help']}")
    cli.echo_text(f"Reference: {entry.plugin.reference}" if entry.plugin.reference else "")
    for option in options:
        cli.echo_text(f"  --set {entry.name}.{option['name']}={option['default']}   {option['type']}; {option['help']}")


def _option(field: dataclasses.Field[Any]) -> dict[str, Any]:
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    shown = option_text(default) if isinstance(default, tuple) else default
    kind = field.type if isinstance(field.type, str) else field.type.__name__
    return {"name": field.name, "default": shown, "type": kind, "help": field.metadata.get("help", "")}
