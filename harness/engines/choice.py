"""The options `--engine` and `--address`, and what they choose."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from harness import processes
from harness.errors import UsageError, unknown

if TYPE_CHECKING:
    from harness.engines.bench import RayBench
    from harness.engines.cluster import Cluster, Room
    from harness.engines.runs import RayExecutor
    from harness.plugin_system.registry import Registry

LOCAL, RAY = "local", "ray"


def _known(_: click.Context, __: click.Parameter, value: str) -> str:
    if value not in (LOCAL, RAY):
        raise unknown("engine", value, (LOCAL, RAY))
    return value


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add both options to a command."""
    address = click.option("--address", metavar="HOST:PORT", help="A Ray cluster; without it one on this machine.")
    engine = click.option(
        "--engine", default=LOCAL, show_default=True, callback=_known, help="local: this process; ray: a cluster."
    )
    return engine(address(command))


def check(engine: str, address: str | None) -> None:
    """Say at once what the engine lacks.

    Raises:
        UsageError: there is an address, and the engine is not Ray; or it is none; or torchrun started processes, too.
        HarnessError: Ray is not installed, or nothing answers at the address.
    """
    if engine == LOCAL and address is not None:
        raise UsageError(f"--address {address}: it is for --engine ray; add that, or leave it out")
    if engine == RAY:
        if processes.count() > 1:  # those have the GPUs that Ray's would use
            raise UsageError("--engine ray: torchrun has started several processes; start one, Ray starts the others")
        from harness.engines import cluster

        cluster.check(address)


@contextlib.contextmanager
def executor(engine: str, address: str | None, registry: Registry) -> Iterator[RayExecutor | None]:
    """What makes runs for the duration of the block; None for this process."""
    if engine == LOCAL:
        yield None
        return
    from harness.engines import cluster as clusters
    from harness.engines.runs import RayExecutor

    with clusters.connected(address) as cluster:
        room = clusters.room_for_runs(cluster.resources)
        _introduce(cluster, room, False)
        yield RayExecutor(cluster, room, registry)


@contextlib.contextmanager
def bench(engine: str, address: str | None, accept_unsafe: bool) -> Iterator[RayBench | None]:
    """Where candidates are executed for the duration of the block; None for this process."""
    if engine == LOCAL:
        yield None
        return
    from harness.engines import cluster as clusters
    from harness.engines.bench import RayBench

    with clusters.connected(address) as cluster:
        room = clusters.room_for_candidates(cluster.resources)
        _introduce(cluster, room, accept_unsafe)
        yield RayBench(cluster, room)


def _introduce(cluster: Cluster, room: Room, accept_unsafe: bool) -> None:
    """Check the nodes, and say on stderr what was found."""
    cluster.look_around(accept_unsafe)
    levels = [facts.isolation.name for facts in cluster.facts.values()]
    isolation = ", ".join(f"{level} on {levels.count(level)}" for level in dict.fromkeys(levels))
    nodes = f"{len(levels)} {'node' if len(levels) == 1 else 'nodes'}"
    for line in (f"ray: {nodes}, {room}; isolation {isolation}", *(f"note: {one}" for one in cluster.differences)):
        print(line, file=sys.stderr, flush=True)
