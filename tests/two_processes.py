"""Two real processes that know each other as those of a command do, over the loopback."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

from harness import processes


def in_two(function: Callable[..., Any], *given: Any) -> list[Any]:
    """What `function` returns in each of two processes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.testing.warm"])
    results = context.SimpleQueue()
    started = [context.Process(target=_joined, args=(rank, port, results, function, given)) for rank in range(2)]
    for one in started:
        one.start()
    found = dict(results.get() for _ in started)
    for one in started:
        one.join()
    return [found[rank] for rank in range(2)]


def _joined(rank: int, port: int, results: Any, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        processes.join()
        import torch

        torch.set_num_threads(1)
        results.put((rank, function(*given)))
    except BaseException as error:
        results.put((rank, error))
        raise
    processes._joined.apart = True  # each leaves by itself: there is nothing to wait for
