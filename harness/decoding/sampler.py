"""Sampling and greedy decoding of many requests at once; the interface is that of `BeamSearch`.

A candidate always continues itself, so there is one proposal per candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.decoding.sampling import sample_tokens, sample_tokens_without_sync
from harness.records import Sampling

if TYPE_CHECKING:
    import torch

    from harness.decoding.sampling import LogitsFunction


class Sampler:
    """B requests with W candidates each; the state is that of `BeamSearch` with K = W."""

    def __init__(
        self,
        batch_size: int,
        max_new_tokens: int,
        eos_token_ids: Sequence[int],
        device: torch.device,
        sampling: Sampling,
        process_logits: LogitsFunction | None = None,
    ) -> None:
        """Each candidate has up to S `max_new_tokens`."""
        import torch

        self.num_candidates = self.num_proposals = sampling.candidates
        self.max_new_tokens, self._sampling, self._process_logits = max_new_tokens, sampling, process_logits
        self._eos_token_ids = torch.tensor(sorted(eos_token_ids), dtype=torch.long, device=device)
        shape = (batch_size, self.num_candidates)
        self.sequences = torch.zeros(*shape, max_new_tokens, dtype=torch.long, device=device)
        self.uniforms = torch.zeros(*shape, max_new_tokens, device=device)
        self.last_tokens, self.lengths = (torch.zeros(shape, dtype=torch.long, device=device) for _ in range(2))
        self.proposed_tokens = torch.zeros(shape, dtype=torch.long, device=device)
        self.proposal_parents = torch.arange(self.num_candidates, device=device).repeat(batch_size, 1)
        self.steps = torch.zeros(batch_size, dtype=torch.long, device=device)
        self.limits = torch.full((batch_size,), max_new_tokens, dtype=torch.long, device=device)
        self.running = torch.zeros(shape, dtype=torch.bool, device=device)
        self.done = torch.ones(batch_size, dtype=torch.bool, device=device)

    def add(
        self, indices: torch.Tensor, logits: torch.Tensor, limits: torch.Tensor, uniforms: torch.Tensor | None
    ) -> None:
        """Start new requests at batch `indices` (n,).

        `logits` (n, vocabulary) follow their prompts; `limits` (n,) are the tokens that each may have; `uniforms`
        (n, W, S) are their random numbers, None for greedy decoding.
        """
        self.steps[indices], self.lengths[indices], self.limits[indices] = 0, 0, limits
        self.running[indices], self.done[indices] = True, False
        if uniforms is not None:
            self.uniforms[indices, :, : uniforms.shape[-1]] = uniforms
        first = self.uniforms[indices, :, 0].flatten()
        tokens = self._next_tokens(logits.repeat_interleave(self.num_candidates, dim=0), first)
        self.proposed_tokens[indices] = tokens.view(-1, self.num_candidates)

    def propose(self, logits: torch.Tensor, rows: torch.Tensor | None) -> None:
        """Choose the next token of each of `rows` (all where None) by `logits` (rows, vocabulary)."""
        uniforms = self.uniforms.gather(2, self._current_step()).flatten()
        if rows is None:
            self.proposed_tokens.copy_(self._next_tokens(logits, uniforms).view_as(self.proposed_tokens))
        else:
            self.proposed_tokens.view(-1)[rows] = self._next_tokens(logits, uniforms[rows])

    def _current_step(self) -> torch.Tensor:
        """(B, W, 1): the index of the coming token in `sequences`."""
        return self.steps.clamp(max=self.max_new_tokens - 1)[:, None, None].expand(-1, self.num_candidates, 1)

    def _next_tokens(self, logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
        if self._sampling.temperature == 0:
            return (logits if self._process_logits is None else self._process_logits(logits.float())).argmax(-1)
        sample = sample_tokens_without_sync if logits.device.type == "cuda" else sample_tokens
        return sample(logits, uniforms, self._sampling, self._process_logits)

    def advance(self, complete: torch.Tensor) -> torch.Tensor:
        """Take the step: append the proposals. `complete` (B, W) says which candidates hold a complete answer.

        Returns (B, W) the parent of each candidate, which is itself.
        """
        import torch

        count, at = self.steps + 1, self._current_step()
        old = self.sequences.gather(2, at)
        self.sequences.scatter_(2, at, torch.where(self.running[..., None], self.proposed_tokens[..., None], old))
        self.lengths.copy_(torch.where(self.running, count[:, None], self.lengths))
        ended = complete | self._ends_text() | (count >= self.limits)[:, None]
        self.last_tokens.copy_(self.proposed_tokens)
        self.steps.copy_(torch.where(self.done, self.steps, count))
        self.running &= ~ended
        self.done.copy_(~self.running.any(dim=-1))
        return self.proposal_parents

    def _ends_text(self) -> torch.Tensor:
        """(B, W): which proposals are an end token."""
        return (self.proposed_tokens[..., None] == self._eos_token_ids).any(dim=-1)

    @property
    def host_tensors(self) -> dict[str, torch.Tensor]:
        """The part of the state that the host reads, by name."""
        return {name: getattr(self, name) for name in _HOST_TENSORS}

    @staticmethod
    def proposal(state: Mapping[str, Any], index: int, rank: int, steps: int) -> list[int]:
        """The tokens of one candidate after its proposal, with `steps` before it; empty where it is finished."""
        if not state["running"][index, rank]:
            return []
        return [*state["sequences"][index, rank, :steps].tolist(), int(state["proposed_tokens"][index, rank])]

    @staticmethod
    def result(state: Mapping[str, Any], index: int) -> tuple[list[list[int]], list[float] | None]:
        """The W candidates of a finished request, in order; they have no scores."""
        pairs = zip(state["sequences"][index].tolist(), state["lengths"][index].tolist(), strict=True)
        return [tokens[:length] for tokens, length in pairs], None

    def select(self, indices: torch.Tensor) -> None:
        """Shrink the batch to `indices`, in this order."""
        for name in _PER_REQUEST:
            setattr(self, name, getattr(self, name)[indices])


_HOST_TENSORS = ("sequences", "lengths", "proposed_tokens", "running", "done")
_PER_REQUEST = (
    *("sequences", "uniforms", "last_tokens", "lengths", "proposed_tokens", "proposal_parents"),
    *("steps", "limits", "running", "done"),
)
