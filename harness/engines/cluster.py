"""A Ray cluster: one that is there already, or one on this machine for the duration of a command.

The only module that imports Ray. Its dashboard, metrics and usage statistics are off; what is started here listens on
the loopback interface alone, is used with a secret of its own, and ends with the command, also where that is killed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import sandbox
from harness.compat import take_over_ray_messages
from harness.engines import node
from harness.engines.scratch import NODE_FOLDER, delete_left, scratch
from harness.errors import FileError, HarnessError, MissingLibrary, UsageError
from harness.evaluation.provenance import versions
from harness.progress import VERBOSE, detail
from harness.sandbox.linux.cgroup import cores

PACKAGE = "codetune-harness"
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_enable_metrics_collection": "0"}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""Ray's only switch that keeps a cluster on the loopback interface, on Linux, too; and that it asks for a secret."""
_LONGEST_FOLDER = 42
"""Bytes of the folder for Ray's sockets, whose paths have 107 bytes at the most (Linux) and 65 of Ray's own."""
_SECONDS_TO_END = 10.0
_SECONDS_TO_ANSWER = 5.0
_SECONDS_TO_LOOK_AROUND = 300.0
"""A node answers when a process of Python has been started on it, and a jail of the sandbox."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a task asks of a node: CPUs, GPUs, bytes of memory; and how many such tasks fit into the cluster at once."""

    cpus: float
    gpus: int
    memory: int
    at_once: int

    @property
    def cores(self) -> int:
        """The CPUs as whole cores, one at least."""
        return max(1, int(self.cpus))

    @property
    def options(self) -> dict[str, Any]:
        """The same for Ray. A task that is lost is sent again by us, for what of it is unfinished."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory, "max_retries": 0}

    def __str__(self) -> str:
        gpus = f", {self.gpus} GPU" if self.gpus else ""
        return f"{self.at_once} at once, each with {self.cpus:g} CPU{gpus}, {self.memory / 1e9:.1f} GB"


def room_for_runs(resources: Sequence[Mapping[str, float]]) -> Room:
    """A task for each GPU, with its share of the node's CPUs and memory; without GPUs one for each node.

    `resources` are those of each node, by Ray's names. The least share of all nodes is asked for, so that it fits all.

    Raises:
        HarnessError: no node has a CPU to offer.
    """
    with_gpu = [one for one in resources if one.get("GPU", 0) >= 1]
    return _room(with_gpu or resources, "GPU" if with_gpu else None)


def room_for_candidates(resources: Sequence[Mapping[str, float]]) -> Room:
    """A task for each node, GPUs or not; the sandbox uses all cores by itself."""
    return _room(resources, None)


def _room(resources: Sequence[Mapping[str, float]], per: str | None) -> Room:
    usable = [one for one in resources if one.get("CPU", 0) > 0]
    if not usable:
        raise HarnessError("the cluster has no node with a CPU to offer; start one with: ray start --num-cpus N")
    tasks = [int(one[per]) if per else 1 for one in usable]
    cpus = min(one["CPU"] / count for one, count in zip(usable, tasks, strict=True))
    cpus = float(int(cpus)) if cpus >= 1 else cpus
    memory = int(min(one.get("memory", 0) // count for one, count in zip(usable, tasks, strict=True)))
    room = Room(cpus, 1 if per else 0, memory, 0)
    return replace(room, at_once=sum(_fitting(one, room) for one in usable))


def _fitting(resources: Mapping[str, float], room: Room) -> int:
    """How many tasks with this room fit a node at once."""
    asked = {"CPU": room.cpus, "GPU": room.gpus, "memory": room.memory}
    return min(int(resources.get(name, 0) / amount) for name, amount in asked.items() if amount)


class Lost(Exception):
    """A node or a process of the cluster has ended, or lost what it held; says nothing about the work."""


@dataclass(frozen=True, slots=True)
class Node:
    """A living node: its id, its address, and what it offers by Ray's names."""

    id: str
    address: str
    resources: Mapping[str, float]


