"""While a model writes: rows are read only at tokens that can end an answer, and special tokens are read, not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.extract import AnswerExtractor
from harness.extract.stopping import AnswerStoppingCriteria, decode_tokens
from harness.modeling import base as model
from harness.records import ModelSpec

READER = AnswerExtractor(markers=("### Instruction:",), stop=("\n",))


@pytest.fixture
def tokenizer(model_of: Callable[[str], Path]) -> object:
    return model.load_tokenizer(ModelSpec(str(model_of("llama"))))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("xs.sort()\n", True),
        ("xs.sort()", False),
        ("```python\n", False),
        ("```python\nxs.sort()\n", True),
        ("\n", False),
    ],
)
def test_a_row_is_whole_when_its_text_is(tokenizer: object, text: str, whole: bool) -> None:
    tokens = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])  # type: ignore[operator]
    assert AnswerStoppingCriteria(tokenizer, [READER])([0], tokens).tolist() == [whole]


def test_each_row_has_the_reader_of_its_problem(tokenizer: object) -> None:
    row = tokenizer("x = 1\n", add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    found = AnswerStoppingCriteria(tokenizer, [READER, AnswerExtractor()])([0, 1, 0], torch.tensor([row, row, row]))
    assert found.tolist() == [True, False, True]


def test_nothing_written_is_not_whole(tokenizer: object) -> None:
    assert AnswerStoppingCriteria(tokenizer, [READER])([0, 0], torch.zeros(2, 0, dtype=torch.long)).tolist() == [
        False,
        False,
    ]


def test_a_special_token_that_ends_a_turn_stays_in_the_text_and_others_do_not(tokenizer: object) -> None:
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>", "<extra_id_0>"]})  # type: ignore[attr-defined]
    tokens = tokenizer("x = 1<extra_id_0><|im_end|>", add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    assert decode_tokens(tokenizer, tokens) == "x = 1<|im_end|>"


_PIECES = (
    "x = [",
    "1]",
    "a > b",
    ":",
    "### Instruction:",
    "###",
    " Instruction",
    "<|im_end|>",
    "<|im",
    "_end|>",
    "'<|im_end|>'",
)
_PIECES += ("\n", "```", "```python\n", "[/INST]", "é｜>", "<｜end｜>", "'", "  ", "def f(x):", "</think>", "<think>")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8), st.sampled_from([(), ("\n",), ("\ndef",)]))
def test_an_answer_becomes_complete_only_where_it_is_looked_at(
    tokenizer: object, pieces: list[str], stop: tuple[str, ...]
) -> None:
    extractor = AnswerExtractor(markers=("### Instruction:",), stop=stop)
    criteria = AnswerStoppingCriteria(tokenizer, [extractor])
    tokens = tokenizer("".join(pieces), add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    for end in range(1, len(tokens) + 1):
        expected = extractor.is_complete(decode_tokens(tokenizer, tokens[:end]))
        assert (criteria.can_complete(tokens[end - 1]) and criteria.is_complete(0, tokens[:end])) == expected
        if expected:
            break
