"""Pretrain the built-in model on one GPU, in pieces of a few minutes each.

    python -m recipe.model.pretrain DATA OUT --seconds 300 --decay 60 --documents 40000 --seed 1 [--resume CHECKPOINT]

DATA is what `prepare` wrote.  The learning rate is constant for `--seconds` and then falls to zero for about `--decay`
seconds, when more of the batch is generated pairs.  OUT/stable holds the weights before the fall (to continue from),
OUT/final those after it, OUT/log.jsonl the losses.  Pairs are generated anew from `--seed` on all cores.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CONTEXT = 1_024
ROWS = 64
HELD_OUT = 600_000
# Shares of a batch's rows: sources, docstring pairs, generated pairs.
STABLE_MIX = (0.34, 0.08, 0.58)
DECAY_MIX = (0.10, 0.06, 0.84)
MATRIX_RATE, MATRIX_DECAY, VECTOR_RATE = 0.012, 0.1, 3e-3
WARM_UP = 150


def generate(job: tuple[str, int, int]) -> np.ndarray:
    """Tokens of some generated documents: (folder with tokenizer and blocklist, seed, number of documents)."""
    from itertools import islice

    from tokenizers import Tokenizer

    from recipe.model.contamination import Blocklist
    from recipe.model.documents import documents
    from recipe.model.prepare import encode

    folder, seed, count = job
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer/tokenizer.json")
    return encode(tokenizer, list(islice(documents(seed, Blocklist.load(Path(folder) / "blocklist.json")), count)))


@dataclass(slots=True)
class Streams:
    """The three token streams on the GPU, the first `HELD_OUT` tokens of sources and pairs kept for validation."""

    tokens: list[Any]
    held_out: list[Any]

    def batch(self, mix: tuple[float, ...], generator: Any) -> Any:
        """`ROWS` random windows of `CONTEXT` + 1 tokens, rows shared out over the streams by *mix*."""
        import torch

        counts = [round(share * ROWS) for share in mix]
        counts[-1] = ROWS - sum(counts[:-1])
        rows = []
        for stream, count in zip(self.tokens, counts, strict=True):
            starts = torch.randint(0, len(stream) - CONTEXT - 1, (count, 1), generator=generator).to(stream.device)
            rows.append(stream[starts + torch.arange(CONTEXT + 1, device=stream.device)])
        return torch.cat(rows).long()


class Muon:
    """Momentum with orthogonalised updates for the hidden matrices (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/)."""

    def __init__(self, matrices: list[Any]) -> None:
        import torch

        self.groups: dict[tuple[int, ...], list[Any]] = {}
        for matrix in matrices:
            self.groups.setdefault(tuple(matrix.shape), []).append(matrix)
        self.momenta = {
            shape: torch.zeros(len(group), *shape, device=group[0].device) for shape, group in self.groups.items()
        }
        self.orthogonalise = torch.compile(_orthogonal)

    def step(self, rate: float) -> None:
        """Update all matrices at learning rate *rate* and clear their gradients."""
        import torch

        with torch.no_grad():
            for shape, group in self.groups.items():
                gradient = torch.stack([m.grad for m in group])
                momentum = self.momenta[shape].lerp_(gradient, 0.05)
                update = self.orthogonalise(gradient.lerp(momentum, 0.95))
                torch._foreach_mul_(group, 1 - rate * MATRIX_DECAY)
                torch._foreach_add_(group, list(update.unbind()), alpha=-rate * max(1.0, shape[0] / shape[1]) ** 0.5)
                for matrix in group:
                    matrix.grad = None


def _orthogonal(gradient: Any) -> Any:
    """The nearest (semi-)orthogonal matrices, by five Newton-Schulz steps in bfloat16."""
    x = gradient.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return (x.mT if tall else x).float()


def new_model() -> Any:
    """The untrained model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=8_192, hidden_size=384, intermediate_size=1_024, num_hidden_layers=6, num_attention_heads=6,
            num_key_value_heads=3, max_position_embeddings=CONTEXT, tie_word_embeddings=True, bos_token_id=0,
            eos_token_id=0, pad_token_id=1, attn_implementation="sdpa",
        )
    )  # fmt: skip


