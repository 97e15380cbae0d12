"""CUDA graphs: work that the host launches in one call instead of thousands."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
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
        with garbage_kept(), torch.cuda.graph(graph, pool=pool):
            function()
    except RuntimeError as error:
        _leave_capture()
        if memory.is_out_of_memory(error):
            raise
        return None, " ".join(str(_root_cause(error)).split())[:200]
    return graph, ""


@contextlib.contextmanager
def garbage_kept() -> Iterator[None]:
    """Context manager without garbage collection: what is destroyed during a capture, such as older graphs, ends it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _leave_capture() -> None:
    """After a failed capture torch's random numbers would still expect one, and fail."""
    import torch

    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(torch.Generator(generator.device).graphsafe_get_state())


def _root_cause(error: BaseException) -> BaseException:
    """The first error of a chain: the last one of a failed capture says only that it failed."""
    while error.__context__ is not None:
        error = error.__context__
    return error
