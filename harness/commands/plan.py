"""`harness plan`: what a method would train on a model, from its configuration alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import cli, completion

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.plugin import Method
    from harness.plugin_system.registry import PluginEntry
    from harness.records import ModelSpec


@click.command("plan")
@click.option(
    "--method",
    "methods",
    required=True,
    multiple=True,
    callback=cli.names,
    shell_complete=completion.names("method"),
    help="Tuning methods: lora, ia3, peft:vera.",
)
@click.option(
    "--model", required=True, shell_complete=completion.paths, help="A config.json, a folder with one, or a hub id."
)
@click.option("--revision", help="Hub commit of the model.")
@completion.option_values("An option of a method.")
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
def command(methods: tuple[str, ...], model: str, revision: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """How many parameters a method trains on a model, and what its adapter weighs. No weights are read or fetched.

    \b
    harness plan --model codellama/CodeLlama-7b-hf --method lora,ia3
    """
    from harness.config import Settings
    from harness.config_check import check_layers
    from harness.modeling.quirks import prepare_process
    from harness.plugin_system.registry import Registry
    from harness.records import ModelSpec

    prepare_process()
    registry, settings = Registry(), Settings(sets)
    spec = ModelSpec(_folder(model), revision)
    entries = [registry.method(name) for name in methods]
    counts = [_count_parameters(entry, spec, model, settings) for entry in entries]
    settings.check_claimed()
    check_layers(settings, registry)
    if as_json:
        cli.echo_json(counts[0] if len(counts) == 1 else counts)
        return
    width = max(len(one["method"]) for one in counts)
    for one in counts:
        share = 100 * one["trainable_parameters"] / one["total_parameters"]
        click.echo(
            f"{one['method']:{width}}  {one['trainable_parameters']:>14,} of {one['total_parameters']:,} parameters"
            f" ({share:.3f} %), adapter {one['adapter_bytes'] / 1e6:,.1f} MB"
        )


def _folder(model: str) -> str:
    """A configuration file is named by its folder or by itself; transformers wants the file or the folder."""
    path = Path(model)
    return str(path.parent if path.name == "config.json" else path) if path.exists() else model


def _count_parameters(entry: PluginEntry[Method], spec: ModelSpec, model: str, settings: Settings) -> dict[str, Any]:
    from harness.evaluation import meta_device
    from harness.modeling.base import meta, parameters

    config, _ = settings.config(entry.name, entry.plugin.Config)
    base = meta(spec)
    _, total = parameters(base.model)
    adapted = meta_device.adapt_on_meta(entry.plugin, spec, config)
    trainable, _ = parameters(adapted.model)
    return {
        "model": model,
        "method": entry.name,
        "trainable_parameters": trainable,
        "total_parameters": total,
        # Adapters are kept in 32 bits whatever the base is.
        "adapter_bytes": 4 * trainable,
    }
