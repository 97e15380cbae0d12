"""Prompts as padded tensors, with the virtual tokens of a prompt-learning adapter before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.modeling.base import Base, has_trained_prefix
from harness.modeling.prompts import Prompt

if TYPE_CHECKING:
    import torch


def unwrapped_model(base: Base) -> Any:
    """The model without its `PeftModel` wrapper.

    Layers that an adapter replaced are part of it. Virtual tokens are not: see `model_inputs` and `trained_prefix`.
    """
    return base.model.get_base_model() if hasattr(base.model, "get_base_model") else base.model


def trained_prefix(base: Base, prompts: list[Prompt]) -> Any:
    """Trained keys and values before each prompt, or None."""
    return base.model.get_prompt(batch_size=len(prompts)) if has_trained_prefix(base.model) else None


def model_inputs(base: Base, prompts: list[Prompt]) -> dict[str, torch.Tensor]:
    """Padded tensors of the prompts.

    A decoder's prompt is padded on the left, where its continuation does not see it; an encoder's on the right, so that
    nothing comes between virtual tokens and the prompt.
    """
    import torch

    width = max(len(prompt.tokens) for prompt in prompts)
    pad_token_id = base.tokenizer.pad_token_id
    padding = [width - len(prompt.tokens) for prompt in prompts]
    ids = torch.tensor(
        [[pad_token_id] * pad + list(p.tokens) for pad, p in zip(padding, prompts, strict=True)], device=base.device
    )
    mask = torch.tensor([[0] * pad + [1] * (width - pad) for pad in padding], device=base.device)
    if base.seq2seq:
        # Each row is rotated by its padding, which moves from the left to the right.
        order = torch.tensor([[*range(pad, width), *range(pad)] for pad in padding], device=base.device)
        return {"input_ids": ids.gather(1, order), "attention_mask": mask.gather(1, order)}
    if _has_virtual_tokens(base):
        return _with_virtual_tokens(base, ids, mask)
    return {"input_ids": ids, "attention_mask": mask}


def _has_virtual_tokens(base: Base) -> bool:
    """Whether an adapter puts trained embeddings before the prompt (prompt tuning and its kin, not prefix tuning)."""
    config = getattr(base.model, "active_peft_config", None)
    if config is None or not config.is_prompt_learning or base.seq2seq:
        return False
    return not has_trained_prefix(base.model)


def _with_virtual_tokens(base: Base, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """[padding][virtual][prompt] as embeddings.

    PEFT itself builds [virtual][padding][prompt], which makes a completion depend on its batch (peft issue 1093).
    """
    import torch

    embeddings = base.model.get_base_model().get_input_embeddings()(ids)
    # Trained in 32 bits; the model reads the precision of its own embeddings.
    virtual = base.model.get_prompt(batch_size=ids.shape[0]).to(embeddings.dtype)
    count, width = virtual.shape[1], ids.shape[1]
    joined = torch.cat([virtual, embeddings], dim=1)
    attended = torch.cat([mask.new_ones(ids.shape[0], count), mask], dim=1)
    padding = (mask == 0).sum(dim=1).tolist()
    order = torch.tensor(
        [[*range(count, count + pad), *range(count), *range(count + pad, count + width)] for pad in padding],
        device=ids.device,
    )
    return {
        "inputs_embeds": joined.gather(1, order[..., None].expand_as(joined)),
        "attention_mask": attended.gather(1, order),
    }
