"""The figures of the paper's study call methods and measures what papers call them."""

from __future__ import annotations

import pytest

from harness.plugins.studies.weyssow2024.proper import proper


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
