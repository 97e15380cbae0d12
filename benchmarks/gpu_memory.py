"""Peak memory of every PEFT method of the study on a model of CodeLlama's shape with random weights.

    python benchmarks/gpu_memory.py                 7B: one GPU of 80 GB, under four minutes
    python benchmarks/gpu_memory.py --shape 13b     (or 34b, whose weights take 68 GB of disk for a while)
    python benchmarks/gpu_memory.py --shape tiny    the same on any machine, a CPU too
    python benchmarks/gpu_memory.py --limit 14.3    tuning as on a GPU of so many gigabytes: with smaller micro-batches

Each method trains a few steps of the study's batch (8 rows of 128 tokens, no row shorter, so that nothing is saved by
padding less) through harness's own loop, then writes with ten beams. Memory and speed do not depend on the weights'
values. The study's Figure 1 stands beside it; it was measured on an RTX A5000 with every logit computed.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.modeling.quirks import prepare_process

prepare_process()

SHAPES: dict[str, dict[str, int]] = {
    "7b": {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "intermediate_size": 11008,
        "num_attention_heads": 32,
        "vocab_size": 32016,
    },
    "13b": {
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "intermediate_size": 13824,
        "num_attention_heads": 40,
        "vocab_size": 32016,
    },
    "34b": {
        "hidden_size": 8192,
        "num_hidden_layers": 48,
        "intermediate_size": 22016,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
    },
    "tiny": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "vocab_size": 512,
    },
}
METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-8bit", "qlora-4bit")
STUDY = {
    ("7b", "lora"): 19.06,
    ("7b", "qlora-4bit"): 9.16,
    ("13b", "qlora-4bit"): 15.01,
    ("34b", "qlora-4bit"): 23.59,
}
"""Figure 1 of arXiv:2308.10462: CodeLlama, gigabytes."""
RATES = {"prefix-tuning": 1e-3}
"""Random weights do not bear the study's rate of 3e-2 for prefixes; memory is the same at any rate."""


class Words:
    """What the loops ask of a tokenizer, over token numbers: random weights have no words."""

    pad_token_id = 0
    eos_token_id = 1
    padding_side = "left"
    all_special_ids: tuple[int, ...] = ()
    all_special_tokens: tuple[str, ...] = ()

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [2 + ord(letter) % 200 for letter in text]}

    def decode(self, tokens: list[int], **_: Any) -> str:
        return " ".join(map(str, tokens))


