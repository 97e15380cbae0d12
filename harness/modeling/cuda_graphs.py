"""CUDA graphs: work that the host launches in one call instead of thousands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.modeling import memory


def capture(function: Callable[[], None], pool: Any) -> tuple[Any, str]:
    """`function` as a graph whose memory comes from `pool`, and ""; or None and why it cannot be captured.

    A capture executes nothing. What synchronises with the host, or has shapes that depend on values, cannot be
    captured.

    Raises:
        RuntimeError: memory ran out.
    """
    import torch

    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, pool=pool):
            function()
    except RuntimeError as error:
        if memory.is_out_of_memory(error):
            raise
        return None, " ".join(str(_root_cause(error)).split())[:200]
    return graph, ""


def _root_cause(error: BaseException) -> BaseException:
    """The first error of a chain: the last one of a failed capture says only that it failed."""
    while error.__context__ is not None:
        error = error.__context__
    return error
