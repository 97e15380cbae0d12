"""`harness plugins`: who offers what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness import cli

if TYPE_CHECKING:
    from harness.registry import Registry


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def command(as_json: bool) -> None:
    """Every method, task, metric, backend and command, and the distribution it comes from; what was left out, and why.

    HARNESS_PLUGINS=a,b lets in only these third parties, HARNESS_PLUGINS= none.
    """
    from harness.registry import Registry

    registry = Registry(warn=lambda _: None)
    registry.load_everything()
    found = list(_rows(registry))
    if as_json:
        cli.echo_json({"plugins": found, "left_out": registry.quarantined, "remarks": registry.remarks})
        return
    widths = {key: max(len(one[key]) for one in found) for key in ("kind", "name", "distribution")}
    for one in found:
        place = f"{one['kind']:{widths['kind']}}  {one['name']:{widths['name']}}"
        click.echo(f"{place}  {one['distribution']:{widths['distribution']}} {one['version']:8}  {one['summary']}")
    for left in registry.quarantined:
        click.echo(f"left out: {left.name} ({left.distribution}): {left.reason}")
    for remark in registry.remarks:
        click.echo(f"note: {remark.name} ({remark.distribution}): {remark.reason}")


def _rows(registry: Registry) -> Any:
    """One row for each plugin and each third-party command; a plugin that only listens is a row of its own."""
    from harness.registry import KINDS, summary

    seen = set()
    for kind in KINDS:
        for offer in registry.offers(kind).values():
            seen.add(offer.origin.module)
            yield _row(kind, offer.name, offer.origin, summary(offer.plugin))
            for member, words in (registry.members(offer) if kind == "method" else {}).items():
                yield _row(kind, f"{offer.name}:{member}", offer.origin, words)
    for name, origin, words in registry.commands():
        seen.add(origin.module)
        yield _row("command", name, origin, words)
    for name, origin in registry.origins.items():
        if name not in seen and (hooks := registry.hooks(name)):
            yield _row("listener", name, origin, ", ".join(hooks))


def _row(kind: str, name: str, origin: Any, words: str) -> dict[str, str]:
    return {
        "kind": kind,
        "name": name,
        "distribution": origin.distribution,
        "version": origin.version,
        "summary": words,
    }
