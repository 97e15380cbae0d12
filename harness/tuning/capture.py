"""CUDA graphs: the work of a batch is launched by the host in one call instead of thousands.

A graph is captured once for each shape and replayed on the same memory. The host copies the batch to the graph's static
input; all else that it reads or changes (weights, gradients, optimiser state, step count) stays at its address. Work
that synchronises with the host, or whose shapes depend on values, cannot be captured. It then runs uncaptured, by the
same code, and `no_graph_reason` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.modeling.cuda_graphs import capture
from harness.tuning.batches import Shape

if TYPE_CHECKING:
    import torch

BatchFunction = Callable[[Shape, "torch.Tensor"], None]
"""Takes a packed batch on the device (`batches.unpack_batch`), and adds its results to existing tensors."""
_WARM_UPS = 2
"""Calls before the first capture: libraries initialise in the first, and may choose their kernels in the second."""


class GraphRecorder:
    """Captures CUDA graphs; without a GPU, or after a failed capture, functions run uncaptured.

    `no_graph_reason` is empty while graphs are used. All graphs share one memory pool, since only one runs at a time;
    so the largest shape should be captured first.
    """

    def __init__(self, device: torch.device, no_graph_reason: str = "") -> None:
        self.device = device
        self.no_graph_reason = no_graph_reason or ("" if device.type == "cuda" else f"no CUDA graphs on {device.type}")
        self._pool: Any = None
        self._cold = True

    def record(self, function: Callable[[], None], *, warm_up: bool) -> Callable[[], None]:
        """`function` as a graph, or `function` itself. Before the first capture it is called, if `warm_up` allows it.

        Raises:
            RuntimeError: memory ran out.
        """
        import torch

        if self.no_graph_reason:
            return function
        cuda: Any = torch.cuda
        self._pool = self._pool or cuda.graph_pool_handle()
        if warm_up and self._cold:
            self._warm_up(function)
        graph, self.no_graph_reason = capture(function, self._pool)
        return function if graph is None else graph.replay

    def _warm_up(self, function: Callable[[], None]) -> None:
        """Call it on a stream of its own, as captures want it."""
        import torch

        self._cold = False
        cuda: Any = torch.cuda
        stream = cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(stream)


class GraphedFunction:
    """A function of a packed batch, with a graph for each shape."""

    def __init__(self, recorder: GraphRecorder, function: BatchFunction) -> None:
        self._recorder, self._function = recorder, function
        self._graphs: dict[Shape, tuple[torch.Tensor, Callable[[], None]]] = {}

    def record(self, shape: Shape, packed: torch.Tensor) -> None:
        """Capture the function for `shape`; `packed` is a batch of this shape on the host, for the warm-up."""
        static_input = packed.to(self._recorder.device, copy=True)
        replay = self._recorder.record(lambda: self._function(shape, static_input), warm_up=True)
        if not self._recorder.no_graph_reason:
            self._graphs[shape] = (static_input, replay)

    def clear(self) -> None:
        """Drop the graphs; the function runs uncaptured from now on."""
        self._graphs.clear()

    def __call__(self, shape: Shape, packed: torch.Tensor) -> None:
        """Run on one batch, asynchronously."""
        if self._recorder.device.type == "cuda":
            packed = packed.pin_memory()  # from pageable memory the copy would wait for the device
        if shape not in self._graphs:
            self._function(shape, packed.to(self._recorder.device, non_blocking=True))
            return
        static_input, replay = self._graphs[shape]
        static_input.copy_(packed, non_blocking=True)
        replay()


def snapshot(tensors: Sequence[torch.Tensor]) -> Callable[[], None]:
    """A function that restores the present values of `tensors`."""
    copies = [tensor.detach().clone() for tensor in tensors]

    def restore() -> None:
        for tensor, copy in zip(tensors, copies, strict=True):
            tensor.detach().copy_(copy)

    return restore


def clear_gradients(weights: Iterable[torch.Tensor], *, in_place: bool) -> None:
    """Set gradients to zero `in_place`, where CUDA graphs add to them; else to None, which needs no memory."""
    import torch

    if in_place:
        torch._foreach_zero_([weight.grad for weight in weights if weight.grad is not None])
        return
    for weight in weights:
        weight.grad = None
