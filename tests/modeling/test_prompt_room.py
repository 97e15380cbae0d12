"""What fits into a prompt: the room, which examples go first, and what is left of an instruction that is too long."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.modeling.prompts import PromptBuilder
from harness.plugin import Task
from harness.records import Problem

EXAMPLES = [Problem(f"e{i}", f"{'do ' * 5}{i}", (f"x = {i}",)) for i in range(6)]
ASKED = Problem("q", "ask", ("y",))


class Plain(Task):
    name = "plain"


class Marked:
    """A tokenizer of letters that puts a start before a text and, like some, an end behind it."""

    eos_token_id = 2

    def __call__(self, text: str, add_special_tokens: bool = True, **_: Any) -> dict[str, list[int]]:
        letters = [ord(sign) + 10 for sign in text]
        return {"input_ids": [1, *letters, 2] if add_special_tokens else letters}


def builder(context: int, virtual: int = 0, preamble: str = "", answer: int = 10, **fields: Any) -> PromptBuilder:
    settings = {"tokenizer": Marked(), "context": context, "virtual_tokens": virtual, "chat": None, "seq2seq": False}
    base: Any = SimpleNamespace(**(settings | fields))
    return PromptBuilder(Plain(), base, preamble, answer)


@pytest.mark.parametrize(
    ("context", "virtual", "answer", "room"),
    [(400, 0, 10, 390), (400, 20, 10, 370), (400, 0, 100, 300), (400, 0, 101, 300), (400, 20, 999, 280), (3, 0, 9, 3)],
)
def test_the_room_is_the_context_without_virtual_tokens_and_at_most_a_quarter_for_the_answer(
    context: int, virtual: int, answer: int, room: int
) -> None:
    assert builder(context, virtual, answer=answer).room == room


def length(count: int, **fields: Any) -> int:
    return len(builder(10**6, **fields).prompt(ASKED, EXAMPLES[:count]).tokens)


@pytest.mark.parametrize("count", range(7))
def test_the_most_useful_examples_are_kept_and_the_most_useful_stands_last(count: int) -> None:
    for more in (0, 1):
        if more and count < 6 and length(count) + more >= length(count + 1):
            continue
        prompt = builder(length(count) + more + 10).prompt(ASKED, EXAMPLES)
        assert prompt.examples == tuple(f"e{i}" for i in range(count))
        assert (prompt.dropped, prompt.truncated) == (6 - count, False)
        places = [prompt.text.index(EXAMPLES[i].instruction) for i in range(count)]
        assert places == sorted(places, reverse=True)
        assert prompt.text.endswith("### Instruction:\nask\n### Response:\n")


def test_virtual_tokens_take_the_room_of_examples() -> None:
    context = length(3) + 10
    assert len(builder(context).prompt(ASKED, EXAMPLES).examples) == 3
    assert len(builder(context, virtual=1).prompt(ASKED, EXAMPLES).examples) == 2


def test_a_start_is_there_once_and_an_end_only_for_an_encoder() -> None:
    tokens = builder(500).prompt(ASKED).tokens
    assert tokens[0] == 1 and tokens.count(1) == 1 and 2 not in tokens
    encoder = builder(500, seq2seq=True).prompt(ASKED).tokens
    assert encoder == (*tokens, 2)
    assert builder(500).encode("") == (1,)
    prompt = builder(500).prompt(ASKED)
    assert builder(500).encode_answer(prompt, "y") == (ord("y") + 10, 2)


def test_an_instruction_that_is_too_long_is_cut_at_its_end_and_the_heading_stays_whole() -> None:
    long = Problem("q", "abcdefghij" * 20, ("y",))
    whole = len(builder(10**6).prompt(long).tokens)
    for less in (1, 37, 199):
        prompt = builder(whole - less + 10).prompt(long, EXAMPLES)
        assert prompt.truncated and prompt.examples == () and prompt.dropped == 6
        kept = long.instruction[: 200 - less]
        assert prompt.text == f"### Instruction:\n{kept}\n### Response:\n"
        assert len(prompt.tokens) == whole - less
    fits = builder(whole + 10).prompt(long)
    assert not fits.truncated and fits.text.count("abcdefghij") == 20


def test_the_preamble_stands_before_all_examples_once() -> None:
    text = builder(10**6, preamble="Look at these.").text(ASKED, EXAMPLES[:2])
    assert text == (
        "Look at these.\n\n"
        "### Instruction:\ndo do do do do 1\n### Response:\nx = 1\n\n"
        "### Instruction:\ndo do do do do 0\n### Response:\nx = 0\n\n"
        "### Instruction:\nask\n### Response:\n"
    )
    assert builder(10**6).text(ASKED, ()) == "### Instruction:\nask\n### Response:\n"
