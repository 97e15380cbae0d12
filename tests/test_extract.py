"""The program in a completion's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.extract import code, cut


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("x = 1", "x = 1"),
        ("\n\nx = 1\n\n", "x = 1"),
        ("Sure:\n```python\nx = 1\n```\nDone.", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("```py\nx = 1", "x = 1"),
        ("```json\n{}\n```\n```python\nx = 1\n```", "x = 1"),
        ("    return 1\n", "    return 1"),
        ("", ""),
    ],
)
def test_code_is_found(text: str, program: str) -> None:
    assert code(text) == program


def test_a_stop_string_is_no_regular_expression() -> None:
    assert cut("a<b>c<|endoftext|>d", ("<|endoftext|>",)) == "a<b>c"


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_what_is_kept_holds_no_stop_string(text: str, stop: list[str]) -> None:
    kept = cut(text, tuple(stop))
    assert text.startswith(kept)
    assert not any(s in kept for s in stop)
