"""What the host does between two steps: it reads the proposals, and says which of them complete an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.extract import AnswerExtractor
from harness.extract.stopping import AnswerStoppingCriteria

if TYPE_CHECKING:
    import torch


class HasHostTensors(Protocol):
    """`BeamSearch` or `Sampler`."""

    @property
    def host_tensors(self) -> dict[str, torch.Tensor]:
        """The tensors that the host reads, by name."""


class HostState:
    """A host copy of the tensors that the host reads, as NumPy arrays; on a CPU they share the tensors' memory.

    From a GPU they are copied into pinned memory, in the order of the stream. `read` waits for that copy alone; the
    device may already be working on what was launched after it.
    """

    def __init__(self, source: HasHostTensors) -> None:
        import torch

        self._source = source
        tensors = source.host_tensors
        device = next(iter(tensors.values())).device
        on_gpu = device.type == "cuda"
        self._copies = {
            name: torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True) if on_gpu else tensor
            for name, tensor in tensors.items()
        }
        self._arrays: Mapping[str, Any] = {name: tensor.numpy() for name, tensor in self._copies.items()}
        self._copied: Any = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]
        self.complete = torch.zeros(tensors["proposed_tokens"].shape, dtype=torch.bool, pin_memory=on_gpu)
        """(B, K), on the host: which proposals complete an answer."""

    def start_copy(self) -> None:
        """Enqueue the copy behind the work that was launched so far."""
        if self._copied is None:
            return
        for name, tensor in self._source.host_tensors.items():
            self._copies[name].copy_(tensor, non_blocking=True)
        self._copied.record()

    def read(self) -> Mapping[str, Any]:
        """The arrays of the last `start_copy`, by name."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._arrays


class StopChecker:
    """Which proposals could complete an answer, by their token, and whether one has."""

    def __init__(self, tokenizer: Any, extractors: Sequence[AnswerExtractor]) -> None:
        """`extractors` has one entry for each request, by its number."""
        import numpy as np

        self._criteria = AnswerStoppingCriteria(tokenizer, extractors)
        self._can_complete = np.full(0, -1, dtype=np.int8)
        """By token: 1 or 0, -1 where it was not looked up yet."""

    def possible(self, tokens: Any) -> Iterator[tuple[int, int]]:
        """(row, rank) of the tokens in an array (rows, K) that could complete an answer, row by row."""
        import numpy as np

        if tokens.size and (missing := tokens.max() + 1 - len(self._can_complete)) > 0:
            self._can_complete = np.pad(self._can_complete, (0, missing), constant_values=-1)
        for token in np.unique(tokens[self._can_complete[tokens] < 0]).tolist():
            self._can_complete[token] = self._criteria.can_complete(token)
        yield from map(tuple, np.argwhere(self._can_complete[tokens] == 1).tolist())

    def is_complete(self, request: int, tokens: list[int]) -> bool:
        """Whether `tokens`, the last of which could complete an answer, hold a complete one."""
        return self._criteria.is_complete(request, tokens)
