"""Stopping criteria: whether the text generated so far holds a complete answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.extract import AnswerExtractor
from harness.extract.reasoning import is_tag
from harness.extract.turns import is_end

if TYPE_CHECKING:
    import torch


class AnswerStoppingCriteria:
    """Which rows of tokens hold a complete answer (`AnswerExtractor.is_complete`).

    A text can become complete only with a token that ends a line, a fence, a marker or a stop string; only then is it
    decoded and checked.
    """

    def __init__(self, tokenizer: Any, extractors: Sequence[AnswerExtractor]) -> None:
        """`extractors` has one entry for each problem."""
        self._tokenizer, self._extractors = tokenizer, extractors
        end_characters = {
            text[-1] for extractor in extractors for text in (*extractor.stop, *extractor.markers) if text
        }
        self._end_characters = frozenset(end_characters | set("\n`~>]"))
        self.can_complete = functools.cache(self._decodes_to_end)
        """Whether a token can complete an answer."""

    def _decodes_to_end(self, token: int) -> bool:
        return not self._end_characters.isdisjoint(self._tokenizer.decode([token], skip_special_tokens=False))

    def __call__(self, problems: Sequence[int], tokens: torch.Tensor) -> torch.Tensor:
        """For each row of `tokens` (rows, n), the new tokens so far, whether its answer is complete: (rows,), bool.

        `problems` says for each row which problem it belongs to.
        """
        import torch

        complete = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
        if tokens.shape[1] == 0:
            return complete
        for row, last in enumerate(tokens[:, -1].tolist()):
            if self.can_complete(last):
                complete[row] = self.is_complete(problems[row], tokens[row].tolist())
        return complete

    def is_complete(self, problem: int, tokens: Sequence[int]) -> bool:
        """Whether `tokens`, the last of which can complete an answer, hold a complete one."""
        return self._extractors[problem].is_complete(decode_tokens(self._tokenizer, tokens))


def decode_tokens(tokenizer: Any, tokens: Sequence[int]) -> str:
    """The text of `tokens`; of special tokens only those that extraction needs: ends of turns, reasoning."""
    kept = [token for token in tokens if token not in _skipped_special_tokens(tokenizer)]
    text: str = tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


@functools.lru_cache(maxsize=4)
def _skipped_special_tokens(tokenizer: Any) -> frozenset[int]:
    """The special tokens that extraction does not need."""
    pairs = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return frozenset(number for number, text in pairs if not is_end(text) and not is_tag(text))
