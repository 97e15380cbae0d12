"""Try every tuner of the installed PEFT on the built-in model and write down what each did.

    python -m harness.plugins.methods.peft_probe

tunes each for a few steps, validates, saves, reloads it with PEFT alone, and lets both write, by beam search and by
sampling; `peft_probed.json` beside this file keeps the outcome, and `harness plugins` shows it.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.modeling.base import Base
from harness.modeling.checkpoint import BUILTIN
from harness.modeling.quirks import prepare_process
from harness.plugins.methods.peft_any import PROBED, PeftAny
from harness.records import ModelSpec, Problem, Sampling

if TYPE_CHECKING:
    from harness.modeling.prompts import Prompt

SEEN = ("trains", "validates", "saves", "reloads", "writes")
"""The stations of a probe, in order."""


def probe(name: str, spec: ModelSpec, folder: Path) -> dict[str, str]:
    """What the tuner `name` did: the last station it reached, and the reason where that is not the last of all."""
    reached: list[str] = []
    try:
        reached.extend(_stations(name, spec, folder))
    except Exception as error:  # noqa: BLE001 - a tuner may raise anything, and that is what is asked
        message = " ".join(str(error).split())[:120]
        return {"reached": ", ".join(reached), "why": f"{type(error).__name__}: {message}"}
    return {"reached": ", ".join(reached), "why": ""}


def _stations(name: str, spec: ModelSpec, folder: Path) -> Any:
    import peft
    import torch

    from harness.modeling import base as model
    from harness.modeling import bases as adapters
    from harness.tuning.losses import validation_loss
    from harness.tuning.train import fit

    method = PeftAny().variant(name)
    config = method.Config()
    torch.manual_seed(0)
    base = model.load(spec, {})
    adapted = method.adapt(base, config)
    rows = _rows(adapted)
    before = validation_loss(adapted, rows, 4)
    tuning = method.tuning(config)
    assert tuning is not None
    few = replace(tuning, epochs=6.0, evaluate_every=6.0, learning_rate=3e-3, batch_size=4, warmup_ratio=0.0)
    tuned = fit(adapted, rows, rows, few, folder / name / "checkpoints", 42, lambda *_: None)
    if not tuned.best_loss < before:
        raise ValueError(f"the loss does not fall: {before:.4f} to {tuned.best_loss:.4f}")
    yield SEEN[0]
    after = validation_loss(adapted, rows, 4)
    if abs(after - tuned.best_loss) > 1e-4:
        raise ValueError(f"the best checkpoint is not what is left: {tuned.best_loss:.4f}, {after:.4f}")
    yield SEEN[1]
    adapters.save(adapted, folder / name / "adapter")
    yield SEEN[2]
    again = model.load(spec, {})
    again.model = peft.PeftModel.from_pretrained(again.model, folder / name / "adapter").eval()
    loss = validation_loss(again, rows, 4)
    if abs(loss - after) > 1e-4:
        raise ValueError(f"reloaded, its loss is {loss:.4f} instead of {after:.4f}")
    yield SEEN[3]
    for sampling in (Sampling(2, 8), Sampling(2, 8, temperature=0.8)):
        if _written(adapted, sampling) != _written(again, sampling):
            raise ValueError("reloaded, it writes something else")
    yield SEEN[4]


def _problems(base: Base) -> list[tuple[Prompt, Problem]]:
    from harness.modeling.prompts import PromptBuilder
    from harness.plugin import Task

    problems = [Problem(str(i), f"print the number {i}", (f"print({i})",)) for i in range(8)]
    layout = PromptBuilder(Task(), base)
    return [(layout.prompt(problem), problem) for problem in problems]


def _rows(base: Base) -> list[dict[str, Any]]:
    from harness.modeling.prompts import PromptBuilder
    from harness.plugin import Task
    from harness.tuning.train import rows

    return rows(PromptBuilder(Task(), base), _problems(base), 128)[0]


def _written(base: Base, sampling: Sampling) -> list[str]:
    from harness.decoding.generate import generate

    prompts = [prompt for prompt, _ in _problems(base)]
    return [one.text for _, completions in generate(base, prompts, sampling, 42, batch=4) for one in completions]


def main() -> None:
    """Probe all and write the file."""
    from harness.files import write_json

    prepare_process()
    warnings.simplefilter("ignore")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in PeftAny().variants():
            results[name] = probe(name, ModelSpec(BUILTIN), Path(folder))
            print(name, results[name], flush=True)
    versions = {name: importlib.metadata.version(name) for name in ("peft", "transformers", "torch")}
    write_json(PROBED, {"versions": versions, "model": BUILTIN, "tuners": results})


if __name__ == "__main__":
    main()
