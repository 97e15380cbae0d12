"""Errors in one readable line."""

from __future__ import annotations

from harness.errors import SHOWN, unknown


def test_the_nearest_name_is_offered() -> None:
    assert str(unknown("method", "lroa", ["lora", "ia3"])) == "no method 'lroa'. Did you mean 'lora'?"


def test_a_name_like_none_lists_what_there_is_and_never_thousands() -> None:
    assert str(unknown("slice", "zzz", ["a", "b"])) == "no slice 'zzz'. Known: a, b."
    words = str(unknown("problem", "zzz", [f"{number:04}" for number in range(5000)]))
    assert words.endswith(f"0019 and {5000 - SHOWN} more.") and len(words) < 200
