"""`harness doctor`: what this machine has, and what is missing for what."""

from __future__ import annotations

from pathlib import Path

import click

from harness import cli


@click.command("doctor")
@click.option("--calibrate", is_flag=True, help="Measure this machine against the one the time limits were chosen on.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def command(as_json: bool, calibrate: bool) -> None:
    """Versions, processor, memory, GPU, the built-in model and sample, and the sandbox's isolation.

    \b
    harness doctor
    """
    from harness.modeling.quirks import prepare_process

    prepare_process()
    from harness import builtin, sandbox
    from harness.evaluation import costs, provenance

    machine, versions = provenance.machine(), provenance.versions()
    level = sandbox.isolation_level()
    facts = {"machine": machine, "versions": versions, "builtin": builtin.facts(), "sandbox": level}
    facts["unmeasured"] = costs.unmeasured()
    calibration = sandbox.calibrate() if calibrate else None
    if calibration is not None:
        facts["calibration"] = calibration
    if as_json:
        cli.echo_json(facts)
        return
    gpu = machine["gpu"] or "none: tuning and writing run on the CPU, in 32 bit"
    cli.echo_text(f"machine   {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GB, {machine['system']}")
    cli.echo_text(f"GPU       {gpu}")
    for line in costs.unmeasured():
        cli.echo_text(f"not measured here: {line}")
    for name, version in versions.items():
        cli.echo_text(f"{name:24} {version}")
    for line in builtin.lines():
        cli.echo_text(line)
    if level.name != "full" and (why := namespaces_off()) is not None:
        cli.echo_text(f"user namespaces are off ({why}): the isolation below is what is left without them")
    cli.echo_text(str(level))
    if calibration is not None:
        limits = f"{calibration.limits.cpu_seconds:.1f} s of CPU and {calibration.limits.wall_seconds:.1f} s in all"
        cli.echo_text(
            f"calibration: {calibration.slowness:.2f} times as slow as the reference; a test may use {limits}"
        )


SWITCHES = {
    "user/max_user_namespaces": "0",
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
}
"""Below `/proc/sys`: the value with which a kernel gives an ordinary user no user namespaces (user_namespaces(7); the
second is Debian's, the third Ubuntu's)."""


def namespaces_off(settings: Path = Path("/proc/sys")) -> str | None:
    """The setting that switches user namespaces off, as `sysctl` writes it; None where they are on."""
    if not Path("/proc/self/ns/user").exists():
        return "this kernel has none"
    for name, off in SWITCHES.items():
        file = settings / name
        if file.is_file() and file.read_text("ascii").strip() == off:
            return f"{name.replace('/', '.')} = {off}"
    return None
