"""A decoding step as a CUDA graph, one per range of columns, so that the host launches it in one call.

A captured step must not synchronise with the host, nor copy between devices. `host_syncs` finds such operations, on any
device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from harness.modeling.cuda_graphs import capture

_SYNC_OPERATIONS = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::equal",
}
"""Operations for which the host waits: for a value, or for a shape that depends on values."""
_WARMUP_CALLS = 3
"""Calls before a capture: libraries make their plans and allocate work space in the first ones."""


def host_syncs(call: Callable[[], Any]) -> list[str]:
    """Names of the operations in `call` that synchronise with the host or copy between devices."""
    from torch.utils._python_dispatch import TorchDispatchMode

    names: list[str] = []

    class OperationLogger(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Checks each operation of torch."""

        def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            named = kwargs or {}
            name = op.name().partition(".")[0]
            syncs = name in _SYNC_OPERATIONS or _between_devices(name, args, named)
            if syncs or _indexes_by_mask(name, args) or _assigns_a_number(name, args):
                names.append(name)
            return op(*args, **named)

    with OperationLogger():  # type: ignore[no-untyped-call]
        call()
    return names


def _indexes_by_mask(name: str, args: Any) -> bool:
    """Indexing with a boolean mask: the shape of the result depends on values."""
    import torch

    indices = args[1] if name in {"aten::index", "aten::index_put_", "aten::index_put"} else ()
    return any(one is not None and one.dtype == torch.bool for one in indices)


def _assigns_a_number(name: str, args: Any) -> bool:
    """`tensor[indices] = number`: for a GPU, torch makes a tensor of the number on the host and copies it."""
    return name in {"aten::index_put_", "aten::index_put"} and args[2].dim() == 0


def _between_devices(name: str, args: Any, named: Any) -> bool:
    if name == "aten::_to_copy":
        return named.get("device") is not None and named["device"].type != args[0].device.type
    return name == "aten::copy_" and args[0].device.type != args[1].device.type


class CapturedStep:
    """Calls `step(first_column, last_column)`, captured at the first call for each range.

    A step that cannot be captured runs as it is; `no_graph_reason` then says why.
    """

    def __init__(self, step: Callable[[int, int], None]) -> None:
        self._step = step
        self._graphs: dict[tuple[int, int], Any] = {}
        self._pool: Any = None
        self._calls = 0
        self.no_graph_reason = ""

    def __call__(self, first_column: int, last_column: int) -> None:
        """Take the step, by replaying its graph where it can be captured."""
        self._calls += 1
        if self._calls == 1:
            self.no_graph_reason = ", ".join(host_syncs(lambda: self._step(first_column, last_column)))
            return
        if not self.no_graph_reason and self._calls > _WARMUP_CALLS and (first_column, last_column) not in self._graphs:
            self._capture(first_column, last_column)
        graph = self._graphs.get((first_column, last_column))
        if graph is None or self.no_graph_reason:
            self._step(first_column, last_column)
        else:
            graph.replay()

    def _capture(self, first_column: int, last_column: int) -> None:
        import torch

        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph, self.no_graph_reason = capture(lambda: self._step(first_column, last_column), self._pool)
        if graph is None:
            print(f"note: steps of decoding are launched one kernel at a time: {self.no_graph_reason}", file=sys.stderr)
        else:
            self._graphs[first_column, last_column] = graph
