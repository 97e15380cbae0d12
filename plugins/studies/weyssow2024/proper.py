"""Names as papers write them, for figures: `lora+rag (n=4)` is "LoRA+RAG (n=4)". Tables keep those that one types."""

from __future__ import annotations

import re

NAMES = {
    "zero-shot": "zero-shot",
    "icl": "ICL",
    "rag": "RAG",
    "lora": "LoRA",
    "ia3": "(IA)³",
    "prompt-tuning": "prompt tuning",
    "prefix-tuning": "prefix tuning",
    "qlora-8bit": "QLoRA 8-bit",
    "qlora-4bit": "QLoRA 4-bit",
    "full-ft": "full fine-tuning",
    "conala": "CoNaLa",
    "codealpacapy": "CodeAlpacaPy",
    "apps": "APPS",
    "codebleu": "CodeBLEU",
    "bleu": "BLEU",
    "chrf": "chrF",
}
"""Of methods, tasks and measures; others are as their plugins call them."""
_WORD = re.compile(r"[A-Za-z][\w-]*(?:@\d+)?(?:/paper)?")


def proper(text: str) -> str:
    """`text` with each known name as papers write it: "em@10/paper" is "EM@10 as in the paper"."""
    return _WORD.sub(lambda found: _proper(found[0]), text)


def _proper(word: str) -> str:
    rule = " as in the paper" if word.endswith("/paper") else ""
    name, at, k = word.removesuffix("/paper").partition("@")
    known = name.upper() if at and name == "em" else NAMES.get(name, name)
    return f"{known}{at}{k}{rule}"
