"""`harness sandbox selftest`: every promise of the sandbox, tried on this machine."""

from __future__ import annotations

import sys

import click

from harness import cli


@click.group("sandbox")
def command() -> None:
    """Try the sandbox's promises on this machine.

    \b
    harness sandbox selftest
    """


@command.command("selftest")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def selftest(as_json: bool) -> None:
    """Run the shipped cheats, escapes and honest programs; a line for each promise, exit status 1 if one breaks.

    \b
    harness sandbox selftest
    """
    from harness import sandbox

    click.echo(str(sandbox.isolation_level()), err=True)
    checks = []
    for promise, holds, detail in sandbox.selftest():
        checks.append({"promise": promise, "holds": holds, "detail": detail})
        if not as_json:
            click.echo(f"{'holds ' if holds else 'BROKEN'} {promise}: {detail}")
    if as_json:
        cli.echo_json(checks)
    broken = [one for one in checks if not one["holds"]]
    click.echo(f"{len(checks) - len(broken)} of {len(checks)} promises hold", err=True)
    sys.exit(1 if broken else 0)
