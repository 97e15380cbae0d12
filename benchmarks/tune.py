"""How long tuning takes, beside transformers' Trainer with PEFT, on a model of random weights.

    python benchmarks/tune.py [--method lora] [--layers N] [--hidden N] [--rows N] [--epochs N] [--rounds N]

Rows have CoNaLa's lengths (43 tokens on average). Both sides tune the same adapter from the same start with the
study's settings (8 rows a step, Adafactor, linear schedule, validation and checkpoint every fifth of an epoch) to the
end, and a third does nothing but forward and backward passes over the same batches, which is what no loop goes below
without graphs. Each round times all three, one after another. The last line is JSON: medians of each side's real tokens
per second, and the ratios within rounds. On a GPU the clock decides, and the peak of memory is told; on a CPU the
processor's seconds decide, which other programs do not take. With `--together K` a fourth side tunes K adapters at once
(learning rates and seeds of their own); its tokens are those of all, so that its ratio to `ours` is what it saves.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.modeling.base import Base
from harness.modeling.quirks import disable_cudnn_attention, prepare_process
from harness.records import ModelSpec, Tuning

prepare_process()

Rows = list[dict[str, Any]]
SEED = 42


class Words:
    """A tokenizer that only has what tuning asks for."""

    eos_token_id = pad_token_id = 0

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [len(word) for word in text.split()]}


def rows(count: int, vocabulary: int, seed: int) -> Rows:
    """Random tokens: 43 on average, 16 to 128, about a third of them the response."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        length = min(128, max(16, round(rng.lognormvariate(3.7, 0.35))))
        answer = max(2, length // 3)
        tokens = [rng.randrange(1, vocabulary) for _ in range(length)]
        found.append({"input_ids": tokens, "labels": [-100] * (length - answer) + tokens[-answer:]})
    return found


def base(arguments: argparse.Namespace) -> Base:
    """A Llama of random weights, on the GPU in 16 bit if there is one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    gpu = torch.cuda.is_available() and arguments.method != "full-ft"
    config = LlamaConfig(
        hidden_size=arguments.hidden,
        intermediate_size=arguments.hidden * 43 // 16 // 64 * 64,  # 11,008 at 4,096; 1,536 at 576
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.groups,
        vocab_size=arguments.vocabulary,
        max_position_embeddings=2048,
        pad_token_id=0,
        eos_token_id=0,
    )
    disable_cudnn_attention()
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config).to(torch.bfloat16 if gpu else torch.float32)
    model.requires_grad_(False)
    return Base(model, Words(), ModelSpec("random"), False)


def adapted(arguments: argparse.Namespace) -> tuple[Base, Tuning]:
    """The base with the method on it, from the same start each time."""
    import torch

    from harness.plugin_system.registry import Registry

    method = Registry().method(arguments.method).plugin
    plain = base(arguments)
    torch.manual_seed(0)
    tuning = method.tuning(method.Config())
    return method.adapt(plain, method.Config()), replace(tuning, epochs=arguments.epochs)


def ours(prepared: Base, tuning: Tuning, train: Rows, validation: Rows, folder: Path) -> dict[str, Any]:
    from harness.tuning.train import fit

    tuned = fit(prepared, train, validation, tuning, folder, SEED, lambda *_: None)
    return {"way": tuned.way, "why": tuned.why, "masks": tuned.masks, "shapes": len(tuned.shapes)}


def trainer(prepared: Base, tuning: Tuning, train: Rows, validation: Rows, folder: Path) -> dict[str, Any]:
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments

    def collate(found: Rows) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in found)
        pad_token_id = {"input_ids": 0, "labels": -100}
        batch = {n: torch.tensor([r[n] + [v] * (width - len(r[n])) for r in found]) for n, v in pad_token_id.items()}
        lengths = torch.tensor([len(row["input_ids"]) for row in found])
        return {**batch, "attention_mask": (torch.arange(width) < lengths[:, None]).long()}

    cuda = torch.cuda.is_available()
    every = max(1, round(tuning.evaluate_every * len(train) / tuning.batch_size))
    loop = Trainer(
        model=prepared.model,
        args=TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=tuning.epochs,
            per_device_train_batch_size=tuning.batch_size,
            per_device_eval_batch_size=tuning.batch_size,
            learning_rate=tuning.learning_rate,
            train_sampling_strategy="group_by_length",
            optim="adafactor",
            lr_scheduler_type="linear",
            warmup_steps=tuning.warmup_ratio,
            bf16=cuda,
            use_cpu=not cuda,
            eval_strategy="steps",
            save_strategy="steps",
            eval_steps=every,
            save_steps=every,
            save_total_limit=2,
            load_best_model_at_end=True,
            prediction_loss_only=True,
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=SEED,
        ),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=collate,
    )
    loop.remove_callback(PrinterCallback)
    loop.train()
    return {}


def passes(prepared: Base, tuning: Tuning, train: Rows, _validation: Rows, _folder: Path) -> dict[str, Any]:
    """Forward and backward passes over the loop's batches, and nothing else."""
    from harness.tuning.batches import BucketedBatches, epoch_steps, unpack_batch
    from harness.tuning.losses import summed_loss

    batches = BucketedBatches(train, 0, False, None)
    prepared.model.train()
    for epoch in range(round(tuning.epochs)):
        for step in epoch_steps(batches.lengths, tuning.batch_size, SEED, epoch):
            shape, numbers = batches.pack(step, 1)
            summed_loss(prepared, unpack_batch(shape, numbers.to(prepared.device))).backward()
    return {}


def together(count: int) -> Callable[..., dict[str, Any]]:
    """The side that tunes `count` adapters at once."""

    def side(prepared: Base, tuning: Tuning, train: Rows, validation: Rows, folder: Path) -> dict[str, Any]:
        from harness.tuning.joint_support import joint_tuning_unsupported_reason
        from harness.tuning.stacked import JointMember
        from harness.tuning.train import fit_together

        learning_rates = [tuning.learning_rate * 2.0**-number for number in range(count)]
        members = [
            JointMember.of(prepared, replace(tuning, learning_rate=rate), SEED + i)
            for i, rate in enumerate(learning_rates)
        ]
        if (why := joint_tuning_unsupported_reason(prepared, members, train)) is not None:
            raise SystemExit(f"not together: {why}")
        found = fit_together(prepared, members, train, validation, folder, lambda *_: None)
        return {"adapters": count, "way": found[0][0].way, "why": found[0][0].why}

    return side


SIDES: dict[str, Callable[..., dict[str, Any]]] = {"ours": ours, "trainer": trainer, "passes": passes}


def timed(name: str, arguments: argparse.Namespace, train: Rows, validation: Rows) -> dict[str, Any]:
    """One side from the start to the end; setting up the model is not counted."""
    import torch

    prepared, tuning = adapted(arguments)
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        clock = time.perf_counter if cuda else time.process_time
        start = clock()
        more = SIDES[name](prepared, tuning, train, validation, Path(folder))
        if cuda:
            torch.cuda.synchronize()
        seconds = clock() - start
    tokens = sum(len(row["input_ids"]) for row in train) * tuning.epochs * more.get("adapters", 1)
    peak = {"peak_gb": torch.cuda.max_memory_allocated() / 1e9} if cuda else {}
    return {"seconds": seconds, "tokens_per_second": tokens / seconds, **peak, **more}


def ratio(first: list[float], second: list[float]) -> float:
    """The median of the ratios within rounds."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def main() -> None:
    """Print a line for each round and the medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", default="lora")
    sizes = {"layers": 30, "hidden": 576, "heads": 9, "groups": 3, "vocabulary": 49152}
    for name, value in {**sizes, "rows": 2135, "epochs": 5, "rounds": 3, "threads": 0, "together": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch

    if arguments.together:
        SIDES["together"] = together(arguments.together)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    train = rows(arguments.rows, arguments.vocabulary, 0)
    validation = rows(max(8, arguments.rows // 10), arguments.vocabulary, 1)
    found: list[dict[str, Any]] = []
    for number in range(arguments.rounds):
        found.append({name: timed(name, arguments, train, validation) for name in SIDES})
        speeds = {name: round(side["tokens_per_second"]) for name, side in found[-1].items()}
        print(f"round {number + 1}: tokens/s {speeds}", flush=True)
    speed = {name: [one[name]["tokens_per_second"] for one in found] for name in SIDES}
    print(
        json.dumps({
            "arguments": vars(arguments),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            "tokens_per_second": {name: statistics.median(numbers) for name, numbers in speed.items()},
            **{f"{name}_over_ours": ratio(speed[name], speed["ours"]) for name in SIDES if name != "ours"},
            "ours_over_trainer": ratio(speed["ours"], speed["trainer"]),
            "peak_gb": {name: found[-1][name].get("peak_gb") for name in SIDES},
            **{key: found[-1]["ours"][key] for key in ("way", "why", "masks", "shapes")},
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
