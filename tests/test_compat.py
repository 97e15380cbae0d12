"""The internals of other libraries that we touch are there; an upgrade that takes one away is told by one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


def test_an_encoder_decoder_model_writes_from_the_prefix_that_peft_has_trained(model_of: Callable[[str], Path]) -> None:
    """The first token is the likeliest of the forward pass that tuning uses, and another than without the prefix."""
    import torch
    from peft import PrefixTuningConfig, TaskType, get_peft_model

    base = model.load(ModelSpec(str(model_of("t5"))), {}).model
    given = torch.arange(4, 20).reshape(2, 8)
    start = torch.full((2, 1), base.generation_config.decoder_start_token_id)
    plain = base(input_ids=given, decoder_input_ids=start).logits[:, -1].argmax(-1)
    tuned = get_peft_model(base, PrefixTuningConfig(task_type=TaskType.SEQ_2_SEQ_LM, num_virtual_tokens=4)).eval()
    with torch.no_grad():
        tuned.prompt_encoder["default"].embedding.weight.normal_(0, 30, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = tuned(input_ids=given, decoder_input_ids=start).logits[:, -1].argmax(-1)
    options = {"max_new_tokens": 1, "do_sample": False}
    with compat.prefix_as_cache(tuned):
        written = tuned.generate(input_ids=given, attention_mask=torch.ones_like(given), **options)[:, -1]
    assert written.tolist() == wanted.tolist() != plain.tolist()
    assert "prepare_inputs_for_generation" not in vars(tuned)


def test_transformers_says_which_models_take_an_attention_function_by_name(model_of: Callable[[str], Path]) -> None:
    from transformers import BloomConfig, BloomForCausalLM

    named = model.load(ModelSpec(str(model_of("llama"))), {}).model
    words = "transformers: how attention is named has changed; see compat.takes_any_attention and name_attention"
    assert compat.takes_any_attention(named), words
    own = BloomForCausalLM(BloomConfig(hidden_size=32, n_layer=1, n_head=4, vocab_size=257))
    assert not compat.takes_any_attention(own), words
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


def test_transformers_turns_queries_and_keys_by_a_function_of_this_name(model_of: Callable[[str], Path]) -> None:
    named = model.load(ModelSpec(str(model_of("llama"))), {}).model
    words = "transformers: modules have no apply_rotary_pos_emb; see compat.modules_with_rotary_function"
    assert [module.__name__ for module in compat.modules_with_rotary_function(named)] == [type(named).__module__], words


def test_peft_has_a_switch_for_the_cast_of_inputs(model_of: Callable[[str], Path]) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(
        model.load(ModelSpec(str(model_of("llama"))), {}).model, LoraConfig(target_modules="all-linear")
    )
    words = "peft: layers have no cast_input_dtype_enabled; see compat.layers_that_cast_inputs"
    assert compat.layers_that_cast_inputs(adapted), words


def test_torch_has_a_fused_norm_and_its_gradient() -> None:
    import torch

    words = "torch: _fused_rms_norm or its gradient is gone or has other arguments; see modeling.fused_layers"
    names = {name: [a.name for a in getattr(torch.ops.aten, name).default._schema.arguments] for name in FUSED}
    assert names == FUSED, words


FUSED = {
    "_fused_rms_norm": ["input", "normalized_shape", "weight", "eps"],
    "_fused_rms_norm_backward": ["grad_out", "input", "normalized_shape", "rstd", "weight", "output_mask"],
}


def test_sacrebleu_counts_as_its_score_says() -> None:
    from sacrebleu.metrics.chrf import CHRF

    counter = CHRF(char_order=6, word_order=0, beta=2)
    counts = compat.chrf_counts(counter, "return x", ["return x"])
    assert len(counts) == 18, "sacrebleu: chrF's counts have another shape; see compat.chrf_counts"
    assert counts[0] == counts[1] == counts[2] == 7, "sacrebleu: chrF's counts are in another order"


def test_transformers_recomputes_activations_on_request(model_of: Callable[[str], Path]) -> None:
    named = model.load(ModelSpec(str(model_of("llama"))), {}).model
    words = "transformers: how activations are recomputed has changed; see compat.recompute_activations"
    for enabled in (True, False):
        compat.recompute_activations(named, enabled)
        assert any(getattr(part, "gradient_checkpointing", False) for part in named.modules()) is enabled, words


def test_ray_shows_what_nodes_say_by_a_function_of_this_name() -> None:
    worker = pytest.importorskip("ray._private.worker", reason="pip install '.[test]' brings ray")
    words = "ray: its driver prints in another way; see compat.take_over_ray_messages"
    assert "print_to_stdstream(" in inspect.getsource(worker.listen_error_messages), words
    parameters = list(inspect.signature(worker.print_to_stdstream).parameters)
    assert parameters == ["data", "ignore_prefix"], words


def test_peft_tells_plain_lora_layers_from_their_variants(model_of: Callable[[str], Path]) -> None:
    import peft

    words = "peft: layers of LoRA are made otherwise; see compat.plain_low_rank_layers"
    for option, expected in (({}, 1), ({"use_dora": True}, 0)):
        plain = model.load(ModelSpec(str(model_of("llama"))), {}).model
        config = peft.LoraConfig(target_modules=r".*layers\.0\..*q_proj", lora_dropout=0.1, **option)
        found = compat.plain_low_rank_layers(peft.get_peft_model(plain, config))
        assert len(found) == expected, words
        assert [compat.low_rank_dropout(layer, adapter) for layer, adapter in found] == [0.1] * expected, words


def test_peft_layers_tell_what_their_adapter_does(model_of: Callable[[str], Path]) -> None:
    import peft

    words = "peft: layers of its tuners are made otherwise; see compat.low_rank_update and compat.learnt_scale"
    where: Any = {"target_modules": r".*layers\.0\..*q_proj"}
    for config, update, scale in (
        (peft.LoraConfig(**where), True, False),
        (peft.LoraConfig(**where, use_dora=True), False, False),
        (peft.AdaLoraConfig(**where, total_step=1, tinit=0, tfinal=0), True, False),
        (peft.IA3Config(**where, feedforward_modules=[]), False, True),
        (peft.VeraConfig(**where), False, False),
    ):
        plain = model.load(ModelSpec(str(model_of("llama"))), {}).model
        peft.get_peft_model(plain, config)
        (layer,) = compat.adapter_layers(plain).values()
        assert (compat.low_rank_update(layer) is not None) is update, words
        assert (compat.learnt_scale(layer) is not None) is scale, words


def test_transformers_names_the_parts_of_a_gated_mlp(model_of: Callable[[str], Path]) -> None:
    llama = model.load(ModelSpec(str(model_of("llama"))), {}).model
    layers = llama.config.num_hidden_layers
    assert len(compat.gated_mlps(llama)) == layers, "transformers: MLPs have other parts; see compat.gated_mlps"


def test_torch_compiles_kernels_at_run_time() -> None:
    import torch
    from torch.cuda import _utils

    assert "num_outputs" in inspect.signature(torch.cuda.jiterator._create_multi_output_jit_fn).parameters, (
        "torch: torch.cuda.jiterator has changed; see compat.elementwise_kernel"
    )
    assert [*inspect.signature(torch.cuda._compile_kernel).parameters][:2] == ["kernel_source", "kernel_name"], (
        "torch: torch.cuda._compile_kernel has changed; see compat.cuda_kernel"
    )
    taken = inspect.signature(_utils._CudaKernel.__call__).parameters
    assert {"grid", "block", "args", "stream"} <= taken.keys(), "torch: kernels are called in another way"
    assert callable(_utils._get_gpu_runtime_library), "torch: the driver is reached otherwise; see compat.cuda_kernel"


def test_layers_of_bitsandbytes_use_the_products_that_are_exchanged() -> None:
    import bitsandbytes
    import torch

    def product(x: Any, *_args: Any, **_given: Any) -> Any:
        return 7 * torch.ones(len(x), 8)

    layers = [bitsandbytes.nn.Linear4bit(8, 8), bitsandbytes.nn.Linear8bitLt(8, 8, has_fp16_weights=False)]
    for layer in layers:
        layer.load_state_dict({"weight": torch.ones(8, 8), "bias": torch.ones(8)})
        layer.to("cpu").support_avx512bf16_for_cpu = False
    before = compat.exchange_products(product, product)
    try:
        found = [layer(torch.ones(2, 8)).tolist() for layer in layers]
    finally:
        compat.exchange_products(*before)
    words = "bitsandbytes: its layers find their products in another place; see compat.exchange_products"
    assert found == [[[7.0] * 8] * 2] * 2, words
