"""How long candidates take: by slots, by transformers' `generate` with prompts read once, and by `generate` alone.

    python benchmarks/generate.py [--model FOLDER] [--data CONALA] [--shots N] [--sample] [--problems N] [--rounds N]

With a model's folder and CoNaLa's (as DocPrompting split it) the prompts are the task's own, with `--shots` examples
before each, the same for all; else a Llama of random weights (`--layers`, `--hidden`) reads random tokens, the first
`--shared` of which are alike. Each round times all sides one after the other; of the ratios within rounds the median is
printed. `alone` gets as many problems at a time as fit, up to `--batch`. The candidates of the three are compared: in
32 bits they should be the same but for ties, in 16 bits the share that differs is what is printed.

On a GPU also the peak of memory, and the share of the floor: reading the weights once for each step of all problems.

    python benchmarks/generate.py --adapters N [--methods NAME ...] [--saved FOLDER ...] [...]

times N adapters of one model in one batch beside the same one after another, each for all prompts. They are those of
`--saved`, folders that PEFT can load, or new ones of `--methods` with random weights, in turns. What the first way
needs once, to take adapters out of PEFT's layers and to test them, is printed apart.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.decoding.generate import batch_size, generate
from harness.modeling.base import Base, ModelSpec, load
from harness.modeling.prompts import Prompt, PromptBuilder
from harness.modeling.quirks import disable_cudnn_attention, prepare_process
from harness.records import Sampling

Texts = Mapping[str, Sequence[str]]
Side = Callable[[Base, list[Prompt], Sampling, int], Iterator[tuple[str, list[str]]]]


class Words:
    """A tokenizer that only has what a generation loop asks for."""

    eos_token_id = pad_token_id = 0
    all_special_ids: tuple[int, ...] = ()
    all_special_tokens: tuple[str, ...] = ()

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, tokens: list[int], **_: Any) -> str:
        return " ".join(map(str, tokens))


def random_base(layers: int, hidden: int) -> Base:
    """A Llama of random weights, on the GPU in 16 bit if there is one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    gpu = torch.cuda.is_available()
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=hidden * 43 // 16 // 64 * 64,  # 11,008 at 4,096; 1,536 at 576
        num_hidden_layers=layers,
        num_attention_heads=hidden // 128 or 1,
        vocab_size=32016,
        max_position_embeddings=4096,
        pad_token_id=0,
        eos_token_id=0,
    )
    disable_cudnn_attention()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if gpu else torch.float32)
    with torch.device("cuda" if gpu else "cpu"):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(before)
    return Base(model, Words(), ModelSpec("random"), seq2seq=False)


