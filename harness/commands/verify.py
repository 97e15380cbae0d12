"""`harness verify RUN`: does a row still hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import cli, completion
from harness.display import escape
from harness.engines import choice
from harness.records import to_json

if TYPE_CHECKING:
    from harness.evaluation.verification import Check

MARKS = {"holds": "yes", "broken": "NO ", "not made": "-  "}


@click.command("verify")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--data", type=click.Path(path_type=Path), help="The task's files, if they lie elsewhere now.")
@click.option("--judge", is_flag=True, help="Run the completions in the sandbox again, too.")
@choice.options
@click.option("--json", "as_json", is_flag=True, help="The checks as JSON.")
def command(run: Path, data: Path | None, judge: bool, engine: str, address: str | None, as_json: bool) -> None:
    """Compute the numbers of a finished run again from its records, and say whether they are what it says.

    \b
    harness verify runs/conala-lora-builtin-sample-2603351d
    """
    from harness.errors import UsageError
    from harness.evaluation.verification import verify

    if engine != choice.LOCAL and not judge:
        raise UsageError(f"--engine {engine}: only --judge runs programs; add it, or leave the engine out")
    choice.check(engine, address)
    checks = []
    with choice.bench(engine, address, False) as bench:
        for check in verify(run, data, judge=judge, bench=bench):
            checks.append(check)
            if not as_json:
                click.echo(escape(f"{MARKS[check.verdict]} {check.claim}{_why(check)}"))
    if as_json:
        cli.echo_json(to_json(checks))
    if any(check.verdict == "broken" for check in checks):
        raise SystemExit(1)


def _why(check: Check) -> str:
    """What stands behind a claim: how much holds, what does not, or why it could not be looked at."""
    said = "not checked, " if check.verdict == "not made" else ""
    return f": {said}{check.detail}" if check.detail else ""
