"""`harness eval`: adapt, write, judge, score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import cli

if TYPE_CHECKING:
    from harness.plan import Plan

RUNS = Path("runs")


@click.command("eval")
@click.option("--method", "methods", required=True, callback=cli.names, help="lora, zero-shot, lora+rag; or lora,ia3.")
@click.option("--task", required=True, help="conala, codealpacapy, apps.")
@click.option("--model", help="Hub id or folder.  [default: the built-in model]")
@click.option("--revision", help="Hub commit of the model.")
@click.option("--backend", help="Who writes in place of this machine; --model names one of its models.")
@click.option("--data", type=click.Path(path_type=Path), help="The task's files.  [default: built-in sample, or hub]")
@click.option("--metric", "metrics", callback=cli.names, help="Metrics in place of the task's own.")
@click.option("-k", "ks", callback=cli.numbers, help="Values of k, like 1,5,10.")
@click.option("--candidates", type=click.IntRange(1), help="Completions per problem.  [default: the study's]")
@click.option("--max-new-tokens", type=click.IntRange(1), help="Longest completion.  [default: the study's]")
@click.option("--temperature", type=click.FloatRange(0), help="0: beam search.  [default: the study's]")
@click.option("--limit", type=click.IntRange(1), help="At most N problems of each split.")
@click.option("--seed", type=int, default=42, show_default=True, help="Seed of training and sampling.")
@click.option("--set", "sets", multiple=True, metavar="NAME.OPTION=VALUE", help="An option of a plugin.")
@click.option("--chat", is_flag=True, help="Use the model's chat template.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model bring code of its own.")
@click.option(
    "--i-accept-unsafe-execution", "accept_unsafe", is_flag=True, help="Run programs where nothing isolates them."
)
@click.option(
    "--runs", "root", type=click.Path(path_type=Path), default=RUNS, show_default=True, help="Folder of runs."
)
@click.option("--dry-run", is_flag=True, help="Show every value and where it comes from; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="The rows as JSON.")
def command(
    methods: tuple[str, ...], sets: tuple[str, ...], root: Path, dry_run: bool, as_json: bool, **asked: Any
) -> None:
    """Adapt a model to a task, let it write, judge and score. The same command again continues or returns its run.

    \b
    harness eval --method lora --task apps
    harness eval --method lora,zero-shot --task conala --model codellama/CodeLlama-7b-hf
    """
    from harness.config import Settings
    from harness.model import prepare_process
    from harness.plan import Request, resolve
    from harness.registry import Registry

    prepare_process()
    registry = Registry()
    request = Request(method="", **asked)
    settings = Settings(sets)
    plans = [resolve(replace(request, method=method), registry, settings) for method in methods]
    settings.check_claimed()
    if dry_run:
        _show(plans, as_json)
        return
    _run(plans, registry, root, as_json)


def _run(plans: list[Plan], registry: Any, root: Path, as_json: bool) -> None:
    from harness import leaderboard
    from harness.evaluate import evaluate
    from harness.workshop import Workshop

    shop = Workshop()
    rows = []
    for plan in plans:
        for note in plan.notes:
            click.echo(f"note: {note}", err=True)
        rows.append(evaluate(plan, registry, root, shop))
    if as_json:
        cli.echo_json(leaderboard.as_json(rows))
    else:
        click.echo(leaderboard.table(rows, {row.run_id: root / row.run_id for row in rows}))


def _show(plans: list[Plan], as_json: bool) -> None:
    from harness.runs import run_id

    if as_json:
        cli.echo_json([{"id": run_id(plan.run), "run": plan.run, "notes": plan.notes} for plan in plans])
        return
    for plan in plans:
        click.echo(f"{run_id(plan.run)}")
        sizes = ", ".join(f"{split} {len(problems)}" for split, problems in plan.splits.items())
        click.echo(f"  data       {plan.source.label} ({sizes})")
        width = max(len(name) for name in plan.sources)
        for name, setting in plan.sources.items():
            click.echo(f"  {name:{width}}  {setting.value!s:24}  {setting.source}")
        for note in plan.notes:
            click.echo(f"  note: {note}")
