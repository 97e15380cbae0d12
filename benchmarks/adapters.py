"""What every tuning method leaves behind on a real task: `adapters.py --data FOLDER [--limit N]`.

    python benchmarks/adapters.py --data path/to/conala --limit 200

Each method is run to the end by harness, one after another in one process. Then a process that knows nothing of harness
(`adapters_plain.py`) loads the base with transformers, puts the saved adapter on it with PEFT, and computes the
validation loss and greedy completions of its own. A line per method: validation loss at the first validation and at the
best one, harness's loss with the adapter from disk and how far the plain process's is from it, how many greedy
completions are the same to the letter in both, how many are the same alone and in a batch of eight, and whether the
base's weights are what they were before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.modeling.quirks import prepare_process

prepare_process()

METHODS = ("lora", "ia3", "prompt-tuning", "prefix-tuning", "qlora-8bit", "qlora-4bit", "full-ft")
PLAIN = Path(__file__).with_name("adapters_plain.py")
TOKENS = 32
"""Length of a greedy completion."""


def measured(methods: list[str], task: str, data: Path, limit: int | None, root: Path, asked: int) -> Iterator[Any]:
    """One line of the table for each method."""
    from harness.config import Settings
    from harness.evaluation.evaluate import evaluate
    from harness.evaluation.plan import resolve
    from harness.evaluation.request import Request
    from harness.files import read_json
    from harness.modeling.base import weights_digest
    from harness.modeling.bases import LoadedBases
    from harness.modeling.checkpoint import BUILTIN
    from harness.plugin_system.registry import Registry

    registry, bases = Registry(), LoadedBases()
    for name in methods:
        request = Request(method=name, task=task, model=BUILTIN, data=data, limit=limit)
        plan = resolve(request, registry, Settings())
        assert plan.tuner is not None
        options = plan.tuner.plugin.load_options(plan.config(plan.tuner))
        before = weights_digest(bases.get(plan.run.model, options).model)
        row = evaluate(plan, registry, root, bases)
        after = weights_digest(bases.get(plan.run.model, options).model)
        folder = root / row.run_id
        facts = read_json(folder / "tuning.json")
        ours = wrote(plan, options, folder / "adapter", bases, asked)
        theirs = plainly(plan, options, folder / "adapter", ours)
        yield {
            "method": name,
            "steps": facts["steps"],
            "first": facts["history"][0][1],
            "best": facts["best_loss"],
            "reloaded": ours["loss"],
            "apart": abs(theirs["loss"] - ours["loss"]),
            "same": sum(a == b for a, b in zip(theirs["texts"], ours["texts"], strict=True)),
            "batched": ours["batched"],
            "base": "same" if before == after else "CHANGED",
        }


def wrote(plan: Any, options: Any, adapter: Path, bases: Any, asked: int) -> dict[str, Any]:
    """What harness makes of the saved adapter: its validation loss and greedy completions, and the tokens it read."""
    from harness.decoding.generate import generate
    from harness.modeling import bases as adapters
    from harness.modeling.prompts import PromptBuilder
    from harness.records import Sampling
    from harness.tuning.losses import validation_loss
    from harness.tuning.train import rows

    restored = adapters.restore(bases, plan.run.model, options, adapter)
    layout = PromptBuilder(plan.task.plugin, restored)
    pairs = [(layout.prompt(p), p) for p in plan.splits["validation"]]
    validation, _ = rows(layout, pairs, plan.run.tuning.max_tokens)
    prompts = [layout.prompt(problem) for problem in plan.splits["test"][:asked]]
    greedy = Sampling(candidates=1, max_new_tokens=TOKENS, temperature=0.0)
    alone, together = (
        {prompt.id: done[0].text for prompt, done in generate(restored, prompts, greedy, 42, batch=size)}
        for size in (1, 8)
    )
    result = {
        # One row at a time, as the plain process reads them: LLM.int8 chooses its 16-bit columns by batch.
        "loss": validation_loss(restored, validation, 1),
        "texts": [alone[prompt.id] for prompt in prompts],
        "batched": sum(alone[prompt.id] == together[prompt.id] for prompt in prompts),
        "validation": [[row["input_ids"], row["labels"]] for row in validation],
        "prompts": [list(prompt.tokens) for prompt in prompts],
    }
    bases.release(restored)
    return result


def plainly(plan: Any, options: Any, adapter: Path, ours: dict[str, Any]) -> dict[str, Any]:
    """The same by transformers and PEFT alone, in a fresh process."""
    from harness.modeling.base import location

    quantised = options.get("quantization_config")
    job = {
        "base": location(plan.run.model),
        "adapter": str(adapter.resolve()),
        "quantised": quantised.to_dict() if quantised else None,
        "validation": ours["validation"],
        "prompts": ours["prompts"],
        "tokens": TOKENS,
    }
    done = subprocess.run(
        [sys.executable, str(PLAIN)], input=json.dumps(job), stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print the table, a line as soon as its method is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="conala")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--greedy", type=int, default=50, help="completions to compare")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    print("method         steps  first loss  best loss  reloaded  apart     greedy, same  batched, same  base")
    lines = measured(asked.methods.split(","), asked.task, asked.data, asked.limit, asked.runs, asked.greedy)
    for line in lines:
        print(
            f"{line['method']:13}  {line['steps']:5}  {line['first']:10.4f}  {line['best']:9.4f}  "
            f"{line['reloaded']:8.4f}  {line['apart']:.2e}  {line['same']:>12}  {line['batched']:>13}  {line['base']}",
            flush=True,
        )


if __name__ == "__main__":
    main()
