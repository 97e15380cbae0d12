"""`harness compare RUN RUN`: is the difference real?"""

from __future__ import annotations

from pathlib import Path

import click

from harness import cli


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
def command(first: Path, second: Path, as_json: bool) -> None:
    """Paired tests of runs A and B on the same problems, with intervals; --json has every measure."""
    from harness.comparison import compare_runs
    from harness.statistics import describe

    found = compare_runs(first, second, everything=as_json)
    if as_json:
        cli.echo_json(found)
        return
    click.echo(f"A  {first.name}\nB  {second.name}")
    for comparison in found:
        click.echo("\n" + "\n".join(describe(comparison)))
