"""`harness runs`: what a folder of runs holds."""

from __future__ import annotations

from pathlib import Path

import click

from harness import cli
from harness.commands.eval import RUNS
from harness.display import escape


@click.command("runs")
@click.option(
    "--runs", "root", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder of runs."
)
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON; sizes in bytes, ages in seconds.")
def command(root: Path, as_json: bool) -> None:
    """List runs, finished or not, the latest first.

    \b
    harness runs
    """
    from harness.evaluation.housekeeping import run_states

    states = run_states(root)
    if as_json:
        cli.echo_json(states)
        return
    if not states:
        click.echo(f"note: no runs below {root}", err=True)
    width = max((len(escape(state.run)) for state in states), default=0)
    for state in states:
        what = f"{state.state}, running now" if state.running else state.state
        cli.echo_row(f"{escape(state.run):{width}}  {cli.size(state.bytes):>8}  {cli.age(state.age):>6}  {what}")
