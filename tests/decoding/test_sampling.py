"""Sampling: right probabilities, and a completion that depends on its problem and the seed alone."""

from __future__ import annotations

import pytest
import torch

from harness.decoding.capture import host_syncs
from harness.decoding.sampling import sample_tokens, sample_tokens_without_sync, uniform_numbers
from harness.records import Sampling


def frequencies(logits: torch.Tensor, sampling: Sampling, count: int) -> torch.Tensor:
    uniforms = (torch.arange(count) + 0.5) / count
    tokens = sample_tokens(logits.expand(count, -1), uniforms, sampling)
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
    found = frequencies(torch.zeros(1000), Sampling(1, 1, temperature=1.0), 20_000)
    assert torch.allclose(found, torch.full((1000,), 1e-3), atol=1e-4)


def test_transformers_keeps_the_same_tokens() -> None:
    from transformers import TopPLogitsWarper

    torch.manual_seed(0)
    for logits in 3 * torch.randn(20, 300):
        kept = torch.isfinite(TopPLogitsWarper(0.9)(torch.zeros(1, 1), logits[None].clone()))[0]
        found = frequencies(logits, Sampling(1, 1, temperature=1.0, top_p=0.9), 10_000)
        assert bool((found[~kept] == 0).all())


@pytest.mark.parametrize("problem", ["a", "b/1"])
def test_a_candidate_has_its_own_random_numbers_whoever_stands_beside_it(problem: str) -> None:
    five = uniform_numbers(42, problem, 5, 30)
    assert torch.equal(five[:2], uniform_numbers(42, problem, 2, 30))
    assert torch.equal(five[:, :10], uniform_numbers(42, problem, 5, 10))
    assert not torch.equal(five[0], five[1])
    assert not torch.equal(five, uniform_numbers(43, problem, 5, 30))


@pytest.mark.parametrize("top_p", [0.7, 0.95, 1.0])
def test_what_a_gpu_picks_without_asking_the_host_is_the_same(top_p: float) -> None:
    torch.manual_seed(0)
    logits, uniforms = 4 * torch.randn(400, 300), torch.rand(400)
    sampling = Sampling(1, 1, temperature=0.8, top_p=top_p)
    assert host_syncs(lambda: sample_tokens_without_sync(logits, uniforms, sampling)) == []
    found = sample_tokens_without_sync(logits, uniforms, sampling)
    # At the border of two tokens a rounded sum may be on either side; `sample_tokens` may leave out 1e-4 of the total.
    assert int((found != sample_tokens(logits, uniforms, sampling)).sum()) <= 2
