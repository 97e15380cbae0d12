"""`harness eval`: adapt, write, judge, score."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import cli, completion
from harness.command_config import ConfiguredCommand, sources
from harness.display import escape
from harness.errors import UsageError, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evaluation.plan import RunPlan
    from harness.ranking.boards import Board
    from harness.records import Row

RUNS = Path("runs")
_REQUEST_FIELDS = {"seeds": "seed"}
"""Fields of a `Request` that have another name than the parameter of the command."""


@click.command("eval", cls=ConfiguredCommand)
@click.option(
    "--method",
    "methods",
    required=True,
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("method"),
    help="lora, zero-shot, lora+rag; or lora,ia3.",
)
@click.option("--task", required=True, shell_complete=completion.names("task"), help="conala, codealpacapy, apps, my.")
@click.option("--model", shell_complete=completion.paths, help="Hub id or folder.  [default: the built-in model]")
@click.option("--revision", help="Hub commit of the model.")
@click.option(
    "--backend",
    shell_complete=completion.names("backend"),
    help="Who writes in place of this machine; --model names one of its models.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The task's files, or OWNER/NAME on the hub.  [default: built-in sample, or hub]",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("metric"),
    help="Metrics in place of the task's own.",
)
@click.option("-k", "ks", multiple=True, callback=cli.numbers, help="Values of k, like 1,5,10.")
@click.option("--candidates", type=click.IntRange(1), help="Completions per problem.  [default: the study's]")
@click.option("--max-new-tokens", type=click.IntRange(1), help="Longest completion.  [default: the study's]")
@click.option("--temperature", type=click.FloatRange(0), help="0: beam search.  [default: the study's]")
@click.option(
    "--decoder",
    shell_complete=completion.names("decoder"),
    help="beam-search, greedy, sampling.  [default: the study's]",
)
@click.option("--protocol", help="study: prompts and rules as in its scripts.  [default: the task's own]")
@click.option("--limit", type=click.IntRange(1), help="At most N problems of each split.")
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    callback=cli.numbers,
    default=["42"],
    show_default=True,
    help="Seeds of training and sampling.",
)
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="NAME.OPTION=V1,V2",
    shell_complete=completion.options,
    help="Tune with each value; validation chooses one.",
)
@click.option(
    "--select",
    metavar="METRIC",
    shell_complete=completion.names("metric"),
    help="Choose by this metric on the validation problems.  [default: the validation loss]",
)
@click.option(
    "--watch",
    metavar="METRIC",
    shell_complete=completion.names("metric"),
    help="Look at this metric on a few validation problems while a method tunes.",
)
@click.option("--stop-losers", is_flag=True, help="End settings of a sweep early that cannot win.")
@completion.option_values("An option of a plugin.")
@click.option("--chat/--no-chat", default=None, help="Use the model's chat template.  [default: if it has one]")
@click.option(
    "--thinking/--no-thinking", default=None, help="Let the model reason before it answers.  [default: no-thinking]"
)
@click.option("--thinking-tokens", type=click.IntRange(1), help="Room for the reasoning.  [default: 1024]")
@click.option("--trust-remote-code", is_flag=True, help="Let the model bring code of its own.")
@click.option(
    "--i-accept-unsafe-execution", "accept_unsafe", is_flag=True, help="Run programs where nothing isolates them."
)
@click.option(
    "--runs",
    "root",
    type=click.Path(path_type=Path),
    callback=cli.folder,
    default=RUNS,
    show_default=True,
    help="Folder of runs.",
)
@click.option(
    "--no-wait", "wait", is_flag=True, flag_value=False, default=True, help="Fail where another process makes this run."
)
@click.option(
    "--shard/--no-shard", default=None, help="Spread the base over the GPUs.  [default: if it does not fit one]"
)
@click.option("--dry-run", is_flag=True, help="Show every value and where it comes from; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="The rows as JSON.")
@cli.verbose
def command(
    methods: tuple[str, ...],
    sets: tuple[str, ...],
    seeds: tuple[int, ...],
    sweeps: tuple[str, ...],
    root: Path,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Adapt a model to a task, let it write, judge and score. The same command again continues or returns its run.

    \b
    harness eval --method lora --task apps
    harness eval --method lora,zero-shot --task conala --model codellama/CodeLlama-7b-hf
    harness eval --method lora --task conala --seed 1,2,3 --sweep lora.learning_rate=1e-4,3e-4,1e-3
    """
    from harness.api import Session
    from harness.evaluation.request import Request

    session = Session()
    request, sweep = Request(method="", **asked), _swept(sweeps, methods)
    read = {_REQUEST_FIELDS.get(name, name): where for name, where in sources(click.get_current_context()).items()}
    trials = session.trials(methods, request, sets, seeds=seeds, sweep=sweep, runs=root, sources=read)
    if dry_run:
        plans = [plan for some in trials for trial in some for plan in trial.plans]
        _check_options(plans)
        _show(plans, as_json)
        return
    _print_rows(session.run_trials(trials, root), root, as_json)


