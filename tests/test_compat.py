"""The internals of other libraries that we touch are there; an upgrade that takes one away is told by one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import compat
from harness.modeling import base as model
from harness.records import ModelSpec


def test_transformers_says_which_models_take_its_own_cache() -> None:
    from transformers import GenerationMixin

    there = hasattr(GenerationMixin, "_supports_default_dynamic_cache")
    assert there, "transformers: GenerationMixin._supports_default_dynamic_cache is gone; see compat.takes_any_cache"


def test_transformers_names_the_argument_for_a_cache(model_of: Callable[[str], Path]) -> None:
    named = model.load(ModelSpec(str(model_of("llama"))), {}).model
    assert compat.cache_argument(named) is not None, "transformers: models take no cache; see compat.cache_argument"


def test_transformers_says_which_models_take_an_attention_function_by_name(model_of: Callable[[str], Path]) -> None:
    named = model.load(ModelSpec(str(model_of("llama"))), {}).model
    words = "transformers: how attention is named has changed; see compat.takes_any_attention and name_attention"
    assert compat.takes_any_attention(named), words
    assert not compat.takes_any_attention(model.load(ModelSpec(str(model_of("codegen"))), {}).model), words
    ((config, before),) = compat.attention_names(named).values()
    assert config is named.config, words
    compat.name_attention(config, "eager")
    assert config._attn_implementation == "eager" != before, words


def test_transformers_finds_the_template_of_a_processor_and_says_nothing_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert compat.processor_template(ModelSpec(str(tmp_path)), str(tmp_path)) is None
    (tmp_path / "chat_template.json").write_text('{"chat_template": "{{ messages }}"}')
    found = compat.processor_template(ModelSpec(str(tmp_path)), str(tmp_path))
    assert found == "{{ messages }}", "transformers: the processor's template is elsewhere; see compat"


def test_peft_leaves_nothing_on_a_model_that_it_was_taken_off(model_of: Callable[[str], Path]) -> None:
    import peft

    plain = model.load(ModelSpec(str(model_of("llama"))), {}).model
    names = {name for name, _ in plain.named_modules()}
    adapted = peft.get_peft_model(plain, peft.LoraConfig(target_modules=["q_proj"]))
    after = compat.unload(adapted)
    assert after is plain, "peft: unload() gives another model; see compat.unload"
    assert {name for name, _ in after.named_modules()} == names, "peft: unload() leaves layers behind"
    assert not hasattr(after, "peft_config"), "peft: its configuration stays on the model; see compat.unload"
    again = peft.get_peft_model(after, peft.LoraConfig(target_modules=["v_proj"]))
    assert list(again.peft_config) == ["default"], "peft: the next adapter is taken for a second one"


def test_sacrebleu_counts_as_its_score_says() -> None:
    from sacrebleu.metrics.chrf import CHRF

    counter = CHRF(char_order=6, word_order=0, beta=2)
    counts = compat.chrf_counts(counter, "return x", ["return x"])
    assert len(counts) == 18, "sacrebleu: chrF's counts have another shape; see compat.chrf_counts"
    assert counts[0] == counts[1] == counts[2] == 7, "sacrebleu: chrF's counts are in another order"
