"""`harness plugins`: who offers what."""

from __future__ import annotations

import click

from harness import cli


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True)
def command(as_json: bool) -> None:
    """Every method, task, metric and backend, and the distribution it comes from; what was left out, and why."""
    from harness.registry import KINDS, Registry

    registry = Registry(warn=lambda _: None)
    found = [
        {
            "kind": kind,
            "name": offer.name,
            "distribution": offer.origin.distribution,
            "version": offer.origin.version,
            "summary": _summary(offer.plugin),
        }
        for kind in KINDS
        for offer in registry.offers(kind).values()
    ]
    if as_json:
        cli.echo_json({"plugins": found, "left_out": registry.quarantined})
        return
    widths = {key: max(len(str(one[key])) for one in found) for key in ("kind", "name", "distribution")}
    for one in found:
        place = f"{one['kind']:{widths['kind']}}  {one['name']:{widths['name']}}"
        click.echo(f"{place}  {one['distribution']:{widths['distribution']}} {one['version']:8}  {one['summary']}")
    for left in registry.quarantined:
        click.echo(f"left out: {left.name} ({left.distribution}): {left.reason}")


def _summary(plugin: object) -> str:
    return ((type(plugin).__doc__ or "").strip().splitlines() or [""])[0]
