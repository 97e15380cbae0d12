"""A method may set learning rates of its own: LoRA+, as docs/plugins.md has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PluginError
from harness.modeling.base import Base
from harness.tuning.loop import trainable
from harness.tuning.train import fit

Rows = list[dict[str, list[int]]]
Adapted = Callable[..., Base]
MANUAL = Path(__file__).parents[2] / "docs" / "plugins.md"
SETTINGS = {"dropout": 0.0, "learning_rate": 1e-3, "epochs": 2.0}


@pytest.fixture(scope="module")
def lora_plus() -> Any:
    """The method of the manual, from its text."""
    (block,) = [part.partition("```")[0] for part in MANUAL.read_text().split("```python\n") if "LoraPlus(" in part]
    names: dict[str, Any] = {"__name__": "manual"}
    exec(compile(block, str(MANUAL), "exec", dont_inherit=True), names)
    return names["LoraPlus"]()


def moved(base: Base, rows: Rows, folder: Path, method: Any, config: Any) -> Mapping[str, Any]:
    """How far each trained weight went."""
    start = {name: parameter.detach().clone() for name, parameter in trainable(base.model)}
    tuning = method.tuning(config)
    groups = method.parameter_groups(base.model, tuning.learning_rate, config)
    fit(base, rows, rows[:8], tuning, folder, 42, lambda *_: None, parameter_groups=groups)
    return {name: parameter.detach() - start[name] for name, parameter in trainable(base.model)}


def test_lora_plus_with_ratio_1_is_lora(
    adapted: Adapted, rows: Callable[..., Rows], lora_plus: Any, tmp_path: Path
) -> None:
    import torch

    plain = adapted("lora", **SETTINGS)
    config = lora_plus.Config(ratio=1.0, **SETTINGS)
    lora = type(lora_plus).__base__()
    expected = moved(plain, rows(16), tmp_path / "lora", lora, config)
    found = moved(adapted("lora", **SETTINGS), rows(16), tmp_path / "plus", lora_plus, config)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_lora_plus_moves_b_by_its_ratio(
    adapted: Adapted, rows: Callable[..., Rows], lora_plus: Any, tmp_path: Path
) -> None:
    base = adapted("lora", **SETTINGS)
    one = lora_plus.Config(ratio=1.0, **SETTINGS)
    slow = moved(base, rows(16), tmp_path / "1", lora_plus, one)
    fast = moved(
        adapted("lora", **SETTINGS), rows(16), tmp_path / "16", lora_plus, lora_plus.Config(ratio=16.0, **SETTINGS)
    )

    def distance(movement: Mapping[str, Any], matrix: str) -> float:
        return sum(float(change.norm()) for name, change in movement.items() if matrix in name)

    assert distance(fast, "lora_B") > 8 * distance(slow, "lora_B")
    assert distance(fast, "lora_A") < 3 * distance(slow, "lora_A")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (lambda weights: [{"params": weights[1:], "lr": 1.0}], "is trainable and in no group"),
        (lambda weights: [{"params": weights, "lr": 1.0}, {"params": weights[:1], "lr": 2.0}], "is in two groups"),
        (lambda weights: [{"params": weights, "lr": 1.0, "weight_decay": 0.1}], "keys params and lr"),
    ],
)
def test_wrong_groups_are_named(
    groups: Any, message: str, adapted: Adapted, rows: Callable[..., Rows], lora_plus: Any, tmp_path: Path
) -> None:
    base = adapted("lora")
    wrong = groups([parameter for _, parameter in trainable(base.model)])
    tuning = lora_plus.tuning(lora_plus.Config())
    with pytest.raises(PluginError, match=message):
        fit(base, rows(8), rows(8), tuning, tmp_path, 42, lambda *_: None, parameter_groups=wrong)
