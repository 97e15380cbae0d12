"""`harness plugins`: every plugin and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness import cli

if TYPE_CHECKING:
    from harness.plugin_system.registry import Registry


KINDS_LISTED = ("method", "task", "metric", "backend", "decoder", "study", "command", "listener")


@click.command("plugins")
@click.option("--kind", type=click.Choice(KINDS_LISTED), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """Every method, task, metric, backend, study and command, who offers it, and what was left out for which reason.

    HARNESS_PLUGINS=a,b lets in only these third parties, HARNESS_PLUGINS= none.

    \b
    harness plugins --kind method
    """
    from harness.plugin_system.registry import Registry

    registry = Registry(warn=lambda _: None)
    registry.load_everything()
    plugins = [row for row in _rows(registry) if kind in (None, row["kind"])]
    if as_json:
        cli.echo_json({"plugins": plugins, "left_out": registry.left_out, "warnings": registry.warnings})
        return
    widths = {key: max((len(one[key]) for one in plugins), default=0) for key in ("kind", "name", "distribution")}
    for one in plugins:
        place = f"{one['kind']:{widths['kind']}}  {one['name']:{widths['name']}}"
        cli.echo_row(f"{place}  {one['distribution']:{widths['distribution']}} {one['version']:8}  {one['summary']}")
    for left in registry.left_out:
        click.echo(f"left out: {left.name} ({left.distribution}): {left.reason}")
    for warning in registry.warnings:
        click.echo(f"note: {warning.name} ({warning.distribution}): {warning.reason}")


def _rows(registry: Registry) -> Any:
    """One row for each plugin and each third-party command; a plugin that only listens is a row of its own."""
    from harness.plugin_system.registry import KINDS, summary

    seen = set()
    for kind in KINDS:
        for entry in registry.entries(kind).values():
            seen.add(entry.origin.module)
            yield _row(kind, entry.name, entry.origin, summary(entry.plugin))
            for member, summary_line in (registry.members(entry) if kind == "method" else {}).items():
                yield _row(kind, f"{entry.name}:{member}", entry.origin, summary_line)
    for name, origin, summary_line in registry.commands():
        seen.add(origin.module)
        yield _row("command", name, origin, summary_line)
    for name, origin in registry.origins.items():
        if name not in seen and (hooks := registry.hooks(name)):
            yield _row("listener", name, origin, ", ".join(hooks))


def _row(kind: str, name: str, origin: Any, summary_line: str) -> dict[str, str]:
    return {
        "kind": kind,
        "name": name,
        "distribution": origin.distribution,
        "version": origin.version,
        "summary": summary_line,
    }
