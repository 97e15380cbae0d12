"""Models small enough to be made on the spot: random weights, real architectures, a byte-level tokenizer."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from harness.modeling.quirks import prepare_process

KINDS = ("causal", "encoder-decoder")
SCALE = 3.0
"""Times the usual first weights: large enough that each token's score is its own."""


@functools.cache
def tiny_model(kind: str = "causal") -> Path:
    """The folder of a model of about 60,000 parameters, saved as transformers saves one; gone when this process ends.

    `kind` is "causal" (a Llama of two layers) or "encoder-decoder" (a T5 of two and two).
    """
    prepare_process()
    import torch

    root = Path(tempfile.mkdtemp(prefix="harness-tiny-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = root / f"tiny-{kind}"
    size = _save_tokenizer(folder)
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model = _llama(size) if kind == "causal" else _t5(size)
    # At the usual scale of first weights what is written hardly depends on the prompt, and a check would see nothing.
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(SCALE)
    model.save_pretrained(folder)
    torch.set_rng_state(state)
    return folder


def _save_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<|endoftext|>": 0, **{c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()), 1)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, pad_token=end).save_pretrained(folder)
    return len(vocabulary)


def _llama(size: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=size,
            max_position_embeddings=512,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
            tie_word_embeddings=True,
        )
    )


def _t5(size: int) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    return T5ForConditionalGeneration(
        T5Config(
            d_model=64,
            d_kv=16,
            d_ff=96,
            num_layers=2,
            num_decoder_layers=2,
            num_heads=4,
            vocab_size=size,
            eos_token_id=0,
            pad_token_id=0,
            decoder_start_token_id=0,
        )
    )
