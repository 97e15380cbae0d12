"""Beam search over many requests at once as tensor code; it finds the hypotheses of transformers' `generate`, in order.

The rules are those of `generate` with its defaults. A score is a sum of log-probabilities; that of a finished
hypothesis is divided by its length (`length_penalty` 1). A request is done when its best running beam, at its present
length, could not displace the worst of W finished hypotheses (`early_stopping` False).

Two things differ. Each request has its own length. And the host reads no value from the device: shapes are static and
tensors are updated in place, so that a step can be captured as a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from harness.decoding.sampling import LogitsFunction

_EXCLUDED = -1.0e9
"""Added to the score of what must not be chosen; the constant of `generate`, since sums with it are compared."""


class BeamSearch:
    """B requests with W beams each; every step proposes K continuations per request and keeps W.

    State, on one device. `sequences` (B, W, S): tokens of the running beams; `steps` (B,): how many each has;
    `last_tokens` (B, W): the last of them. `proposed_tokens`, `proposal_parents`, `proposal_scores` (B, K): possible
    continuations, best first. `done` (B,): requests that are finished, and batch indices without a request.
    """

    def __init__(
        self,
        batch_size: int,
        candidates: int,
        max_new_tokens: int,
        eos_token_ids: Sequence[int],
        device: torch.device,
        process_logits: LogitsFunction | None = None,
    ) -> None:
        """W `candidates`, each of up to S `max_new_tokens`."""
        import torch

        self.num_candidates, self.max_new_tokens = candidates, max_new_tokens
        self.num_proposals = max(2, 1 + len(eos_token_ids)) * candidates
        self._process_logits = process_logits
        self._eos_token_ids = torch.tensor(sorted(eos_token_ids), dtype=torch.long, device=device)

        def integers(*more: int, value: int = 0) -> torch.Tensor:
            return torch.full((batch_size, *more), value, dtype=torch.long, device=device)

        def scores(*more: int) -> torch.Tensor:
            return torch.full((batch_size, *more), _EXCLUDED, dtype=torch.float32, device=device)

        def flags(value: bool, *more: int) -> torch.Tensor:
            return torch.full((batch_size, *more), value, dtype=torch.bool, device=device)

        self.sequences, self.steps, self.last_tokens = (
            integers(candidates, max_new_tokens),
            integers(),
            integers(candidates),
        )
        self.limits = integers(value=max_new_tokens)
        self.scores = scores(candidates)
        self.proposal_scores, self.proposed_tokens = scores(self.num_proposals), integers(self.num_proposals)
        self.proposal_parents = integers(self.num_proposals)
        self.best, self.best_lengths = integers(candidates, max_new_tokens), integers(candidates)
        self.best_scores, self.finished = scores(candidates), flags(False, candidates)
        self.improvable, self.done = flags(True), flags(True)
        self._top = torch.arange(self.num_proposals, device=device) < candidates

    @property
    def running(self) -> torch.Tensor:
        """(B, W): the rows that need a next token; all beams of a request run until it is done."""
        return (~self.done)[:, None].expand(-1, self.num_candidates)

    def add(self, indices: torch.Tensor, logits: torch.Tensor, limits: torch.Tensor) -> None:
        """Start new requests at batch `indices` (n,).

        `logits` (n, vocabulary) follow their prompts; `limits` (n,) are the tokens that each may have.
        """
        reset = ((self.steps, 0), (self.best_scores, _EXCLUDED), (self.scores, _EXCLUDED), (self.finished, False))
        for tensor, value in reset:
            tensor[indices] = value
        self.scores[indices, 0] = 0.0  # one beam is continued: all would give the same
        self.improvable[indices], self.done[indices], self.limits[indices] = True, False, limits
        beams = 1 if logits.shape[-1] >= self.num_proposals else self.num_candidates
        self._propose(logits[:, None].expand(-1, beams, -1), self.scores[indices, :beams], indices)

    def propose(self, logits: torch.Tensor, rows: torch.Tensor | None) -> None:
        """The K best continuations by `logits` (rows, vocabulary), of the requests that `rows` belong to."""
        indices = None if rows is None else rows[:: self.num_candidates] // self.num_candidates
        scores = self.scores if indices is None else self.scores[indices]
        self._propose(logits.view(-1, self.num_candidates, logits.shape[-1]), scores, indices)

    def _propose(self, logits: torch.Tensor, scores: torch.Tensor, indices: torch.Tensor | None) -> None:
        """By `logits` (n, beams, vocabulary): first the K best of each beam, then the K best of those."""
        import torch

        logits = logits.float()
        if self._process_logits is not None:
            logits = self._process_logits(logits.flatten(0, 1)).view_as(logits)
        top, tokens = torch.topk(logits, min(self.num_proposals, logits.shape[-1]), dim=-1)
        highest = top[..., :1]
        log_probabilities = (top - highest) - (logits - highest).exp().sum(-1, keepdim=True).log()
        per_beam = top.shape[-1]
        totals = (log_probabilities + scores[..., None]).flatten(1)
        proposal_scores, order = torch.topk(totals, self.num_proposals, dim=-1)
        proposals = (
            (self.proposal_scores, proposal_scores),
            (self.proposed_tokens, tokens.flatten(1).gather(1, order)),
            (self.proposal_parents, order // per_beam),
        )
        for tensor, new in proposals:
            if indices is None:
                tensor.copy_(new)
            else:
                tensor[indices] = new

    def advance(self, complete: torch.Tensor) -> torch.Tensor:
        """Take the step: which proposals finish a hypothesis, and which W of the others become the beams.

        `complete` (B, K) says which proposals hold a complete answer. Returns (B, W) the parent of each new beam.
        """
        import torch

        count = self.steps + 1
        ended = complete | self._ends_text() | (count >= self.limits)[:, None]
        parents, tokens, scores = self.proposal_parents, self.proposed_tokens, self.proposal_scores
        texts = self.sequences.gather(1, parents[..., None].expand(-1, -1, self.max_new_tokens))
        at = self.steps.clamp(max=self.max_new_tokens - 1)[:, None, None]
        texts = texts.scatter(2, at.expand(-1, self.num_proposals, 1), tokens[..., None])
        self._finish(texts, scores, ended & self._top, count)
        running, chosen = torch.topk(scores + ended.float() * _EXCLUDED, self.num_candidates, dim=-1)
        # The best that a running beam could reach if it ended now, against the worst finished hypothesis.
        attainable = running[:, :1] / count[:, None]
        worst = torch.where(self.finished, self.best_scores.min(dim=1, keepdim=True)[0], _EXCLUDED)
        self.improvable &= (attainable > worst).any(dim=-1)
        beam_parents = parents.gather(1, chosen)
        self.sequences.copy_(texts.gather(1, chosen[..., None].expand(-1, -1, self.max_new_tokens)))
        self.last_tokens.copy_(tokens.gather(1, chosen))
        self.scores.copy_(running)
        self.steps.copy_(torch.where(self.done, self.steps, count))
        self.done |= ~self.improvable | ended.all(dim=-1)
        return beam_parents

    def _finish(self, texts: torch.Tensor, scores: torch.Tensor, ended: torch.Tensor, count: torch.Tensor) -> None:
        """Keep the W best of the finished hypotheses so far and of the proposals that have `ended` (B, K)."""
        import torch

        closed = (~self.improvable | self.done)[:, None]
        final = scores / count[:, None] + closed.float() * _EXCLUDED + (~ended).float() * _EXCLUDED
        lengths = count[:, None].expand_as(self.proposed_tokens)
        merged = torch.cat([self.best_scores, final], dim=1)
        self.best_scores[:], order = torch.topk(merged, self.num_candidates, dim=-1)
        every = torch.cat([self.best, texts], dim=1)
        self.best.copy_(every.gather(1, order[..., None].expand(-1, -1, self.max_new_tokens)))
        self.best_lengths.copy_(torch.cat([self.best_lengths, lengths], dim=1).gather(1, order))
        self.finished.copy_(torch.cat([self.finished, ended], dim=1).gather(1, order))

    def _ends_text(self) -> torch.Tensor:
        """(B, K): which proposals are an end token."""
        return (self.proposed_tokens[..., None] == self._eos_token_ids).any(dim=-1)

    @property
    def host_tensors(self) -> dict[str, torch.Tensor]:
        """The part of the state that the host reads, by name."""
        return {name: getattr(self, name) for name in _HOST_TENSORS}

    @staticmethod
    def proposal(state: Mapping[str, Any], index: int, rank: int, steps: int) -> list[int]:
        """The tokens of one proposal whose parent has `steps` tokens; `state` is a host copy of `host_tensors`."""
        parent = state["proposal_parents"][index, rank]
        return [*state["sequences"][index, parent, :steps].tolist(), int(state["proposed_tokens"][index, rank])]

    @staticmethod
    def result(state: Mapping[str, Any], index: int) -> tuple[list[list[int]], list[float] | None]:
        """The W hypotheses of a finished request, best first, and their scores."""
        pairs = zip(state["best"][index].tolist(), state["best_lengths"][index].tolist(), strict=True)
        return [tokens[:length] for tokens, length in pairs], state["best_scores"][index].tolist()

    def select(self, indices: torch.Tensor) -> None:
        """Shrink the batch to `indices`, in this order."""
        for name in _PER_REQUEST:
            setattr(self, name, getattr(self, name)[indices])


_HOST_TENSORS = ("sequences", "proposed_tokens", "proposal_parents", "best", "best_lengths", "best_scores", "done")
_PER_REQUEST = (
    *("sequences", "steps", "last_tokens", "limits", "scores"),
    *("proposal_scores", "proposed_tokens", "proposal_parents"),
    *("best", "best_scores", "best_lengths", "finished", "improvable", "done"),
)
