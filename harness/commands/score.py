"""`harness score`: judge and score without a model."""

from __future__ import annotations

from pathlib import Path

import click

from harness import cli, completion
from harness.engines import choice


@click.command("score")
@click.argument("run", required=False, type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--task", shell_complete=completion.names("task"), help="The task of a completions file.")
@click.option("--completions", type=click.Path(path_type=Path), help='Lines {"id": …, "completions": ["…"]}.')
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The task's files, or OWNER/NAME on the hub.  [default: built-in sample]",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("metric"),
    help="Metrics in place of the task's own.",
)
@click.option("--protocol", help="study: scored by the rules of its scripts.  [default: the task's own]")
@click.option("-k", "ks", multiple=True, callback=cli.numbers, help="Values of k, like 1,5,10.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N problems.")
@click.option("--method", default="external", show_default=True, help="The method's name in tables.")
@click.option("--model", help="The model's name in tables.  [default: the file's name]")
@completion.option_values("An option of a metric.")
@click.option(
    "--i-accept-unsafe-execution", "accept_unsafe", is_flag=True, help="Run programs where nothing isolates them."
)
@click.option(
    "--runs",
    "root",
    type=click.Path(path_type=Path),
    callback=cli.folder,
    default=Path("runs"),
    show_default=True,
    help="Folder of runs.",
)
@choice.options
@click.option("--json", "as_json", is_flag=True, help="The row as JSON.")
@cli.verbose
def command(
    run: Path | None,
    task: str | None,
    completions: Path | None,
    data: Path | None,
    metrics: tuple[str, ...],
    protocol: str | None,
    ks: tuple[int, ...],
    limit: int | None,
    method: str,
    model: str | None,
    sets: tuple[str, ...],
    accept_unsafe: bool,
    root: Path,
    engine: str,
    address: str | None,
    as_json: bool,
) -> None:
    """Judge and score completions made elsewhere, or add metrics to the finished run RUN.

    \b
    harness score --task apps --completions mine.jsonl
    harness score runs/conala-lora-builtin-sample-1b1356c3 --metric codebleu
    """
    from harness.config import Settings
    from harness.config_check import check_layers
    from harness.errors import UsageError
    from harness.evaluation import rescoring
    from harness.evaluation.request import Request
    from harness.plugin_system.registry import Registry
    from harness.ranking.tables import rows_as_json
    from harness.ranking.terminal import rows_as_text

    registry, settings = Registry(), Settings(sets)
    check_layers(settings, registry)
    choice.check(engine, address)
    if run is not None:
        _refuse_both(completions or task or protocol)
        with choice.bench(engine, address, False) as bench:
            row = rescoring.add_metrics(run, metrics, ks, data, registry, settings, bench)
    elif task and completions:
        request = Request(
            method,
            task,
            data=data,
            metrics=metrics,
            protocol=protocol,
            ks=ks,
            limit=limit,
            accept_unsafe=accept_unsafe,
            whole_data=True,
        )
        with choice.bench(engine, address, accept_unsafe) as bench:
            row = rescoring.score_file(request, completions, model or completions.stem, registry, settings, root, bench)
    else:
        raise UsageError("name a finished run, or --task with --completions FILE.jsonl")
    if as_json:
        cli.echo_json(rows_as_json([row]))
    else:
        click.echo(rows_as_text([row], width=cli.terminal_width()))


def _refuse_both(given: object) -> None:
    from harness.errors import UsageError

    if given:
        raise UsageError("name a finished run, or --task with --completions, not both")
