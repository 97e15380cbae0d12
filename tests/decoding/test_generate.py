"""The generation loop: what ends a completion, and threads that wait instead of spinning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.decoding.generate import continuous_batching_unsupported_reason, generate
from harness.modeling import base as model
from harness.modeling.base import ModelSpec
from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task
from harness.records import Problem, Sampling

BEAMS = Sampling(candidates=3, max_new_tokens=10)


def test_a_stop_string_ends_each_beam_by_itself_and_is_not_part_of_it(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem]
) -> None:
    base = model.load(ModelSpec(str(model_of("llama"))), {})
    layout = PromptBuilder(toy, base, max_new_tokens=10)
    prompts = [layout.prompt(problem) for problem in problems[:6]]
    whole = [c.text for _, found in generate(base, prompts, BEAMS, 42, batch=6) for c in found]
    letter = max(set("".join(whole)) - {"\ufffd"}, key=lambda one: sum(one in text[1:] for text in whole))
    stopped = [c for _, found in generate(base, prompts, replace(BEAMS, stop=(letter,)), 42, batch=6) for c in found]
    assert len(stopped) == len(whole)
    assert all(letter not in completion.text for completion in stopped)
    assert any(completion.finish == "stop" for completion in stopped)
    assert all(completion.finish == "stop" for completion in stopped if completion.tokens < BEAMS.max_new_tokens)


def test_layers_in_several_places_write_the_same_candidates(
    model_of: Callable[[str], Path], toy: Task, problems: list[Problem], tmp_path: Path
) -> None:
    spec = ModelSpec(str(model_of("llama")))
    places = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk", "model.norm": "cpu"}
    options = {"device_map": {**places, "model.rotary_emb": "cpu", "lm_head": "cpu"}, "offload_folder": str(tmp_path)}
    whole, spread = model.load(spec, {}), model.load(spec, options)
    assert continuous_batching_unsupported_reason(spread) == "its layers are on several GPUs"
    layout = PromptBuilder(toy, whole, max_new_tokens=10)
    prompts = [layout.prompt(problem) for problem in problems[:4]]
    for sampling in (BEAMS, replace(BEAMS, temperature=0.6)):
        texts = [
            {prompt.id: [c.text for c in found] for prompt, found in generate(base, prompts, sampling, 42, batch=2)}
            for base in (whole, spread)
        ]
        assert texts[0] == texts[1] and len(texts[0]) == 4


def test_threads_of_a_command_wait_instead_of_spinning() -> None:
    code = (
        "from harness.modeling import quirks; import os; quirks.prepare_process(); print(os.environ['OMP_WAIT_POLICY'])"
    )
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=True)
    assert done.stdout.strip() == "PASSIVE"
