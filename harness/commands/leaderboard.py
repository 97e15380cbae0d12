"""`harness leaderboard`: rows of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import cli, completion, files
from harness.display import escape
from harness.ranking.costs import COSTS

if TYPE_CHECKING:
    from harness.api import Format

FORMATS = ("table", "markdown", "csv", "json", "latex", "html")


@click.command("leaderboard")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print.")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("task"),
    help="Only these tasks.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("method"),
    help="Only these methods.",
)
@click.option("--model", "models", multiple=True, callback=cli.names, help="Only these models.")
@click.option(
    "--metric",
    shell_complete=completion.names("metric"),
    help="Rank by this metric or measure (em@10), and show no other.",
)
@click.option("--sort", help=f"Order by a measure or a cost: {', '.join(COSTS)}.")
@click.option("--wide", is_flag=True, help="Every column, however wide the terminal is.")
@click.option("--top", type=click.IntRange(1), help="Only the first N rows of each table.")
@click.option("--seeds", is_flag=True, help="A row for each seed; without it the seeds of a method are one row.")
@click.option(
    "--runs", "root", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder of runs."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), callback=cli.file, help="Write to this file."
)
def command(
    paths: tuple[Path, ...],
    form: Format,
    as_json: bool,
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    models: tuple[str, ...],
    metric: str | None,
    sort: str | None,
    wide: bool,
    top: int | None,
    seeds: bool,
    root: Path,
    output: Path | None,
) -> None:
    """Rows of finished runs, best first. PATHS are run folders or folders of runs, in place of --runs.

    \b
    harness leaderboard --task conala --metric em@10
    harness leaderboard --format html --output leaderboard.html
    """
    from harness import api

    board = api.leaderboard(
        *(paths or (root,)), tasks=tasks, methods=methods, models=models, metric=metric, sort=sort, seeds=seeds
    )
    for line in board.left_out:
        click.echo(f"left out: {escape(line)}", err=True)
    width = None if wide or output is not None else cli.terminal_width()
    text = board.render("json" if as_json else form, width=width, top=top)
    if output is None:
        click.echo(text)
    else:
        files.write_text(output, text + "\n")
