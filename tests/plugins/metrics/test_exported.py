"""What the study's test script made of decoded texts: blanks before signs, and where a candidate is cut."""

from __future__ import annotations

from typing import Any

import pytest

from harness.plugins.metrics.exported import cleaned, cut

CLEANED = {
    "a , b": "a, b",
    "x .real": "x.real",
    "what ?": "what?",
    "a != b": "a!= b",
    "x ' y": "x'y",
    "do n't": "don't",
    "I 'm": "I'm",
    "it 's": "it's",
    "we 've": "we've",
    "we 're": "we're",
    "a  , b": "a , b",
    "a ' n't": "a'n't",
    "(a,b).c": "(a,b).c",
    "a ; b : c": "a ; b : c",
    "f( 'sum' )": "f('sum' )",
    "f( 'mean', 'x' )": "f('mean', 'x' )",
    "": "",
}


@pytest.mark.parametrize("text", CLEANED)
def test_blanks_before_signs_are_left_out_as_transformers_does(text: str) -> None:
    from transformers import PreTrainedTokenizerBase

    theirs: Any = PreTrainedTokenizerBase.clean_up_tokenization
    assert cleaned(text) == CLEANED[text] == theirs(None, text)


def test_a_candidate_ends_at_the_first_match_of_an_unescaped_pattern() -> None:
    marks = ("<|endoftext|>", "</s>", "\n")
    assert cut(" x = 1 \n y = 2", marks) == "x = 1 "
    assert cut("a < b", marks) == "a " and cut("b > a\nc", marks) == "b " and cut("f(endoftext)", marks) == "f("
    assert cut("x</s>y</s>z", ("</s>",)) == "x" and cut("a < b", ("</s>",)) == "a < b"
    assert cut("\n x \n", ("\n",)) == "x" and cut(" x\n", ()) == "x"
    assert cut("a1b2", ("[0-9]",)) == "a"
