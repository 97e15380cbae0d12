"""The generation loop: what ends a completion, and threads that wait instead of spinning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.decoding.generate import generate
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


def test_threads_of_a_command_wait_instead_of_spinning() -> None:
    code = (
        "from harness.modeling import quirks; import os; quirks.prepare_process(); print(os.environ['OMP_WAIT_POLICY'])"
    )
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=True)
    assert done.stdout.strip() == "PASSIVE"
