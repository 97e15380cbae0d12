"""`harness sandbox selftest`: every promise of the sandbox, tried on this machine."""

from __future__ import annotations

import sys

import click

from harness import cli


@click.group("sandbox")
def command() -> None:
    """Try the sandbox's promises on this machine."""


@command.command("selftest")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def selftest(as_json: bool) -> None:
    """Run the shipped cheats, escapes and honest programs; a line for each promise, exit status 1 if one breaks."""
    from harness import sandbox

    click.echo(str(sandbox.rung()), err=True)
    found = []
    for promise, holds, detail in sandbox.selftest():
        found.append({"promise": promise, "holds": holds, "detail": detail})
        if not as_json:
            click.echo(f"{'holds ' if holds else 'BROKEN'} {promise}: {detail}")
    if as_json:
        cli.echo_json(found)
    broken = [one for one in found if not one["holds"]]
    click.echo(f"{len(found) - len(broken)} of {len(found)} promises hold", err=True)
    sys.exit(1 if broken else 0)
