"""Every hook that a plugin can implement. This file is the plugin manual; the documentation is generated from it.

A plugin is a module (or object) named by an entry point of the group `harness`:

    [project.entry-points.harness]
    mine = "harness_mine"

and implements any of the hooks below:

    from harness import hookimpl

    @hookimpl
    def harness_methods():
        return [MyMethod()]

A hook takes those of its arguments that it names. What one raises is said in one line, with whose it is, and stops
nothing but what needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from harness.plugin import Backend, Decoder, Method, Metric, Study, Task
    from harness.records import Record, Row, Run, TuningProgress

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


# ---- what a plugin offers: called once, when a command first needs a name of that kind -------------------------


@hookspec
def harness_methods() -> Iterable[Method]:  # type: ignore[empty-body]
    """Ways to adapt a model. Return instances of `harness.plugin.Method`.

    @hookimpl
    def harness_methods():
        return [Dora()]
    """


@hookspec
def harness_tasks() -> Iterable[Task]:  # type: ignore[empty-body]
    """Problems to solve. Return instances of `harness.plugin.Task`.

    @hookimpl
    def harness_tasks():
        return [HumanEval()]
    """


@hookspec
def harness_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Scores. Return instances of `harness.plugin.Metric`.

    @hookimpl
    def harness_metrics():
        return [LinesOfCode()]
    """


@hookspec
def harness_backends() -> Iterable[Backend]:  # type: ignore[empty-body]
    """Engines that generate in place of the local loop (`--backend NAME`). Return instances of `Backend`.

    @hookimpl
    def harness_backends():
        return [OpenAI()]
    """


@hookspec
def harness_decoders() -> Iterable[Decoder]:  # type: ignore[empty-body]
    """Decoding strategies (`--decoder NAME`). Return instances of `harness.plugin.Decoder`.

    @hookimpl
    def harness_decoders():
        return [MinP()]
    """


@hookspec
def harness_studies() -> Iterable[Study]:  # type: ignore[empty-body]
    """Grids of runs with their published numbers, tables and figures. Return instances of `harness.plugin.Study`.

    @hookimpl
    def harness_studies():
        return [Replication()]
    """


@hookspec
def harness_commands(cli: click.Group) -> None:
    """Add commands to `harness`. Called when the command line is built, so import nothing heavy.

    @hookimpl
    def harness_commands(cli):
        cli.add_command(my_command)
    """


# ---- what a plugin hears: called while a run goes on -----------------------------------------------------------


@hookspec
def harness_run_started(run: Run) -> None:
    """A run was resolved and its folder exists; nothing is loaded yet.

    Of runs on validation problems, by which a sweep chooses its setting (`--select`), no hook is told.

    @hookimpl
    def harness_run_started(run):
        tracker.start(run.task, run.method)
    """


@hookspec
def harness_tuning_validated(run: Run, progress: TuningProgress) -> None:
    """A tuning has validated once more, for `run`: a tracker's moment. Runs with one tuning hear of it once.

    A tuning may be made before the run is started: a command makes those that it can at once. `progress.watched` is
    what a metric says (`--watch`), where there was time to look.

    @hookimpl
    def harness_tuning_validated(run, progress):
        writer.add_scalar("validation loss", progress.validation_loss, progress.step)
    """


@hookspec
def harness_record_written(run: Run, record: Record) -> None:
    """One problem was scored and its record is about to be in the run folder.

    @hookimpl
    def harness_record_written(run, record):
        tracker.log(record.id, record.scores)
    """


@hookspec
def harness_run_finished(run: Run, rows: Sequence[Row]) -> None:
    """`result.json` is on disk; `rows` holds this run's line of the leaderboard.

    @hookimpl
    def harness_run_finished(run, rows):
        tracker.finish(rows[0].estimates)
    """