def _swept(sweeps: tuple[str, ...], methods: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each swept option.

    Raises:
        UsageError: a text has no values, or no method of the command has the option's name before its dot.
    """
    sweep = {}
    for text in sweeps:
        name, _, values = text.partition("=")
        plugin = name.rpartition(".")[0]
        sweep[name] = [value.strip() for value in values.split(",") if value.strip()]
        if not plugin or not sweep[name]:
            raise UsageError(f"--sweep {text}: write it as NAME.OPTION=VALUE,VALUE, like lora.learning_rate=1e-4,1e-3")
        parts = [part for method in methods for part in method.split("+")]
        if plugin not in parts:
            raise unknown("method in this command for --sweep", plugin, parts, f"(--sweep {text})")
    return sweep


def _print_rows(rows: Sequence[Row], root: Path, as_json: bool) -> None:
    from harness.ranking.boards import rank_boards
    from harness.ranking.tables import rows_as_json
    from harness.ranking.terminal import text

    if as_json:
        cli.echo_json(rows_as_json(rows))
    else:
        boards = rank_boards(rows, {row.run_id: root / row.run_id for row in rows})
        click.echo(text(boards, width=cli.terminal_width()))
        click.echo(_summary([row.run_id for row in rows], boards, root), err=True)


def _summary(runs: Sequence[str], boards: Sequence[Board], root: Path) -> str:
    """Where the runs are, and what to type next: of several methods the best two are compared."""
    where = f"finished: {root / runs[0]}" if len(runs) == 1 else f"finished: {len(runs)} runs in {root}"
    best = [one.runs for one in boards[0].uncertainty[:2]] if boards else []
    if len(best) < 2:
        below = "" if root == RUNS else f" --runs {shlex.quote(str(root))}"
        return f"{where}; beside other runs: harness leaderboard{below}"
    sides = [" ".join(shlex.quote(str(root / name)) for name in names) for names in best]
    between = " " if max(map(len, best)) == 1 else " vs "
    return f"{where}; is the difference real: harness compare {between.join(sides)}"


def _check_options(plans: list[RunPlan]) -> None:
    """Options of tuning methods are tried on the model's configuration: some fit one model and not another."""
    from harness.evaluation import meta_device

    for plan in plans:
        if plan.tuner is None:
            continue
        given = [s for name, s in plan.settings.items() if name.startswith(f"{plan.tuner.name}.")]
        if any(setting.given for setting in given):
            meta_device.check_options(plan.tuner.plugin, plan.run.model, plan.config(plan.tuner))


def _show(plans: list[RunPlan], as_json: bool) -> None:
    from harness.evaluation.runs import run_id
    from harness.evaluation.value_sources import shown_value

    if as_json:
        cli.echo_json([{"id": run_id(plan.run), "run": plan.run, "notes": plan.notes} for plan in plans])
        return
    for plan in plans:
        click.echo(f"{run_id(plan.run)}")
        sizes = ", ".join(f"{split} {len(problems)}" for split, problems in plan.splits.items())
        click.echo(f"  data       {plan.source.label} ({sizes})")
        width = max(len(name) for name in plan.settings)
        for name, setting in plan.settings.items():
            click.echo(f"  {name:{width}}  {escape(shown_value(setting.value)):24}  {setting.source}")
        for note in plan.notes:
            click.echo(f"  note: {note}")
