"""`harness study`: a grid of runs, resumable, and what came out of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import cli, completion
from harness.display import escape
from harness.engines import choice

if TYPE_CHECKING:
    from harness.engines.runs import RayExecutor
    from harness.plugin_system.registry import Registry
    from harness.studies.forecast import Forecast
    from harness.studies.runner import CellOutcome, PlannedCell
    from harness.studies.study import StudyFile

ROOT = click.option(
    "--runs",
    "root",
    type=click.Path(path_type=Path),
    callback=cli.folder,
    default=Path("runs"),
    show_default=True,
    help="Folder of runs.",
)
BUILTIN = click.option("--builtin", is_flag=True, help="Its small variant on the built-in model and sample.")


def _task_files(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    files = {}
    for value in values:
        task, separator, path = value.partition("=")
        if not separator or not path:
            raise click.BadParameter(f"{value!r}: write TASK=PATH, for example conala=data/conala")
        files[task] = Path(path)
    return files


MODEL = click.option(
    "--model", shell_complete=completion.paths, help="Hub id or folder in place of every model of the study."
)
PROTOCOL = click.option("--protocol", help="Every run by other rules; study: as in its scripts.")
DATA = click.option("--data", multiple=True, callback=_task_files, metavar="TASK=PATH", help="A task's files.")


def _load(name: str, model: str | None, protocol: str | None, builtin: bool, registry: Registry) -> StudyFile:
    from harness.studies import study

    if model is not None and builtin:
        raise click.UsageError("--builtin runs on the built-in model; leave --model out")
    one = study.load(name, registry)
    one = one if model is None else one.with_model(model)
    return one if protocol is None else one.with_protocol(protocol)


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
    """The studies of harness and of installed packages.

    \b
    harness study list
    """
    from harness.errors import HarnessError
    from harness.plugin_system.registry import Registry
    from harness.studies import study

    registry = Registry()
    studies = []
    for name in study.installed(registry):
        try:
            studies.append(_study_facts(study.load(name, registry)))
        except HarnessError as error:  # one package's broken file is no reason to hide the others
            click.echo(f"left out: {error}", err=True)
    if as_json:
        cli.echo_json(studies)
        return
    width = max([6, *(len(str(one["name"])) for one in studies)])
    for one in studies:
        grids = [f"{one['runs']} runs"] if one["runs"] else []
        grids += [f"{one['builtin_runs']} built-in"] if one["builtin_runs"] else []
        cli.echo_row(f"{one['name']:{width}}  {one['title']}  ({', '.join(grids) or 'from the data alone'})")


def _study_facts(one: StudyFile) -> dict[str, object]:
    kinds = {"runs": False, "builtin_runs": True}
    sizes = {k: len(one.cells(builtin=b)) if one.grids["builtin" if b else "grid"] else 0 for k, b in kinds.items()}
    return {"name": one.name, "title": one.title, "about": one.about, "shows": one.shows, **sizes}


@command.command("show")
@click.argument("name", shell_complete=completion.names("study"))
def show(name: str) -> None:
    """The file of a study, to read or to start one's own from.

    \b
    harness study show rq1
    """
    from harness.plugin_system.registry import Registry
    from harness.studies import study

    click.echo(study.read_text(name, Registry()).rstrip())


@command.command("run")
@click.argument("name", shell_complete=completion.names("study"))
@BUILTIN
@MODEL
@PROTOCOL
@DATA
@ROOT
@click.option("--dry-run", is_flag=True, help="Every cell with its expected time and memory, from short probes.")
@choice.options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@cli.verbose
def run(
    name: str,
    builtin: bool,
    model: str | None,
    protocol: str | None,
    data: dict[str, Path],
    root: Path,
    dry_run: bool,
    engine: str,
    address: str | None,
    as_json: bool,
) -> None:
    """Run the study NAME (or FILE.toml). The same command again continues it and tries failed cells again.

    \b
    harness study run rq1 --builtin
    harness study run rq1 --builtin --dry-run
    """
    from harness.modeling.quirks import prepare_process

    prepare_process()
    from harness.config import Settings
    from harness.config_check import check_layers
    from harness.plugin_system.registry import Registry
    from harness.studies import runner

    registry = Registry()
    check_layers(Settings(), registry)
    choice.check(engine, address)
    one = _load(name, model, protocol, builtin, registry)
    planned = runner.plan_cells(one.cells(builtin=builtin, data=data), registry, root)
    if dry_run:
        _forecast(planned, registry, as_json)
    else:
        with choice.executor(engine, address, registry) as executor:
            _run(one, planned, registry, root, as_json, executor)
        click.echo(f"its report: {_report_command(name, builtin, model, protocol, data, root)}", err=True)


def _report_command(
    name: str, builtin: bool, model: str | None, protocol: str | None, data: dict[str, Path], root: Path
) -> str:
    """What to type for the report of what was run."""
    words = ["harness", "study", "report", name, *(["--builtin"] if builtin else [])]
    words += ["--model", model] if model else []
    words += ["--protocol", protocol] if protocol else []
    words += [word for task, path in data.items() for word in ("--data", f"{task}={path}")]
    words += [] if root == Path("runs") else ["--runs", str(root)]
    return shlex.join(words)


def _forecast(planned: list[PlannedCell], registry: Registry, as_json: bool) -> None:
    import tempfile

    from harness.progress import bar
    from harness.ranking.terminal import align_columns
    from harness.studies.forecast import forecast_cells

    forecasts = []
    with tempfile.TemporaryDirectory(prefix="harness-probe-") as folder, bar("probing") as step:
        for done, (one, cost) in enumerate(forecast_cells(planned, registry, Path(folder)), 1):
            forecasts.append((one, cost))
            step(done, len(planned), one.cell.description)
    if as_json:
        cli.echo_json([{**_json(p), "forecast": cost} for p, cost in forecasts])
        return
    lines = [["state", "cell", "seconds", "GB at least", ""]]
    for one, cost in forecasts:
        seconds = "-" if cost.seconds is None else f"{cost.seconds:.0f}"
        peak = "-" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e9:.2f}"
        lines.append([one.state, one.cell.description, seconds, peak, cost.why if cost.why != one.state else ""])
    for line in align_columns(lines).splitlines():
        cli.echo_row(line)
    click.echo(_summary(forecasts))


def _summary(forecasts: list[tuple[PlannedCell, Forecast]]) -> str:
    """What is left to run, and how long that will take."""
    from harness.progress import format_duration
    from harness.studies.forecast import PROBE_PROBLEMS
    from harness.studies.runner import FINISHED

    finished = sum(one.state == FINISHED for one, _ in forecasts)
    seconds = [cost.seconds for _, cost in forecasts if cost.seconds is not None]
    failed = len(forecasts) - finished - len(seconds)
    total = f"of {len(forecasts)} cells {finished} are finished" + (f" and {failed} cannot be run" if failed else "")
    if not seconds:
        return f"nothing to run: {total}"
    duration = format_duration(sum(seconds))
    return f"{len(seconds)} to run, about {duration}, scaled from probes of {PROBE_PROBLEMS} problems; {total}"


def _json(one: PlannedCell | CellOutcome) -> dict[str, object]:
    return {"cell": one.cell.description, "run": one.run_id, "state": one.state, "reason": one.reason}


def _run(
    one: StudyFile,
    planned: list[PlannedCell],
    registry: Registry,
    root: Path,
    as_json: bool,
    executor: RayExecutor | None,
) -> None:
    from harness.errors import HarnessError
    from harness.studies import runner
    from harness.studies.progress import report_progress

    log = runner.CellLog(root, one.name)
    with report_progress(one.name, planned) as reporter:
        outcomes = {}
        for outcome in runner.run_cells(planned, registry, log, reporter.started, executor):
            reporter.ended(outcome)
            outcomes[outcome.cell] = outcome
    if executor is not None and executor.retried:
        click.echo(f"made again, because a node was lost: {', '.join(executor.retried)}", err=True)
    ordered = [outcomes[one.cell] for one in planned]
    failed = [outcome for outcome in ordered if outcome.state == runner.FAILED]
    if as_json:
        cli.echo_json([_json(outcome) for outcome in ordered])
    else:
        for outcome in failed:
            click.echo(escape(f"failed: {outcome.cell.description}: {outcome.reason}"), err=True)
        click.echo(f"{one.name}: {len(ordered) - len(failed)} of {len(ordered)} cells finished, in {root}")
    if failed:
        raise HarnessError(
            f"{len(failed)} of {len(ordered)} cells failed; see {log.path}; the same command tries again"
        )


@command.command("report")
@click.argument("name", shell_complete=completion.names("study"))
@BUILTIN
@MODEL
@PROTOCOL
@DATA
@ROOT
@click.option(
    "--output",
    "out",
    type=click.Path(path_type=Path),
    callback=cli.folder,
    help="The folder.  [default: RUNS/studies/NAME/report]",
)
def report(
    name: str,
    builtin: bool,
    model: str | None,
    protocol: str | None,
    data: dict[str, Path],
    root: Path,
    out: Path | None,
) -> None:
    """The study's tables and figures with the published values beside ours, from the records of its runs.

    \b
    harness study report rq1 --builtin
    """
    from harness.plugin_system.registry import Registry
    from harness.report import study_report

    registry = Registry()
    one = _load(name, model, protocol, builtin, registry)
    folder = out or root / "studies" / one.name / "report"
    for line in study_report.write_report(one, builtin, data, root, folder, registry):
        click.echo(escape(line), err=True)
    for path in sorted(folder.iterdir()):
        click.echo(str(path))
