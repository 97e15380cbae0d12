"""The short way to the block that a model is writing finds what the parser finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.extract import fences

_LINES = (
    "```python",
    "```Python3",
    "```py  ",
    "```",
    "~~~",
    "`",
    "``",
    "    ```python",
    "- ```python",
    "text ```python",
    "'''python",
    '"""',
    "> quoted",
    "- item",
    "1. item",
    "Sure, here is the code:",
    "Title",
    "===",
    "<div>",
    "[a]: b",
    "x = 1",
    "def f(x):",
    "    return x",
    "\treturn",
    "",
    "   ",
    "# comment",
    "& < \\",
)


@settings(max_examples=800, deadline=None)
@given(st.lists(st.sampled_from(_LINES), max_size=8), st.booleans())
def test_the_open_block_is_the_one_that_the_parser_finds(lines: list[str], ends: bool) -> None:
    text = "\n".join(lines) + "\n" * ends
    if (block := fences._open_block(text)) is not None:
        assert fences._blocks(text) == [block]


def test_the_block_that_is_being_written_needs_no_parser() -> None:
    text = "Here is a function:\n\n```python\ndef f():\n\n    return 1\n"
    assert fences._open_block(text) == fences.Block("def f():\n\n    return 1\n", "python", closed=False)