def load_streams(data: Path, generated: list[np.ndarray], device: str) -> Streams:
    """All token streams on *device*."""
    import torch

    arrays = [
        np.frombuffer(lzma.decompress((data / f"{name}.xz").read_bytes()), dtype=np.uint16)
        for name in ("sources", "docstrings")
    ]
    arrays.append(np.concatenate(generated))
    streams = [torch.from_numpy(a.astype(np.int32)).to(device) for a in arrays]
    held = min(HELD_OUT, len(streams[0]) // 4, len(streams[2]) // 4)
    return Streams([streams[0][held:], streams[1], streams[2][held:]], [streams[0][:held], streams[2][:held]])


def train(args: argparse.Namespace, streams: Streams, model: Any, device: str) -> dict[str, Any]:
    """Run both phases; returns counts and final losses, and writes weights and log."""
    import torch
    from torch.nn import functional

    def loss_of(batch: Any) -> Any:
        with torch.autocast(device.split(":", maxsplit=1)[0], dtype=torch.bfloat16):
            logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        return functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())

    compiled = torch.compile(loss_of) if device == "cuda" else loss_of
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    vectors = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    muon = Muon(matrices)
    adam = torch.optim.AdamW(vectors, lr=VECTOR_RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=device == "cuda")
    generator = torch.Generator().manual_seed(args.seed)
    log = (args.out / "log.jsonl").open("a")
    started: float | None = None
    step, decay_from, decay_steps = 0, None, 0
    while True:
        share = min(1.0, (step + 1) / WARM_UP)
        if decay_from is not None:
            share = max(0.0, 1 - (step - decay_from) / decay_steps)
        if share == 0.0:
            break
        loss = compiled(streams.batch(DECAY_MIX if decay_from is not None else STABLE_MIX, generator))
        loss.backward()
        muon.step(MATRIX_RATE * share)
        for group in adam.param_groups:
            group["lr"] = VECTOR_RATE * share
        adam.step()
        adam.zero_grad(set_to_none=True)
        step += 1
        if step == 10:
            loss.item()
            started = time.monotonic()
        if step % 100 == 0:
            value, seconds = loss.item(), time.monotonic() - (started or 0)
            rate = (step - 10) / seconds
            log.write(
                json.dumps(
                    {
                        "step": step,
                        "tokens": step * ROWS * CONTEXT,
                        "loss": round(value, 4),
                        "rate": round(share, 3),
                        "seconds": round(seconds, 1),
                    }
                )
                + "\n"
            )
            log.flush()
            if step % 1000 == 0:
                print(step, round(value, 3), f"{rate * ROWS * CONTEXT / 1e6:.2f}M tokens/s", flush=True)
            if decay_from is None and seconds >= args.seconds:
                save(model, args.out / "stable")
                decay_from, decay_steps = step, max(10, round(rate * args.decay))
    save(model, args.out / "final")
    with torch.no_grad():
        held = [
            loss_of(s[: ROWS * (CONTEXT + 1)].view(ROWS, -1).long()).item()
            for s in streams.held_out
            if len(s) >= ROWS * (CONTEXT + 1)
        ]
    return {
        "seed": args.seed,
        "steps": step,
        "decay_from": decay_from,
        "tokens": step * ROWS * CONTEXT,
        "seconds": round(time.monotonic() - (started or 0), 1),
        "held_out_loss_sources_pairs": held,
    }


def save(model: Any, folder: Path) -> None:
    """Write the weights as a bfloat16 checkpoint."""
    import torch

    state = {n: p.detach().to(torch.bfloat16) for n, p in model.state_dict().items() if n != "lm_head.weight"}
    model.config.dtype = torch.bfloat16
    model.config.save_pretrained(folder)
    from safetensors.torch import save_file

    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def main() -> None:
    """Generate, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--decay", type=float, default=60)
    parser.add_argument("--documents", type=int, default=40_000, help="generated documents, per process")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path)
    args = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        parser.error("set PYTHONHASHSEED=0: some examples show the order of a set")
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    jobs = [(str(args.data), args.seed * 1_000 + i, args.documents) for i in range(args.processes)]
    with ProcessPoolExecutor(args.processes) as pool:
        futures = [pool.submit(generate, job) for job in jobs]
        import torch

        generated = [f.result() for f in futures]
    print(f"generated {sum(map(len, generated)) / 1e6:.1f}M tokens in {time.monotonic() - began:.0f} s", flush=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed)
    model = new_model()
    if args.resume:
        from safetensors.torch import load_file

        model.load_state_dict(
            {n: p.float() for n, p in load_file(args.resume / "model.safetensors").items()}, strict=False
        )
    model.to(device).train()
    streams = load_streams(args.data, generated, device)
    result = train(args, streams, model, device) | {
        "generated_tokens": sum(map(len, generated)),
        "streams": [len(s) for s in streams.tokens],
    }
    (args.out / "result.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result), f"whole {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