def random_prompts(longest: int, shared: int, count: int) -> list[Prompt]:
    rng = random.Random(0)
    first = [rng.randrange(1, 32000) for _ in range(shared)]
    lengths = [rng.randint(longest * 3 // 4, longest) for _ in range(count)]
    return [Prompt(str(i), "", (*first, *(rng.randrange(1, 32000) for _ in range(n)))) for i, n in enumerate(lengths)]


def conala_prompts(base: Base, folder: Path, shots: int, count: int) -> list[Prompt]:
    """Of the test split, `count` problems spread evenly over it."""
    from harness.data.sources import open_path
    from harness.plugins.tasks.conala import Conala

    splits = Conala().load(open_path(folder), None)
    layout = PromptBuilder(Conala(), base, max_new_tokens=64)
    test = splits["test"]
    chosen = test[:: max(1, len(test) // count)][:count]
    return [layout.prompt(problem, splits["train"][:shots]) for problem in chosen]


def by_slots(base: Base, asked: list[Prompt], sampling: Sampling, size: int) -> Iterator[tuple[str, list[str]]]:
    for prompt, found in generate(base, asked, sampling, 42, batch=size):
        yield prompt.id, [one.written.strip() for one in found]


def read_once(base: Base, asked: list[Prompt], sampling: Sampling, size: int) -> Iterator[tuple[str, list[str]]]:
    """The way of models that do not fit the slots: transformers' search behind prompts that were read once."""
    from harness.decoding import support

    fits, support.unsupported_reason = support.unsupported_reason, lambda _: "asked for"
    try:
        yield from by_slots(base, asked, sampling, size)
    finally:
        support.unsupported_reason = fits


def stopping(base: Base, sampling: Sampling, count: int, width: int) -> Callable[..., Any]:
    """Which rows of `generate` hold a whole answer behind a prompt of `width` tokens, for `count` problems."""
    from harness.extract import AnswerExtractor
    from harness.extract.stopping import AnswerStoppingCriteria

    whole = AnswerStoppingCriteria(base.tokenizer, [AnswerExtractor(stop=sampling.stop)] * count)

    def stopped(tokens: Any, _scores: Any, **_: Any) -> Any:
        return whole([row // (len(tokens) // count) for row in range(len(tokens))], tokens[:, width:])

    return stopped


def alone(base: Base, asked: list[Prompt], sampling: Sampling, size: int) -> Iterator[tuple[str, list[str]]]:
    """transformers' `generate` as it comes, with harness' stops: those are the task's, not the engine's."""
    import torch

    from harness.extract.stopping import decode_tokens

    ordered = sorted(asked, key=lambda prompt: -len(prompt.tokens))
    how = {"do_sample": False, "num_beams": sampling.candidates}
    if sampling.temperature > 0:
        how = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    for start in range(0, len(ordered), size):
        chunk = ordered[start : start + size]
        width = max(len(prompt.tokens) for prompt in chunk)
        gaps = [width - len(prompt.tokens) for prompt in chunk]
        ids = torch.tensor([[0] * gap + list(p.tokens) for gap, p in zip(gaps, chunk, strict=True)], device=base.device)
        mask = torch.tensor([[0] * gap + [1] * (width - gap) for gap in gaps], device=base.device)

        with torch.inference_mode():
            rows = base.model.generate(
                input_ids=ids,
                attention_mask=mask,
                num_return_sequences=sampling.candidates,
                max_new_tokens=sampling.max_new_tokens,
                stopping_criteria=[stopping(base, sampling, len(chunk), width)],
                pad_token_id=base.tokenizer.pad_token_id,
                **how,
            )[:, width:].tolist()
        ends = {base.tokenizer.eos_token_id, base.tokenizer.pad_token_id}
        for i, prompt in enumerate(chunk):
            part = rows[i * sampling.candidates : (i + 1) * sampling.candidates]
            cut = [row[: next((at for at, token in enumerate(row) if token in ends), len(row))] for row in part]
            yield prompt.id, [decode_tokens(base.tokenizer, row).strip() for row in cut]


def fitting(side: Side, base: Base, asked: list[Prompt], sampling: Sampling, size: int) -> int:
    """The largest half, quarter, ... of `size` with which `side` does not run out of memory."""
    import torch

    while True:
        try:
            list(side(base, asked[:size], sampling, size))
        except torch.cuda.OutOfMemoryError:
            size //= 2
        else:
            return size
        torch.cuda.empty_cache()


def timed(
    side: Side, base: Base, asked: list[Prompt], sampling: Sampling, size: int
) -> tuple[float, float, float, Texts]:
    """Seconds for all and to the first problem, the peak of memory in GB on a GPU, and the texts."""
    import torch

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    texts: dict[str, list[str]] = {}
    first = 0.0
    began = time.perf_counter()
    for name, found in side(base, asked, sampling, size):
        first = first or time.perf_counter() - began
        texts[name] = found
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - began, first, torch.cuda.max_memory_allocated() / 1e9 if gpu else 0.0, texts


def differing(first: Texts, second: Texts) -> str:
    pairs = [(a, b) for name in first for a, b in zip(first[name], second[name], strict=True)]
    return f"{sum(a != b for a, b in pairs)} of {len(pairs)} candidates differ"


def adapted(base: Base, number: int, given: argparse.Namespace) -> Base:
    """The base with one of the adapters on it."""
    import peft
    import torch

    from harness.plugin_system.registry import Registry

    if given.saved:
        folder = given.saved[number % len(given.saved)]
        return replace(base, model=peft.PeftModel.from_pretrained(base.model, folder).eval())
    plugin = Registry().method(given.methods[number % len(given.methods)]).plugin
    torch.manual_seed(number)
    made = plugin.adapt(base, plugin.Config())
    for parameter in made.model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.02)
    made.model.eval()
    return made


def one_after_another(base: Base, asked: list[Prompt], sampling: Sampling, given: argparse.Namespace) -> Any:
    """Seconds of writing alone, the peak of memory, and the texts."""
    from harness.compat import unload

    seconds, peak, texts = 0.0, 0.0, {}
    for number in range(given.adapters):
        carrying = adapted(base, number, given)
        size = given.batch or batch_size(carrying, asked, sampling)
        took, _, high, found = timed(by_slots, carrying, asked, sampling, size)
        seconds, peak = seconds + took, max(peak, high)
        texts |= {f"{number} {name}": one for name, one in found.items()}
        unload(carrying.model)
    return seconds, peak, texts


def in_one_batch(
    base: Base, asked: list[Prompt], sampling: Sampling, adapters: Sequence[Any], given: argparse.Namespace
) -> Any:
    from harness.decoding.together import AdapterPrompts, batch_size_together, generate_together

    parts = [AdapterPrompts(adapter, asked, 42) for adapter in adapters]
    size = given.batch or batch_size_together(base, parts, sampling)

    def side(*_: Any) -> Iterator[tuple[str, list[str]]]:
        for number, prompt, found in generate_together(base, parts, sampling, batch=size):
            yield f"{number} {prompt.id}", [one.written.strip() for one in found]

    seconds, _, peak, texts = timed(side, base, asked, sampling, size)
    return seconds, peak, texts


def stackable(base: Base, given: argparse.Namespace) -> list[Any]:
    """The adapters as tensors, each tested beside the others."""
    from harness.compat import unload
    from harness.decoding.stacked_adapters import adapter_of
    from harness.decoding.together import together_unsupported_reasons

    found = []
    for number in range(given.adapters):
        carrying = adapted(base, number, given)
        found.append(adapter_of(carrying))
        unload(carrying.model)
    if any(reasons := together_unsupported_reasons(base, found)):
        raise SystemExit(f"cannot be in one batch: {reasons}")
    return found


def compare_adapters(base: Base, asked: list[Prompt], sampling: Sampling, given: argparse.Namespace) -> None:
    began = time.perf_counter()
    adapters = stackable(base, given)
    print(f"{given.adapters} adapters taken out and tested in {time.perf_counter() - began:.1f} s")
    rounds = []
    for _ in range(given.rounds):
        rounds.append(
            (one_after_another(base, asked, sampling, given), in_one_batch(base, asked, sampling, adapters, given))
        )
        for name, (seconds, peak, texts) in zip(("one after another", "in one batch"), rounds[-1], strict=True):
            print(f"{name:18} {seconds:7.2f} s, {len(texts) / seconds:7.2f} problems/s, peak {peak:.1f} GB")
    ratio = statistics.median(alone[0] / together[0] for alone, together in rounds)
    apart = differing(rounds[0][0][2], rounds[0][1][2])
    print(f"in one batch is {ratio:.2f} x as fast (median of {given.rounds} rounds); {apart}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--adapters", type=int, default=0)
    parser.add_argument("--methods", nargs="+", default=["lora"])
    parser.add_argument("--saved", nargs="+", type=Path, default=[])
    for name, default in (("layers", 4), ("hidden", 256), ("prompt", 45), ("shared", 0), ("shots", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("problems", 16), ("batch", 0), ("tokens", 64), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def main() -> None:
    given = options()
    prepare_process()
    sampling = Sampling(candidates=10, max_new_tokens=given.tokens)
    if given.model:
        base = load(ModelSpec(str(given.model)), {})
        asked = conala_prompts(base, given.data, given.shots, given.problems)
        sampling = replace(sampling, stop=("\n",))
    else:
        base = random_base(given.layers, given.hidden)
        asked = random_prompts(given.prompt, given.shared, given.problems)
    if given.sample:
        sampling = replace(sampling, temperature=0.8, top_p=0.95)
    if given.adapters:
        compare_adapters(base, asked, sampling, given)
        return
    size = given.batch or batch_size(base, asked, sampling)
    sides: list[Side] = [by_slots, read_once, alone]
    sizes = {side: fitting(side, base, asked, sampling, size) for side in sides}
    found = {side: [] for side in sides}
    for _ in range(given.rounds):
        for side in sides:
            found[side].append(timed(side, base, asked, sampling, sizes[side]))
    report(base, found, sizes, given)


def report(base: Base, found: Mapping[Side, Any], sizes: Mapping[Side, int], given: argparse.Namespace) -> None:
    import torch

    ours = found[by_slots]
    for side, rounds in found.items():
        seconds, first, peak = (statistics.median(one[i] for one in rounds) for i in range(3))
        ratio = statistics.median(theirs[0] / mine[0] for mine, theirs in zip(ours, rounds, strict=True))
        apart = "" if side is by_slots or (given.sample and side is alone) else differing(ours[0][3], rounds[0][3])
        name = getattr(side, "__name__", "")
        print(
            f"{name:9} {given.problems / seconds:7.2f} problems/s, {sizes[side]} at a time, first after {first:.2f} s,"
        )
        print(f"          peak {peak:.1f} GB; by_slots is {ratio:.2f} x as fast; {apart}")
    if torch.cuda.is_available():
        weights = sum(p.numel() * p.element_size() for p in base.model.parameters())
        steps = given.tokens * -(-given.problems // sizes[by_slots])
        floor = steps * weights / 4.8e12  # an H200 reads 4.8 TB a second
        print(f"floor     {floor:.2f} s: {floor / statistics.median(one[0] for one in ours):.0%} of it reached")


if __name__ == "__main__":
    main()
