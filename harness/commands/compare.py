"""`harness compare RUN RUN`: is the difference real?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness import cli, completion
from harness.display import escape_lines
from harness.errors import UsageError

BETWEEN = "vs"


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """Paired tests of sides A and B on the same problems, with intervals; --json has every measure.

    RUNS are two run folders, or the seeds of one method, the word vs, and the seeds of another.

    \b
    harness compare runs/conala-lora-coder-1f0c22aa runs/conala-ia3-coder-90b1d1e4
    harness compare runs/conala-lora-* vs runs/conala-ia3-*
    """
    from harness import api

    comparison = api.compare(*_sides(runs), everything=as_json)
    if as_json:
        cli.echo_json(comparison.measures)
    else:
        cli.echo_text(escape_lines(str(comparison)))


def _sides(runs: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path]]:
    """The runs before and after the word vs; of two runs, each alone."""
    names = [str(path) for path in runs]
    if BETWEEN in names:
        at = names.index(BETWEEN)
        sides = runs[:at], runs[at + 1 :]
        if all(sides) and names.count(BETWEEN) == 1:
            return sides
    elif len(runs) == 2:
        return runs[:1], runs[1:]
    raise UsageError("name two runs, or the runs of one side, the word vs, and the runs of the other")
