"""`harness leaderboard`: rows of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import cli

if TYPE_CHECKING:
    from harness.leaderboard import Board, Found

FORMATS = ("table", "markdown", "csv", "json", "latex", "html")


@click.command("leaderboard")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="What to print.")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("--task", "tasks", callback=cli.names, help="Only these tasks.")
@click.option("--method", "methods", callback=cli.names, help="Only these methods.")
@click.option("--model", "models", callback=cli.names, help="Only these models.")
@click.option("--metric", help="Rank by this metric or measure (em@10), and show no other.")
@click.option("--sort", help="Order by a measure or a cost: trainable, memory, tuning, writing, tokens, energy.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def command(
    paths: tuple[Path, ...],
    form: str,
    as_json: bool,
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    models: tuple[str, ...],
    metric: str | None,
    sort: str | None,
    output: Path | None,
) -> None:
    """Rows of finished runs, best first. PATHS are run folders or folders of runs (default: runs).

    \b
    harness leaderboard --task conala --metric em@10
    harness leaderboard --format html --output leaderboard.html
    """
    from harness import leaderboard, runs

    found = leaderboard.collect(paths or (Path("runs"),))
    rows = leaderboard.select(found.rows, tasks, methods, models)
    boards = leaderboard.boards(rows, found.folders, metric=metric, sort=sort, left_out=found.left_out)
    for line in found.left_out:
        click.echo(f"left out: {line}", err=True)
    text = _render(boards, found, "json" if as_json else form)
    if output is None:
        click.echo(text)
    else:
        runs.write_text(output, text + "\n")


def _render(boards: list[Board], found: Found, form: str) -> str:
    from harness import tables

    if form == "html":
        from harness.report import page

        return page.render(boards, found.folders, left_out=found.left_out)
    if form == "json":
        return "\n".join(tables.json_lines(boards, found.folders, found.json))
    forms = {"table": tables.text, "markdown": tables.markdown, "csv": tables.csv, "latex": tables.latex}
    return forms[form](boards, found.folders)
