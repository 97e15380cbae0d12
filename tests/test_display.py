"""Text of strangers is shown and never obeyed."""

from __future__ import annotations

import csv
import json

import pytest

from harness.display import csv_cell, escape, escape_json, escape_lines

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("lora (r=16)", "lora (r=16)"),
        ("中文 é", "中文 é"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        (ESCAPE, "\\x1b]0;owned\\x07\\x1b[2J\\x9b31m"),
        ("a\u202eb\u2066\u200b", "a\\u202eb\\u2066\\u200b"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert escape(shown) == shown


def test_text_of_several_lines_keeps_its_lines_and_nothing_else() -> None:
    assert escape_lines("a\n\tb\x1b[1m\r\n") == "a\n\tb\\x1b[1m\\r\n"


def test_json_keeps_its_value() -> None:
    value = {"a": f"{ESCAPE}\u202e\u2028\U000e0041\x7f中"}
    text = escape_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert escape_lines(text) == text and "中" in text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert csv_cell(text)[0] == "'"
    assert csv_cell("lora (r=16)") == "lora (r=16)"
    [row] = csv.reader([f'"{csv_cell(text)}"'])
    assert row[0][0] == "'"
