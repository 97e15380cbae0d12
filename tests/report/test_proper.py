"""A figure calls methods and measures what papers call them, and a model what it is called."""

from __future__ import annotations

import pytest

from harness.report.exhibits import Exhibit, Line, Value
from harness.report.proper import proper, with_proper_names


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("lora", "LoRA"),
        ("lora+rag (n=4)", "LoRA+RAG (n=4)"),
        ("qlora-4bit", "QLoRA 4-bit"),
        ("em@10/paper", "EM@10 as in the paper"),
        ("conala em@1", "CoNaLa EM@1"),
        ("codebleu/paper", "CodeBLEU as in the paper"),
        ("pass@5", "pass@5"),
        ("CodeLlama-7b-Instruct", "CodeLlama-7b-Instruct"),
        ("my-lora-model", "my-lora-model"),
        ("a-method-of-somebody", "a-method-of-somebody"),
    ],
)
def test_names_are_those_of_papers(typed: str, written: str) -> None:
    assert proper(typed) == written


def test_a_figure_has_them_and_its_table_has_those_that_are_typed() -> None:
    line = Line(("conala", "CodeLlama-7B", "lora"), (Value(None, 39.2),))
    exhibit = Exhibit("f", "Figure 1", ("task", "model", "method"), ("em@1",), (line,), "bars", units={"em@1": "%"})
    drawn = with_proper_names(exhibit)
    assert drawn.lines[0].names == ("CoNaLa", "CodeLlama-7B", "LoRA")
    assert drawn.columns == ("EM@1",) and drawn.units == {"EM@1": "%"}
    assert exhibit.table()[0][:4] == ["task", "model", "method", "em@1 ours"]
