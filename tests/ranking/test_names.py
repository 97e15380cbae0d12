"""Names of models: as short as can be, and no two alike."""

from __future__ import annotations

import pytest

from harness.ranking.names import model_names


@pytest.mark.parametrize(
    "wanted",
    [
        {"codellama/CodeLlama-7b-hf": "CodeLlama-7b-hf", "bigcode/starcoder": "starcoder"},
        {"one/final": "one/final", "two/final": "two/final", "~/runs/other/": "other"},
        {"/a/x/final": "a/x/final", "/b/x/final": "b/x/final"},
        {"coder": "coder", "maker/coder": "maker/coder"},
        {"builtin": "builtin"},
        {},
    ],
)
def test_a_name_is_as_much_of_the_end_as_tells_a_model_from_the_others(wanted: dict[str, str]) -> None:
    assert model_names(wanted) == wanted
