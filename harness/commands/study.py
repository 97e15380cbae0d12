"""`harness study`: a grid of runs, resumable, and what came out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import cli

if TYPE_CHECKING:
    from harness.cells import Ended, Forecast, Placed
    from harness.registry import Registry
    from harness.study import Study

ROOT = click.option(
    "--runs", "root", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder of runs."
)
BUILTIN = click.option("--builtin", is_flag=True, help="Its small variant on the built-in model and sample.")


def _files(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for value in values:
        task, separator, path = value.partition("=")
        if not separator or not path:
            raise click.BadParameter(f"{value!r}: write TASK=PATH, for example conala=data/conala")
        found[task] = Path(path)
    return found


DATA = click.option("--data", multiple=True, callback=_files, metavar="TASK=PATH", help="A task's files.")


@click.group("study")
def command() -> None:
    """A grid of models, methods, options, tasks and seeds: run it, continue it, report it.

    \b
    harness study list
    harness study run rq1 --builtin
    harness study report rq1 --builtin
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def list_(as_json: bool) -> None:
    """The studies that ship with harness."""
    from harness import study

    found = [_facts(study.load(name)) for name in study.shipped()]
    if as_json:
        cli.echo_json(found)
        return
    for one in found:
        runs = f"{one['runs']} runs, {one['builtin_runs']} built-in" if one["runs"] else "from the data alone"
        click.echo(f"{one['name']:6}  {one['title']}  ({runs})")


def _facts(one: Study) -> dict[str, object]:
    kinds = {"runs": False, "builtin_runs": True}
    sizes = {k: len(one.cells(builtin=b)) if one.grids["builtin" if b else "grid"] else 0 for k, b in kinds.items()}
    return {"name": one.name, "title": one.title, "about": one.about, "shows": one.shows, **sizes}


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """The file of a study, to read or to start one's own from."""
    from harness import study

    click.echo(study.read(name).rstrip())


@command.command("run")
@click.argument("name")
@BUILTIN
@DATA
@ROOT
@click.option("--dry-run", is_flag=True, help="Every cell with its expected time and memory, from short probes.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def run(name: str, builtin: bool, data: dict[str, Path], root: Path, dry_run: bool, as_json: bool) -> None:
    """Run the study NAME (or FILE.toml). The same command again continues it and tries failed cells again."""
    from harness.model import prepare_process

    prepare_process()
    from harness import cells, study
    from harness.registry import Registry

    one = study.load(name)
    registry = Registry()
    placed = cells.place(one.cells(builtin=builtin, data=data), registry, root)
    if dry_run:
        _dry(placed, registry, as_json)
    else:
        _run(one, placed, registry, root, as_json)


def _dry(placed: list[Placed], registry: Registry, as_json: bool) -> None:
    import tempfile

    from harness import cells
    from harness.progress import bar
    from harness.tables import aligned

    found = []
    with tempfile.TemporaryDirectory(prefix="harness-probe-") as folder, bar("probing") as step:
        for done, (one, cost) in enumerate(cells.forecast(placed, registry, Path(folder)), 1):
            found.append((one, cost))
            step(done, len(placed), one.cell.words)
    if as_json:
        cli.echo_json([{**_json(p), "forecast": cost} for p, cost in found])
        return
    lines = [["state", "cell", "seconds", "GB at least", ""]]
    for one, cost in found:
        seconds = "-" if cost.seconds is None else f"{cost.seconds:.0f}"
        peak = "-" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e9:.2f}"
        lines.append([one.state, one.cell.words, seconds, peak, cost.why if cost.why != one.state else ""])
    click.echo(aligned(lines))
    click.echo(_summary(found))


def _summary(found: list[tuple[Placed, Forecast]]) -> str:
    """What is left to run, and how long that will take."""
    from harness import cells
    from harness.studyprogress import span

    finished = sum(one.state == cells.FINISHED for one, _ in found)
    left = [cost.seconds for _, cost in found if cost.seconds is not None]
    cannot = len(found) - finished - len(left)
    of = f"of {len(found)} cells {finished} are finished" + (f" and {cannot} cannot be run" if cannot else "")
    if not left:
        return f"nothing to run: {of}"
    return f"{len(left)} to run, about {span(sum(left))}, scaled from probes of {cells.PROBE} problems; {of}"


def _json(one: Placed | Ended) -> dict[str, object]:
    return {"cell": one.cell.words, "run": one.run_id, "state": one.state, "reason": one.reason}


def _run(one: Study, placed: list[Placed], registry: Registry, root: Path, as_json: bool) -> None:
    from harness import cells
    from harness.errors import HarnessError
    from harness.studyprogress import watch

    log = cells.Log(root, one.name)
    with watch(one.name, placed) as watcher:
        ended = []
        for cell in cells.run(placed, registry, root, log, watcher.started):
            watcher.ended(cell)
            ended.append(cell)
    failed = [cell for cell in ended if cell.state == cells.FAILED]
    if as_json:
        cli.echo_json([_json(one) for one in ended])
    else:
        for cell in failed:
            click.echo(f"failed: {cell.cell.words}: {cell.reason}", err=True)
        click.echo(f"{one.name}: {len(ended) - len(failed)} of {len(ended)} cells finished, in {root}")
    if failed:
        raise HarnessError(f"{len(failed)} of {len(ended)} cells failed; see {log.path}; the same command tries again")


@command.command("report")
@click.argument("name")
@BUILTIN
@DATA
@ROOT
@click.option(
    "--output", "out", type=click.Path(path_type=Path), help="The folder.  [default: RUNS/studies/NAME/report]"
)
def report(name: str, builtin: bool, data: dict[str, Path], root: Path, out: Path | None) -> None:
    """The study's tables and figures with the published values beside ours, from the records of its runs."""
    from harness import study
    from harness.report import studyreport

    one = study.load(name)
    folder = out or root / "studies" / one.name / "report"
    for line in studyreport.write(one, builtin, data, root, folder):
        click.echo(line, err=True)
    for path in sorted(folder.iterdir()):
        click.echo(str(path))
