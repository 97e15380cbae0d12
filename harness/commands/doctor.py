"""`harness doctor`: what this machine has, and what is missing for what."""

from __future__ import annotations

import click

from harness import cli


@click.command("doctor")
@click.option("--calibrate", is_flag=True, help="Measure this machine against the one the time limits were chosen on.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def command(as_json: bool, calibrate: bool) -> None:
    """Versions, processor, memory, GPU, the built-in model and sample, and the sandbox's isolation."""
    from harness.model import prepare_process

    prepare_process()
    from harness import builtin, provenance, sandbox

    machine, versions = provenance.machine(), provenance.versions()
    rung = sandbox.rung()
    facts = {"machine": machine, "versions": versions, "builtin": builtin.facts(), "sandbox": rung}
    calibration = sandbox.calibrate() if calibrate else None
    if calibration is not None:
        facts["calibration"] = calibration
    if as_json:
        cli.echo_json(facts)
        return
    gpu = machine["gpu"] or "none: tuning and writing run on the CPU, in 32 bit"
    click.echo(f"machine   {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GB, {machine['system']}")
    click.echo(f"GPU       {gpu}")
    for name, version in versions.items():
        click.echo(f"{name:24} {version}")
    for line in builtin.lines():
        click.echo(line)
    click.echo(str(rung))
    if calibration is not None:
        limits = f"{calibration.limits.cpu_seconds:.1f} s of CPU and {calibration.limits.wall_seconds:.1f} s in all"
        click.echo(f"calibration: {calibration.slowness:.2f} times as slow as the reference; a test may use {limits}")
