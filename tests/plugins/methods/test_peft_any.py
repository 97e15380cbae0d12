"""Every other tuner of PEFT: its options are ones that can be written, and what PEFT refuses is one line."""

from __future__ import annotations

import dataclasses

import pytest

from harness.errors import ModelError
from harness.modeling.bases import LoadedBases
from harness.plugins.methods.peft_any import PeftAny
from harness.records import ModelSpec
from harness.testing import contract_for, tiny_model
from harness.testing.checks import examine_one


def test_every_option_of_every_tuner_can_be_written_on_the_command_line() -> None:
    wrong = {}
    for name in PeftAny().variants():
        finding = examine_one(
            contract_for("method", f"peft:{name}", {}), "test_its_options_are_described_and_can_be_set"
        )
        if finding.verdict != "kept":
            wrong[name] = finding.reason
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("adaption_prompt", "causal", "peft:adaption_prompt: PEFT refuses it .TypeError.*harness show peft:adaption"),
        ("cpt", "encoder-decoder", "peft:cpt: PEFT refuses it .ValueError: CPTConfig only supports"),
    ],
)
def test_what_peft_refuses_is_one_line(name: str, kind: str, words: str) -> None:
    base = LoadedBases().get(ModelSpec(str(tiny_model(kind))), {})
    method = PeftAny().variant(name)
    with pytest.raises(ModelError, match=words):
        method.adapt(base, method.Config())


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_a_tuner_that_changes_the_base_leaves_nothing_of_it_to_the_next(name: str) -> None:
    contract = contract_for("method", f"peft:{name}", {})
    assert examine_one(contract, "test_the_next_method_finds_the_base_as_it_was").reason == ""


def test_what_only_peft_s_own_generate_switches_on_is_no_option() -> None:
    names = {field.name for field in dataclasses.fields(PeftAny().variant("lora").Config)}
    assert "use_rslora" in names
    assert "alora_invocation_tokens" not in names


def test_a_number_is_no_secret_though_its_option_is_called_a_key() -> None:
    assert examine_one(contract_for("method", "peft:vera", {}), "test_no_option_holds_a_secret").verdict == "kept"


def test_a_tuner_that_trains_keys_and_values_writes_the_same_in_any_batch() -> None:
    contract = contract_for("method", "peft:cartridge", {})
    assert examine_one(contract, "test_a_completion_does_not_depend_on_its_batch").reason == ""
