"""`harness leaderboard`: rows of finished runs."""

from __future__ import annotations

from pathlib import Path

import click

from harness import cli

FORMATS = ("table", "markdown", "csv", "json")


@click.command("leaderboard")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("--task", "tasks", callback=cli.names, help="Only these tasks.")
@click.option("--method", "methods", callback=cli.names, help="Only these methods.")
@click.option("--model", "models", callback=cli.names, help="Only these models.")
def command(
    paths: tuple[Path, ...],
    form: str,
    as_json: bool,
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    models: tuple[str, ...],
) -> None:
    """Rows of finished runs, best first. PATHS are run folders or folders of runs (default: runs)."""
    from harness import leaderboard

    rows, broken = leaderboard.collect(paths or (Path("runs"),))
    for line in broken:
        click.echo(f"left out: {line}", err=True)
    rows = [
        row
        for row in rows
        if (not tasks or row.run.task in tasks)
        and (not methods or row.run.method in methods)
        and (not models or row.run.model.name in models)
    ]
    form = "json" if as_json else form
    if form == "json":
        cli.echo_json(leaderboard.as_json(rows))
    else:
        click.echo({"table": leaderboard.table, "markdown": leaderboard.markdown, "csv": leaderboard.csv}[form](rows))
