"""QLoRA: LoRA beside a quantised base.

Dettmers et al., NeurIPS 2023 (arXiv:2305.14314): the frozen weights are kept in 4 bits (NormalFloat, constants
quantised again) or in 8 bits (LLM.int8(), arXiv:2208.07339) and multiplied in 16; on a CPU in 32, as everything there.
The adapter is never merged into the quantised weights: merging rounds it, and changes what the model writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import hookimpl
from harness.errors import ModelError
from harness.plugin import Method
from harness.plugins.methods.lora import Lora, LoraConfig


class QLora8bit(Lora):
    """LoRA beside a base in 8 bits (LLM.int8())."""

    name = "qlora-8bit"
    display_name = "QLoRA 8-bit"
    reference = "Dettmers et al., NeurIPS 2023 (arXiv:2305.14314); settings: arXiv:2308.10462, section 4.6"

    def load_options(self, config: LoraConfig) -> Mapping[str, Any]:
        """Linear layers in 8 bits."""
        return _quantised(load_in_8bit=True)


class QLora4bit(Lora):
    """LoRA beside a base in 4 bits (nf4, double quantisation)."""

    name = "qlora-4bit"
    display_name = "QLoRA 4-bit"
    reference = QLora8bit.reference

    def load_options(self, config: LoraConfig) -> Mapping[str, Any]:
        """Linear layers in 4 bits."""
        import torch

        return _quantised(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16 if torch.cuda.is_available() else torch.float32,
        )


def _quantised(**settings: Any) -> Mapping[str, Any]:
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise ModelError(f"quantised bases need bitsandbytes, which cannot be imported here: {error}") from None
    from transformers import BitsAndBytesConfig

    return {"quantization_config": BitsAndBytesConfig(**settings)}


@hookimpl
def harness_methods() -> list[Method]:
    """The methods."""
    return [QLora8bit(), QLora4bit()]
