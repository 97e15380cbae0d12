"""Sampling: right probabilities, and a completion that depends on its problem and the seed alone."""

from __future__ import annotations

import pytest
import torch

from harness.records import Sampling
from harness.sample import pick, random_numbers


def frequencies(logits: torch.Tensor, sampling: Sampling, count: int) -> torch.Tensor:
    chances = (torch.arange(count) + 0.5) / count
    tokens = pick(logits.expand(count, -1), chances, sampling)
    return torch.bincount(tokens, minlength=logits.shape[-1]) / count


def test_tokens_come_with_their_probabilities() -> None:
    logits = torch.tensor([0.3, 2.0, -1.0, 0.3, 1.1])
    for temperature in (0.5, 1.0, 2.0):
        found = frequencies(logits, Sampling(1, 1, temperature=temperature), 20_000)
        assert torch.allclose(found, torch.softmax(logits / temperature, dim=0), atol=2e-4)


def test_only_the_fewest_tokens_that_reach_top_p_take_part() -> None:
    logits = torch.log(torch.tensor([0.1, 0.5, 0.15, 0.25]))
    found = frequencies(logits, Sampling(1, 1, temperature=1.0, top_p=0.7), 30_000)
    assert torch.allclose(found, torch.tensor([0.0, 2 / 3, 0.0, 1 / 3]), atol=2e-4)


def test_a_flat_distribution_is_sampled_from_the_whole_vocabulary() -> None:
    found = frequencies(torch.zeros(1000), Sampling(1, 1, temperature=1.0), 100_000)
    assert torch.allclose(found, torch.full((1000,), 1e-3), atol=1e-4)


def test_transformers_keeps_the_same_tokens() -> None:
    from transformers import TopPLogitsWarper

    torch.manual_seed(0)
    for logits in 3 * torch.randn(20, 300):
        kept = torch.isfinite(TopPLogitsWarper(0.9)(torch.zeros(1, 1), logits[None].clone()))[0]
        found = frequencies(logits, Sampling(1, 1, temperature=1.0, top_p=0.9), 50_000)
        assert bool((found[~kept] == 0).all())


@pytest.mark.parametrize("problem", ["a", "b/1"])
def test_a_candidate_has_its_own_random_numbers_whoever_stands_beside_it(problem: str) -> None:
    five = random_numbers(42, problem, 5, 30)
    assert torch.equal(five[:2], random_numbers(42, problem, 2, 30))
    assert torch.equal(five[:, :10], random_numbers(42, problem, 5, 10))
    assert not torch.equal(five[0], five[1])
    assert not torch.equal(five, random_numbers(43, problem, 5, 30))