def saved_weights(shape: str, folder: Path) -> None:
    """Random 16-bit weights of `shape` on disk, made where that is fastest."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = LlamaConfig(
        **SHAPES[shape], max_position_embeddings=2048, eos_token_id=1, pad_token_id=0, dtype=torch.bfloat16
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    del model
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def rows(count: int, length: int, answer: int, vocabulary: int) -> list[dict[str, Any]]:
    """Rows of `length` tokens whose last `answer` are the response."""
    rng = random.Random(0)
    found = []
    for _ in range(count):
        tokens = [rng.randrange(2, vocabulary) for _ in range(length)]
        labels = [-100] * (length - answer) + tokens[-answer:]
        found.append({"input_ids": tokens, "labels": labels, "attention_mask": [1] * length})
    return found


def measured(
    shape: str, folder: Path, methods: tuple[str, ...], steps: int, answer: int, limit: float | None
) -> Iterator[dict[str, Any]]:
    """One line of the table for each method; tuning may take `limit` gigabytes."""
    import torch

    from harness.modeling.bases import LoadedBases
    from harness.plugin_system.registry import Registry

    registry, bases = Registry(), LoadedBases()
    cuda = torch.cuda.is_available()
    for name in methods:
        method = registry.method(name).plugin
        config = method.Config(**{"learning_rate": RATES[name]} if name in RATES else {})
        base = base_of(bases, folder, method.load_options(config))
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        line = {"method": name, "weights": allocated()}
        adapted = method.adapt(base, config)
        with memory_of(limit):
            line |= trained(adapted, method.tuning(config), steps, SHAPES[shape]["vocab_size"], answer)
        line |= wrote(adapted, SHAPES[shape]["vocab_size"])
        bases.release(adapted)
        del adapted, base
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()
        yield line


@contextlib.contextmanager
def memory_of(limit: float | None) -> Iterator[None]:
    """Context manager: torch may reserve `limit` gigabytes of the GPU at most."""
    import torch

    if limit is None:
        yield
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties().total_memory
    torch.cuda.set_per_process_memory_fraction(limit * 1e9 / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def base_of(bases: Any, folder: Path, options: Any) -> Any:
    """The base, loaded by harness; only its tokenizer is not a real one."""
    from harness.modeling import base as model
    from harness.records import ModelSpec

    model.load_tokenizer = lambda _: Words()
    return bases.get(ModelSpec(str(folder)), options)


def trained(adapted: Any, tuning: Any, steps: int, vocabulary: int, answer: int) -> dict[str, Any]:
    """Losses, seconds a step and peak memory of a short training."""
    from harness.modeling.base import parameters
    from harness.tuning.losses import validation_loss
    from harness.tuning.train import fit

    train = rows(8 * steps, 128, answer, vocabulary)
    validation = train[:8]
    before = validation_loss(adapted, validation, 8)
    folder = Path(tempfile.mkdtemp())
    times: list[float] = []
    tuned = fit(
        adapted,
        train,
        validation,
        replace(tuning, epochs=1.0, evaluate_every=1.0),
        folder / "checkpoints",
        42,
        lambda *_: times.append(time.monotonic()),
    )
    shutil.rmtree(folder)
    gaps = sorted(b - a for a, b in pairwise(times[1:]))
    return {
        "trainable": parameters(adapted.model)[0],
        "before": before,
        "after": tuned.best_loss,
        "micro": tuned.micro_batch,
        "ms": 1000 * gaps[len(gaps) // 2] if gaps else float("nan"),
        "peak": peak(),
    }


def wrote(adapted: Any, vocabulary: int) -> dict[str, Any]:
    """Seconds and peak memory of eight problems with ten beams of 16 tokens."""
    from harness.decoding.generate import generate
    from harness.modeling.prompts import Prompt
    from harness.records import Sampling

    rng = random.Random(1)
    prompts = [Prompt(str(i), "", tuple(rng.randrange(2, vocabulary) for _ in range(30 + i))) for i in range(8)]
    start = time.monotonic()
    found = list(generate(adapted, prompts, Sampling(candidates=10, max_new_tokens=16), 42, batch=8))
    assert all(len(completions) == 10 for _, completions in found)
    return {"seconds": time.monotonic() - start, "writing": peak()}


def allocated() -> float | None:
    """Gigabytes that tensors hold now."""
    import torch

    return torch.cuda.memory_allocated() / 1e9 if torch.cuda.is_available() else None


def peak() -> float | None:
    """Gigabytes that tensors held at most since the method began."""
    import torch

    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None


def number(value: float | None, digits: int = 2) -> str:
    """A figure of the table; a dash for what this machine cannot measure."""
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    """Print the table, a line as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="7b")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--limit", type=float, help="gigabytes of the GPU for tuning")
    parser.add_argument("--answer", type=int, default=64, help="response tokens of the 128 in a row")
    asked = parser.parse_args()
    start = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="harness-shape."))
    try:
        saved_weights(asked.shape, folder)
        print(f"Llama of the shape {asked.shape}, batch 8 x 128 tokens, {asked.answer} of them response\n")
        print(
            "method         trainable    weights GB  training GB  micro-batch  Figure 1 GB  "
            "loss             ms/step  writing GB  s"
        )
        figure = {name: STUDY.get((asked.shape, name)) for name in METHODS}
        methods = tuple(asked.methods.split(","))
        for line in measured(asked.shape, folder, methods, asked.steps, asked.answer, asked.limit):
            print(
                f"{line['method']:13}  {line['trainable']:>11,}  {number(line['weights']):>10}  "
                f"{number(line['peak']):>11}  {line['micro']:>11}  {number(figure[line['method']]):>11}  "
                f"{line['before']:6.3f} -> {line['after']:6.3f}  {number(line['ms'], 0):>7}  "
                f"{number(line['writing']):>10}  {line['seconds']:.1f}",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)
    print(f"\n{time.monotonic() - start:.0f} s in all")


if __name__ == "__main__":
    main()
