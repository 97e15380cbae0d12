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

from harness.model import BUILTIN, Base, prepare_process
from harness.plugins.methods.peft_any import PROBED, PeftAny
from harness.records import ModelSpec, Problem, Sampling

if TYPE_CHECKING:
    from harness.prompts import Prompt

SEEN = ("trains", "validates", "saves", "reloads", "writes")
"""The stations of a probe, in order."""


def probe(name: str, spec: ModelSpec, folder: Path) -> dict[str, str]:
    """What the tuner `name` did: the last station it reached, and the reason where that is not the last of all."""
    reached: list[str] = []
    try:
        reached.extend(_stations(name, spec, folder))
    except Exception as error:  # noqa: BLE001 - a tuner may raise anything, and that is what is asked
        words = " ".join(str(error).split())[:120]
        return {"reached": ", ".join(reached), "why": f"{type(error).__name__}: {words}"}
    return {"reached": ", ".join(reached), "why": ""}


def _stations(name: str, spec: ModelSpec, folder: Path) -> Any:
    import peft
    import torch

    from harness import model, workshop
    from harness.train import fit, validation_loss

    method = PeftAny().variant(name)
    config = method.Config()
    torch.manual_seed(0)
    base = model.load(spec, {})
    adapted = method.adapt(base, config)
    found = _rows(adapted)
    before = validation_loss(adapted, found, 4)
    tuning = method.tuning(config)
    assert tuning is not None
    few = replace(tuning, epochs=6.0, evaluate_every=6.0, learning_rate=3e-3, batch_size=4, warmup_ratio=0.0)
    tuned = fit(adapted, found, found, few, folder / name / "checkpoints", 42, lambda *_: None)
    if not tuned.best_loss < before:
        raise ValueError(f"the loss does not fall: {before:.4f} to {tuned.best_loss:.4f}")
    yield SEEN[0]
    after = validation_loss(adapted, found, 4)
    if abs(after - tuned.best_loss) > 1e-4:
        raise ValueError(f"the best checkpoint is not what is left: {tuned.best_loss:.4f}, {after:.4f}")
    yield SEEN[1]
    workshop.save(adapted, folder / name / "adapter")
    yield SEEN[2]
    again = model.load(spec, {})
    again.model = peft.PeftModel.from_pretrained(again.model, folder / name / "adapter").eval()
    loss = validation_loss(again, found, 4)
    if abs(loss - after) > 1e-4:
        raise ValueError(f"reloaded, its loss is {loss:.4f} instead of {after:.4f}")
    yield SEEN[3]
    for sampling in (Sampling(2, 8), Sampling(2, 8, temperature=0.8)):
        if _written(adapted, sampling) != _written(again, sampling):
            raise ValueError("reloaded, it writes something else")
    yield SEEN[4]


def _problems(base: Base) -> list[tuple[Prompt, Problem]]:
    from harness.plugin import Task
    from harness.prompts import Layout

    problems = [Problem(str(i), f"print the number {i}", (f"print({i})",)) for i in range(8)]
    layout = Layout(Task(), base)
    return [(layout.prompt(problem), problem) for problem in problems]


def _rows(base: Base) -> list[dict[str, Any]]:
    from harness.plugin import Task
    from harness.prompts import Layout
    from harness.train import rows

    return rows(Layout(Task(), base), _problems(base), 128)[0]


def _written(base: Base, sampling: Sampling) -> list[str]:
    from harness.generate import generate

    prompts = [prompt for prompt, _ in _problems(base)]
    return [one.text for _, found in generate(base, prompts, sampling, 42, batch=4) for one in found]


def main() -> None:
    """Probe all and write the file."""
    from harness.runs import write_json

    prepare_process()
    warnings.simplefilter("ignore")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in PeftAny().variants():
            found[name] = probe(name, ModelSpec(BUILTIN), Path(folder))
            print(name, found[name], flush=True)
    versions = {name: importlib.metadata.version(name) for name in ("peft", "transformers", "torch")}
    write_json(PROBED, {"versions": versions, "model": BUILTIN, "tuners": found})


if __name__ == "__main__":
    main()