class Cluster:
    """A cluster that this process is connected to."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self.facts: Mapping[str, node.NodeFacts] = {}
        """What is known of each node, by its address (with a number, where nodes share one)."""

    @property
    def nodes(self) -> list[Node]:
        """The nodes that are alive now."""
        alive = [one for one in self._ray.nodes() if one["Alive"]]
        return [Node(one["NodeID"], one["NodeManagerAddress"], one["Resources"]) for one in alive]

    @property
    def resources(self) -> list[Mapping[str, float]]:
        """What each node offers, by Ray's names."""
        return [one.resources for one in self.nodes]

    def look_around(self, accept_unsafe: bool) -> None:
        """Ask every node what it is like (`facts`).

        Raises:
            HarnessError: a node does not answer, has another harness, or cannot isolate untrusted programs.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ask = self._ray.remote(num_cpus=0)(node.look_around)
        asked = {
            f"{one.address}#{number}": ask.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(one.id, soft=False)
            ).remote(accept_unsafe)
            for number, one in enumerate(self.nodes, 1)
        }
        answers = {name: self._answer(name, reference) for name, reference in asked.items()}
        self.facts = {name: facts for name, facts in answers.items() if facts is not None}
        if not self.facts:
            raise HarnessError("no node of the cluster is left; see: ray status")
        own = versions()
        for name, facts in self.facts.items():
            if facts.versions[PACKAGE] != own[PACKAGE]:
                raise HarnessError(f"node {name} has harness {facts.versions[PACKAGE]}, this is {own[PACKAGE]}")
            if facts.isolation.name == "refused":
                why = f"cannot isolate untrusted programs ({facts.isolation.why})"
                raise sandbox.Refused(f"node {name} {why}; take it out of the cluster")

    def _answer(self, name: str, reference: Any) -> node.NodeFacts | None:
        """What a node says of itself; None where it was lost: Ray lists it for some seconds more."""
        errors = self._ray.exceptions
        try:
            found: node.NodeFacts = self._ray.get(reference, timeout=_SECONDS_TO_LOOK_AROUND)
        except errors.GetTimeoutError:
            raise HarnessError(f"node {name} has not answered for {_SECONDS_TO_LOOK_AROUND:.0f} s") from None
        except errors.TaskUnschedulableError:
            return None
        except errors.RayError as error:
            raise HarnessError(f"node {name}: {gist(error)}; the same harness must be installed there") from None
        return found

    @property
    def differences(self) -> list[str]:
        """A line for each library of which nodes have another version than this machine."""
        own = versions()
        return [
            f"node {name} has {library} {version}, this machine {own[library]}: results may differ"
            for name, facts in self.facts.items()
            for library, version in facts.versions.items()
            if version != own[library]
        ]

    def function(self, function: Callable[..., Any], room: Room, **options: Any) -> Any:
        """`function` as one that Ray calls on a node with `room`, by `.remote(…)`."""
        return self._ray.remote(**room.options, **options)(function)

    def put(self, value: Any) -> Any:
        """A reference to a value that nodes can fetch."""
        return self._ray.put(value)

    def ready(self, references: Sequence[Any], seconds: float) -> list[Any]:
        """One of the references that has something, or none after so many seconds."""
        found, _ = self._ray.wait(list(references), num_returns=1, timeout=seconds)
        return list(found)

    def cancel(self, reference: Any) -> None:
        """Interrupt a task."""
        self._ray.cancel(reference)

    def value(self, reference: Any) -> Any:
        """The value of a reference, or the next one of a stream of references.

        Raises:
            StopIteration: the stream has ended.
            Lost: it is not there any more.
            Exception: what the task has raised.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(next(reference) if hasattr(reference, "__next__") else reference)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(error.cause, HarnessError) else error  # noqa: B904 - the cause says it all
        except errors.RayError as error:
            raise Lost(gist(error)) from None


def gist(error: BaseException) -> str:
    """The name of an error and its first sentence, of at most 200 letters; Ray's go on for many lines."""
    words = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {words.strip().partition('. ')[0]}"[:200]


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """A cluster for the duration of the block: the one at `address`, or one on this machine that ends with the block.

    Raises:
        MissingLibrary: Ray is not installed.
        HarnessError: nothing answers at the address, or Ray cannot be started here.
    """
    ray = _import(address)
    take_over_ray_messages(ray, detail)
    handler = signal.getsignal(signal.SIGTERM)
    with contextlib.ExitStack() as stack:
        folder = None if address else stack.enter_context(_short_folder())
        if folder is not None:
            stack.callback(
                delete_left, NODE_FOLDER, _SECONDS_TO_END
            )  # its nodes end with it, and with a signal at once
        stack.callback(ray.shutdown)
        if folder is not None:
            _start(ray, folder)
        else:
            _attach(ray, address or "auto")
        signal.signal(signal.SIGTERM, handler)  # Ray has set its own
        yield Cluster(ray)


def check(address: str | None) -> None:
    """See that Ray is installed, and that somebody answers at the address; Ray itself would try for minutes.

    Raises:
        MissingLibrary: Ray is not installed.
        HarnessError: nothing answers, or it is no address.
    """
    _import(address)
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise UsageError(
            f"--address {address}: write HOST:PORT, like 10.0.0.1:6379; or auto, on a machine of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise HarnessError(f"--address {address}: no cluster answers there ({error}); see: ray status") from None


def _import(address: str | None) -> Any:
    os.environ.update(_QUIET)  # Ray reads these when it is imported
    if address is None:
        os.environ.update(_LOOPBACK)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise MissingLibrary("ray", "--engine ray", "ray") from None
    return ray


@contextlib.contextmanager
def _short_folder() -> Iterator[Path]:
    with scratch("harness-ray-") as folder:
        if len(os.fsencode(folder)) > _LONGEST_FOLDER:
            raise FileError(f"{folder}: too long a path for the sockets of Ray; set TMPDIR to a shorter folder")
        yield folder


def _start(ray: Any, folder: Path) -> None:
    with _one_line("Ray cannot be started here"):
        ray.init(
            address="local",
            num_cpus=cores(),
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(folder),
            **_logging(),
        )


def _attach(ray: Any, address: str) -> None:
    with _one_line(f"--address {address}"):
        ray.init(address=address, **_logging())


def _logging() -> dict[str, Any]:
    """What nodes print is shown with `-v` alone, as Ray's own words never are."""
    told = os.environ.get(VERBOSE, "0") not in ("", "0")
    return {"log_to_driver": told, "logging_level": "CRITICAL"}


@contextlib.contextmanager
def _one_line(what: str) -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise HarnessError(f"{what}: {gist(error)}") from None
