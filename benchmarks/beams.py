"""How long candidates take by beam search, beside transformers' `generate` alone, on a model of random weights.

    python benchmarks/beams.py [--layers N] [--hidden N] [--prompt N] [--problems N] [--rounds N]

Prompts are random tokens of unlike lengths, up to `--prompt`, as with examples in them. Both sides search with ten
beams for 64 tokens; `generate` gets as many problems at a time as harness takes, or as many as fit. Each round times
both, one after the other; the median of the ratios within rounds is what to quote. On a GPU also the peak of memory.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from harness.decoding.generate import batch_size, generate
from harness.modeling.base import Base, ModelSpec
from harness.modeling.prompts import Prompt
from harness.modeling.quirks import prepare_process
from harness.records import Sampling

BEAMS = Sampling(candidates=10, max_new_tokens=64)
Side = Callable[[Base, list[Prompt], int], None]


class Words:
    """A tokenizer that only has what a generation loop asks for."""

    eos_token_id = pad_token_id = 0

    def decode(self, tokens: list[int], **_: Any) -> str:
        return " ".join(map(str, tokens))


def model(layers: int, hidden: int) -> Any:
    """A Llama of random weights, on the GPU in 16 bit if there is one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    gpu = torch.cuda.is_available()
    torch.set_default_device("cuda" if gpu else "cpu")
    torch.set_default_dtype(torch.bfloat16 if gpu else torch.float32)
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=hidden * 43 // 16,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 128 or 1,
        vocab_size=32016,
        max_position_embeddings=4096,
        pad_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def prompts(longest: int, count: int) -> list[Prompt]:
    import random

    rng = random.Random(0)
    lengths = [rng.randint(longest * 3 // 4, longest) for _ in range(count)]
    return [Prompt(str(i), "", tuple(rng.randrange(1, 32000) for _ in range(n))) for i, n in enumerate(lengths)]


def ours(base: Base, asked: list[Prompt], size: int) -> None:
    list(generate(base, asked, BEAMS, 42, batch=size))


def alone(base: Base, asked: list[Prompt], size: int) -> None:
    """The same with transformers alone."""
    import torch

    ordered = sorted(asked, key=lambda prompt: -len(prompt.tokens))
    for start in range(0, len(ordered), size):
        rows = [prompt.tokens for prompt in ordered[start : start + size]]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows])
        with torch.inference_mode():
            base.model.generate(
                input_ids=ids,
                attention_mask=(ids != 0).long(),
                num_beams=BEAMS.candidates,
                num_return_sequences=BEAMS.candidates,
                max_new_tokens=BEAMS.max_new_tokens,
                do_sample=False,
                return_dict_in_generate=True,
                output_scores=True,
            )


def fitting(side: Side, base: Base, asked: list[Prompt], size: int) -> int:
    """The largest half, quarter, ... of `size` with which `side` does not run out of memory."""
    import torch

    while True:
        try:
            side(base, asked[:size], size)
        except torch.cuda.OutOfMemoryError:
            size //= 2
        else:
            return size
        torch.cuda.empty_cache()


def timed(side: Side, base: Base, asked: list[Prompt], size: int) -> tuple[float, float]:
    """Seconds, and the peak of memory in GB on a GPU."""
    import torch

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    began = time.perf_counter()
    side(base, asked, size)
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - began, torch.cuda.max_memory_allocated() / 1e9 if gpu else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("layers", 4), ("hidden", 256), ("prompt", 450), ("problems", 16), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    prepare_process()
    network = model(options.layers, options.hidden)
    base = Base(network, Words(), ModelSpec("random"), seq2seq=False)
    asked = prompts(options.prompt, options.problems)
    size = batch_size(base, asked, BEAMS)
    sizes = {side: fitting(side, base, asked, size) for side in (ours, alone)}
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "alone": []}
    for _ in range(options.rounds):
        for side in (ours, alone):
            found[side.__name__].append(timed(side, base, asked, sizes[side]))
    ratio = statistics.median(b[0] / a[0] for a, b in zip(*found.values(), strict=True))
    for side in (ours, alone):
        seconds, peak = (statistics.median(column) for column in zip(*found[side.__name__], strict=True))
        rate = options.problems / seconds
        print(f"{side.__name__:6} {rate:7.2f} problems/s, {sizes[side]} at a time, peak {peak:.1f} GB")
    print(f"{ratio:.2f} x transformers alone")


if __name__ == "__main__":
    main()
