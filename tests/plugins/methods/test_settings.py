"""Every method's defaults against the study's section 4.6 and its scripts, written down once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.plugin_system.registry import Registry
from harness.records import Tuning

LORA = {"r": 16, "alpha": 32, "dropout": 0.05, "targets": (), "learning_rate": 3e-4, "epochs": 5.0}
STUDY: dict[str, dict[str, Any]] = {
    "lora": LORA,
    "qlora-8bit": LORA,
    "qlora-4bit": LORA,
    "ia3": {"targets": (), "feed_forward": (), "learning_rate": 3e-4, "epochs": 5.0},
    "prompt-tuning": {
        "virtual_tokens": 20,
        "init": "Generate Python code given a natural language instruction.",
        "learning_rate": 3e-3,
        "epochs": 5.0,
    },
    "prefix-tuning": {"virtual_tokens": 10, "learning_rate": 3e-2, "epochs": 5.0},
    "full-ft": {"learning_rate": 5e-5, "epochs": 5.0},
    "icl": {"n": 8, "train": False},
    "rag": {"n": 4, "train": False},
}
LOOP = {"batch_size": 8, "warmup_ratio": 0.05, "evaluate_every": 0.2, "max_tokens": 2048}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


@pytest.mark.parametrize("name", STUDY)
def test_the_defaults_of_a_method_are_the_studys(name: str, registry: Registry) -> None:
    config = registry.method(name).plugin.Config()
    found = {f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name in STUDY[name]}
    assert found == STUDY[name]


@pytest.mark.parametrize("name", [name for name in STUDY if "learning_rate" in STUDY[name]])
def test_a_method_is_tuned_at_its_own_rate_in_the_studys_loop(name: str, registry: Registry) -> None:
    plugin: Any = registry.method(name).plugin
    found = plugin.tuning(plugin.Config())
    assert found == Tuning(STUDY[name]["learning_rate"], epochs=5.0, **LOOP)
    changed = plugin.tuning(plugin.Config(learning_rate=0.5, epochs=2.0))
    assert changed == Tuning(0.5, epochs=2.0, **LOOP)


def test_bases_are_loaded_as_the_study_loaded_them(registry: Registry) -> None:
    pytest.importorskip("bitsandbytes")

    def quantised(name: str) -> Any:
        plugin: Any = registry.method(name).plugin
        return plugin.load_options(plugin.Config())["quantization_config"]

    eight, four = quantised("qlora-8bit"), quantised("qlora-4bit")
    assert (eight.load_in_8bit, eight.load_in_4bit) == (True, False)
    assert (four.load_in_8bit, four.load_in_4bit) == (False, True)
    assert (four.bnb_4bit_quant_type, four.bnb_4bit_use_double_quant) == ("nf4", True)
    full: Any = registry.method("full-ft").plugin
    assert full.load_options(full.Config()) == {"dtype": "float32"}
    assert registry.method("lora").plugin.load_options(None) == {}
