"""`harness clean`: room on the disk, without losing a result."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness import cli
from harness.commands.eval import RUNS
from harness.errors import UsageError


@click.command("clean")
@click.option(
    "--runs", "root", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder of runs."
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
def command(root: Path, yes: bool) -> None:
    """Delete checkpoints of finished tunings, tunings that no run has, and drafts of killed commands.

    Each is shown first. What a running command works on is left alone.

    \b
    harness clean
    """
    from harness.evaluation.housekeeping import delete, leftovers

    unused = leftovers(root)
    if not unused:
        click.echo(f"nothing to delete below {root}")
        return
    for one in unused:
        click.echo(f"{cli.size(one.bytes):>8}  {one.path}  ({one.what})")
    if not yes and not sys.stdin.isatty():
        raise UsageError("clean: nobody is there to be asked; say --yes to delete these")
    if not yes and not click.confirm(f"Delete these, {cli.size(sum(one.bytes for one in unused))}?", err=True):
        return
    for one in unused:
        delete(one)
    click.echo(f"deleted {len(unused)}")
