"""A Ray cluster of several node processes on the loopback interface; run as a program, it ends with its standard input.

python nodes.py COUNT CPUS       prints {"address": …, "nodes": [process id of each raylet]}
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Nodes:
    """A running cluster: its address, the process of each node (the head's first), and the variables that use it."""

    address: str
    processes: tuple[int, ...]
    environ: dict[str, str]

    def is_judging(self, number: int) -> bool:
        """Whether jails run on a node."""
        lines = []
        for process in _children(self.processes[number]):
            with suppress(OSError):
                lines.append(Path(f"/proc/{process}/cmdline").read_bytes())
        return any(b"boot.pyc" in line for line in lines)

    def kill(self, number: int) -> None:
        """Kill a node with all that runs on it, as a lost machine does."""
        raylet = self.processes[number]
        for process in [*_children(raylet), raylet]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _children(process: int) -> list[int]:
    own = [int(word) for file in Path(f"/proc/{process}/task").glob("*/children") for word in file.read_text().split()]
    return [one for child in own for one in (*_children(child), child)]


@contextmanager
def nodes(count: int, cpus: int = 1) -> Iterator[Nodes]:
    """A cluster for the duration of the block."""
    environ = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_enable_metrics_collection": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "OMP_NUM_THREADS": "1",
        "HARNESS_PLUGINS": "",
    }
    words = [sys.executable, __file__, str(count), str(cpus)]
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(words, env=environ, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield Nodes(told["address"], tuple(told["nodes"]), environ)
        finally:
            process.stdin.close()


def _serve(count: int, cpus: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hr-", ignore_cleanup_errors=True) as folder:
        Path(folder, "ray").mkdir()
        os.environ["RAY_TMPDIR"] = folder  # Ray reads it when it is imported
        from ray._private.ray_constants import PROCESS_TYPE_RAYLET
        from ray.cluster_utils import Cluster

        like = {"num_cpus": cpus, "memory": 2 << 30, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=like)
        for _ in range(count - 1):
            cluster.add_node(**like)
        raylets = [one.all_processes[PROCESS_TYPE_RAYLET][0].process.pid for one in cluster.list_all_nodes()]
        print(json.dumps({"address": cluster.address, "nodes": raylets}), flush=True)
        sys.stdin.read()
        cluster.shutdown()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
