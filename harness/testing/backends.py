"""What a backend has to keep: every problem answered once, as often as asked, and nothing lost."""

from __future__ import annotations

import json
import unittest
from typing import Any, ClassVar

from harness.records import Completion, Sampling, from_json, to_json
from harness.testing.contract import PluginContract

PROMPTS = tuple(
    (f"p{number}", f"### Instruction:\nWrite the number {number} in Python.\n### Response:\n") for number in range(3)
)

LONGEST = 32
"""Tokens that a completion may have."""


class BackendContract(PluginContract):
    """Checks of the backend `name`. Those that write need `model`, and options that reach a service."""

    kind: ClassVar[str] = "backend"
    model: ClassVar[str] = ""
    """One of its models; without one nothing is written."""
    options: ClassVar[dict[str, Any]] = {}
    """Values of options beside the defaults, such as the address of a server that the test started."""

    def written(self, candidates: int = 2) -> dict[str, tuple[Completion, ...]]:
        """Completions of the contract's prompts."""
        if not self.model:
            raise unittest.SkipTest("it writes with a service; set `model` (and `options`) in a test of the package")
        sampling = Sampling(candidates, LONGEST, temperature=0.8)
        config = self.plugin.Config(**self.options)
        pairs = list(self.plugin.generate(self.model, PROMPTS, sampling, 42, config))
        assert len({name for name, _ in pairs}) == len(pairs), "a problem is answered twice"
        return dict(pairs)

    def test_every_problem_is_answered(self) -> None:
        """every problem is answered, and no other"""
        asked, answered = {name for name, _ in PROMPTS}, set(self.written())
        assert answered == asked, f"asked for {', '.join(sorted(asked))}, answered {', '.join(sorted(answered))}"

    def test_there_are_as_many_completions_as_asked_for(self) -> None:
        """there are as many completions as were asked for, with their tokens counted"""
        for candidates in (1, 3):
            for name, completions in self.written(candidates).items():
                assert len(completions) == candidates, f"{name}: {len(completions)} in place of {candidates}"
                for completion in completions:
                    assert completion.tokens > 0 or not completion.text, f"{name}: {completion.tokens} tokens"
                    assert completion.tokens <= LONGEST, f"{name}: {completion.tokens} tokens, at most {LONGEST} asked"
                    assert completion.finish in ("stop", "length"), f"{name}: finish is {completion.finish!r}"

    def test_completions_survive_being_written_down(self) -> None:
        """completions survive being written to a file and read again"""
        for completions in self.written().values():
            for completion in completions:
                again = from_json(Completion, json.loads(json.dumps(to_json(completion))))
                assert again == completion, f"{completion} is read as {again}"

    def test_nothing_to_write_is_nothing_to_do(self) -> None:
        """no prompts, no completions"""
        config = self.plugin.Config(**self.options)
        answers = list(self.plugin.generate(self.model or "any", [], Sampling(1, 8), 42, config))
        assert not answers, f"nothing was asked for, and {len(answers)} problems are answered"
