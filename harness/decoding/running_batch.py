"""The running batch of continuous batching: each request keeps its batch index until it is done.

A step of the batch selects among the proposals of the step before, runs the model on the selected tokens, and makes
the next proposals. The host copies the proposals while it does something else, and reads them when `collect_finished`
is called: only the host has the text, and so only it can say whether an answer is complete.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.compat import cache_keyword
from harness.decoding.attention import CascadeAttention
from harness.decoding.beam_search import BeamSearch
from harness.decoding.capture import CapturedStep
from harness.decoding.host_state import HostState, StopChecker
from harness.decoding.prefill import DecodingRequest, by_prefix, prefill, prefill_adapted
from harness.decoding.sampler import Sampler
from harness.decoding.slot_cache import CacheShape, SlotCache
from harness.decoding.stacked_adapters import StackedAdapters
from harness.modeling.fused_layers import FusedLayers
from harness.modeling.quantized_products import QuantizedProducts

if TYPE_CHECKING:
    import torch

_MAX_PREFILL_TOKENS = 8192
"""Prompt tokens, shared prefix included, of one prefill: their keys and values are in memory twice during it."""
_STEP_BUCKET = 16
"""With static shapes the decoded columns that attention reads grow by this many steps."""
_COLUMN_BUCKET = 64
"""With static shapes the prompt columns that attention reads change by this many."""


class DecodingOutput(NamedTuple):
    """A finished request: its number, the tokens of its candidates, and their scores under beam search."""

    number: int
    candidates: list[list[int]]
    scores: list[float] | None


class RunningBatch:
    """B batch indices, each for one request after another.

    With `static_shapes` all shapes stay the same from step to step, as a captured step on a GPU needs it. Otherwise
    the model runs only on rows that are not finished, and attention reads only columns that are visible to one.
    """

    def __init__(
        self,
        model: Any,
        shape: CacheShape,
        search: BeamSearch | Sampler,
        prefix_cache: Any,
        stop_checker: StopChecker,
        static_shapes: bool,
        adapters: StackedAdapters | None = None,
    ) -> None:
        """`prefix_cache` holds the shared prefix in one row; `stop_checker` knows requests by their numbers.

        With `adapters` each request has its own of them, and there is no shared prefix: keys and values differ.
        """
        import torch

        self._model, self._search, self._stop_checker = model, search, stop_checker
        self._slots = SlotCache(model, shape, prefix_cache)
        self._cache_keyword = cache_keyword(model, self._slots.cache)
        self._prefix_cache, self._static_shapes, self._adapters = prefix_cache, static_shapes, adapters
        self._attention, self._layers = CascadeAttention(model), FusedLayers(model)
        self._products = QuantizedProducts(model if static_shapes else None)
        self._requests: list[DecodingRequest | None] = [None] * shape.batch_size
        self._steps = [0] * shape.batch_size  # a host copy of `search.steps`, known without reading the device
        device = search.steps.device
        self._complete = torch.zeros(shape.batch_size, search.num_proposals, dtype=torch.bool, device=device)
        self._adapter_of = torch.zeros(shape.batch_size, dtype=torch.long, device=device)  # (B,)
        self._captured = CapturedStep(self._step) if static_shapes and device.type == "cuda" else None
        self._host_state = HostState(search)

    @property
    def num_running(self) -> int:
        """Requests in the batch."""
        return sum(request is not None for request in self._requests)

    @property
    def num_free(self) -> int:
        """Batch indices without a request."""
        return len(self._requests) - self.num_running

    def add(self, requests: Sequence[DecodingRequest]) -> None:
        """Prefill the prompts of `requests`, which take free batch indices."""
        for group in [requests] if self._adapters is None else by_prefix(requests, self._adapters):
            for waiting in self._padded_together(group):
                size = max(1, _MAX_PREFILL_TOKENS // self._prompt_columns(waiting))
                for start in range(0, len(waiting), size):
                    self._prefill(waiting[start : start + size])
        if requests:
            self._host_state.start_copy()

    def _padded_together(self, requests: Sequence[DecodingRequest]) -> Iterator[list[DecodingRequest]]:
        """Neighbours that may be padded to one length.

        Padding between the shared prefix and a prompt would move them apart for a layer with a sliding window.
        """
        same_length = self._slots.shape.prefix_tokens > 0 and bool(self._slots.windows)
        for _, group in groupby(requests, lambda request: len(request.tokens) if same_length else 0):
            yield list(group)

    def _prompt_columns(self, requests: Sequence[DecodingRequest]) -> int:
        """Columns of the longest prompt, with what stands before it."""
        return self._slots.shape.prefix_tokens + max(request.columns for request in requests)

    def _prefill(self, requests: Sequence[DecodingRequest]) -> None:
        import torch

        device = self._search.steps.device
        free = [index for index, request in enumerate(self._requests) if request is None][: len(requests)]
        for index, request in zip(free, requests, strict=True):
            self._requests[index], self._steps[index] = request, 0
        indices = torch.tensor(free, device=device)
        if self._adapters is None:
            read = prefill(self._model, requests, self._prefix_cache, device)
        else:
            read = prefill_adapted(self._model, requests, self._adapters, device)
            self._adapter_of[indices] = torch.tensor([request.adapter for request in requests], device=device)
        self._slots.add(indices, read.columns, read.cache)
        limits = torch.tensor([request.limit for request in requests], device=device)
        if isinstance(self._search, BeamSearch):
            self._search.add(indices, read.logits, limits)
        else:
            self._search.add(indices, read.logits, limits, _padded_uniforms(requests, device))

    def launch_step(self) -> None:
        """Start a step of the whole batch; on a GPU it is not finished when this returns."""
        self._check_stopping()
        first_column, last_column = self._column_range()
        self._steps = [steps + 1 for steps in self._steps]
        step = self._step if self._captured is None else self._captured
        step(first_column, last_column)
        self._host_state.start_copy()

    def collect_finished(self) -> list[DecodingOutput]:
        """The requests that the last step finished; their batch indices are free afterwards."""
        state = self._host_state.read()
        outputs = []
        for index, request in enumerate(self._requests):
            if request is not None and state["done"][index]:
                candidates, scores = self._search.result(state, index)
                outputs.append(DecodingOutput(request.number, candidates, scores))
                self._requests[index] = None
        return outputs

    def _column_range(self) -> tuple[int, int]:
        """The own columns that are visible to some row in the coming step: the first, and the one behind the last."""
        shape = self._slots.shape
        running = [(request, n) for request, n in zip(self._requests, self._steps, strict=True) if request is not None]
        first_column = shape.prompt_tokens - max(request.columns for request, _ in running)
        steps = min(shape.max_new_tokens, 1 + max(steps for _, steps in running))
        if self._static_shapes:
            first_column -= first_column % _COLUMN_BUCKET
            steps = min(shape.max_new_tokens, -(-steps // _STEP_BUCKET) * _STEP_BUCKET)
        return first_column, shape.prompt_tokens + steps * shape.candidates

    def _step(self, first_column: int, last_column: int) -> None:
        search, slots = self._search, self._slots
        parents = search.advance(self._complete)
        steps = (search.steps - 1).clamp(min=0)
        slots.reorder(parents, steps)
        rows = None
        if not self._static_shapes:
            rows = search.running.flatten().nonzero()[:, 0]
            if len(rows) == 0:
                return
            rows = None if len(rows) == search.running.numel() else rows
        positions = slots.prepare_step(steps, rows, first_column, last_column)
        tokens, positions = (
            tensor.flatten() if rows is None else tensor.flatten()[rows] for tensor in (search.last_tokens, positions)
        )
        with self._attention, self._layers, self._products, self._adapters_on(rows):
            output = self._model(
                input_ids=tokens[:, None], position_ids=positions[:, None], **self._cache_keyword, use_cache=True
            )
        search.propose(output.logits[:, -1], rows)

    def _adapters_on(self, rows: torch.Tensor | None) -> contextlib.AbstractContextManager[None]:
        """The adapter of each request on those of its rows that take part in the step."""
        if self._adapters is None:
            return contextlib.nullcontext()
        return self._adapters.applied(self._adapter_of, self._slots.shape.candidates, rows)

    def _check_stopping(self) -> None:
        """Mark the proposals that complete an answer, before the step selects among them."""
        state = self._host_state.read()
        running = [index for index, request in enumerate(self._requests) if request is not None]
        complete = self._host_state.complete
        complete.zero_()
        for row, rank in self._stop_checker.possible(state["proposed_tokens"][running]):
            index = running[row]
            request = self._requests[index]
            tokens = self._search.proposal(state, index, rank, self._steps[index])
            if request is not None and tokens and self._stop_checker.is_complete(request.number, tokens):
                complete[index, rank] = True
        self._complete.copy_(complete, non_blocking=True)

    def shrink(self) -> None:
        """Drop free batch indices where fewer than half are in use; call it when no request is waiting any more."""
        import torch

        if self._static_shapes or not 0 < self.num_running <= len(self._requests) // 2:
            return
        running = [index for index, request in enumerate(self._requests) if request is not None]
        indices = torch.tensor(running, device=self._complete.device)
        self._slots.select(indices)
        self._search.select(indices)
        self._complete, self._adapter_of = self._complete[indices], self._adapter_of[indices]
        self._requests, self._steps = [self._requests[i] for i in running], [self._steps[i] for i in running]
        self._host_state = HostState(self._search)


def _padded_uniforms(requests: Sequence[DecodingRequest], device: torch.device) -> torch.Tensor | None:
    """The random numbers of `requests` as one tensor (n, W, S) on `device`; None where nothing is sampled."""
    import torch

    uniforms = [request.uniforms.T for request in requests if request.uniforms is not None]
    return torch.nn.utils.rnn.pad_sequence(uniforms, batch_first=True).mT.to(device) if uniforms else None
