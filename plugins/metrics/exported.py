"""What the study's test script made of decoded texts before they were scored (replication package, commit c55e532)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BLANK_BEFORE = (*".?!,", "n't", "'m", "'s", "'ve", "'re")
"""What a tokenizer's clean-up draws to the word before it; it was made for English and does the same to code."""


def cleaned(text: str) -> str:
    """`text` as transformers decodes it with `clean_up_tokenization_spaces`: `a , b != c` becomes `a, b!= c`."""
    for sign in (*_BLANK_BEFORE[:4], "' ", *_BLANK_BEFORE[4:]):
        text = text.replace(f" {sign}", sign.strip())
    return text


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` without blank space at its ends, up to the first match of `stop`.

    The stop strings are not escaped, on purpose: `<|endoftext|>` then means "`<` or `endoftext` or `>`", and that is
    what was published.
    """
    return re.split("|".join(stop), text.strip(), maxsplit=1)[0] if stop else text.strip()
