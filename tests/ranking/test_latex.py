"""LaTeX compiles, fits the text, and is never what a stranger wrote."""

from __future__ import annotations

from collections.abc import Callable

from harness.ranking import latex
from harness.ranking.boards import Board

AWKWARD = "50 % of $x_1 & #2 {a} \\b ~c^d [e] <f> 'g' \"h\" `i` \x1b]0;x\x07 \n\\input{x} 中 € é"


def test_boards_compile_within_the_width_of_the_text(
    board_of: Callable[..., Board], compile_tex: Callable[[str], str]
) -> None:
    long = "an-owner/a-model-with-a-very-long-name-that-no-column-holds-7b-instruct-v0.1"
    board = board_of((long, "lora"), ("a" * 60, "prefix-tuning"), ("b/coder", "icl"))
    text = latex.latex([board])
    assert "part 1 of" in text and text.count("{longtable}") == 2 * text.count("\\caption{")
    for part in text.split("\\begin{longtable}")[1:]:
        assert "lora (1 seed)".replace("-", "") in part, "the names are in each part"
    compile_tex(text)


def test_awkward_text_compiles_and_is_shown(compile_tex: Callable[[str], str]) -> None:
    rows = [["a", "b"], [AWKWARD, "[x]"]]
    text = "".join(latex.longtables(latex.Table(rows, 1, AWKWARD, AWKWARD, "tab:x")))
    assert "\\input{x}" not in text and "\x1b" not in text and "U+4E2D" in text
    compile_tex(text)


def test_a_text_above_columns_may_be_wider_than_they_are(compile_tex: Callable[..., str]) -> None:
    over = [("a long text above", 1)] * 6
    rows = [["method", *["ours"] * 6], *([["prompt-tuning", *"123456"]] * 3)]
    compile_tex("\n".join(latex.longtables(latex.Table(rows, 1, "A table.", "", "tab:wide", over))))


def test_a_text_above_columns_that_is_wider_than_the_page_is_wrapped(compile_tex: Callable[..., str]) -> None:
    over = [("a long text that stands above two columns and that no page has the room for", 2)]
    rows = [["a" * 30, "b" * 30, "ours", "published"], ["x" * 40, "y" * 40, "1", "2"]]
    compile_tex("\n".join(latex.longtables(latex.Table(rows, 2, "A table.", "", "tab:wide", over))))


def test_columns_under_one_text_stay_together() -> None:
    rows = [["name", *["ours", "published"] * 5], ["x", *["12.50 [10.1, 14.9]", "11.00"] * 5]]
    over = [(f"measure {i}", 2) for i in range(5)]
    parts = list(latex.longtables(latex.Table(rows, 1, "c", "b", "tab:x", over)))
    assert len(parts) > 1
    for part in parts:
        assert part.count("ours") == part.count("published") == part.count("multicolumn{2}{l}{measure")
