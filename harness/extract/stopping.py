"""Stopping criteria: whether the text generated so far holds a complete answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.extract import AnswerExtractor
from harness.extract.reasoning import is_tag
from harness.extract.turns import LONGEST_END, is_end, may_end_turn

if TYPE_CHECKING:
    import torch


class AnswerStoppingCriteria:
    """Which rows of tokens hold a complete answer (`AnswerExtractor.is_complete`).

    A text can become complete only with a token that ends a line, a fence, a marker or a stop string; only then is it
    decoded and checked. While ten beams write code this happens several times a step for each problem.
    """

    def __init__(self, tokenizer: Any, extractors: Sequence[AnswerExtractor]) -> None:
        """`extractors` has one entry for each problem."""
        self._tokenizer, self._extractors = tokenizer, extractors
        stops = {text[-1] for extractor in extractors for text in extractor.stop if text}
        self._line_ends = frozenset(stops | set("\n`~"))
        markers = {text for extractor in extractors for text in extractor.markers if text}
        self._end_characters = self._line_ends | {text[-1] for text in markers} | set(">]")
        self._tail_length = max([LONGEST_END, *(2 * len(text) for text in markers)])
        self.can_complete = functools.cache(self._decodes_to_end)
        """Whether a token can complete an answer."""
        self._piece = functools.cache(self._decode_one)

    def _decode_one(self, token: int) -> str:
        text: str = self._tokenizer.decode([token], skip_special_tokens=False)
        return text

    def _decodes_to_end(self, token: int) -> bool:
        return not self._end_characters.isdisjoint(self._piece(token))

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
        extractor = self._extractors[problem]
        if self._line_ends.isdisjoint(self._piece(tokens[-1])) and not self._may_end_turn(extractor, tokens):
            return False
        return extractor.is_complete(decode_tokens(self._tokenizer, tokens))

    def _may_end_turn(self, extractor: AnswerExtractor, tokens: Sequence[int]) -> bool:
        """Whether the last characters of `tokens` could end a turn: without a line's end nothing else can.

        Tokens are decoded one by one here, which is much faster since that is remembered. It can lose spaces, which do
        not matter, and leaves characters of several tokens unknown, which therefore could be anything.
        """
        pieces: list[str] = []
        length = 0
        for token in reversed(tokens):
            pieces.append(self._piece(token))
            length += len(pieces[-1])
            if length >= self._tail_length:
                break
        tail = "".join(reversed(pieces))
        return "\ufffd" in tail or may_end_turn(tail, extractor.markers)


def decode_tokens(tokenizer: Any, tokens: Sequence[int]) -> str:
    """The text of `tokens`; of special tokens only those that extraction needs: ends of turns, reasoning."""
    skipped = _skipped_special_tokens(tokenizer)
    kept = [token for token in tokens if token not in skipped]
    text: str = tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


@functools.lru_cache(maxsize=4)
def _skipped_special_tokens(tokenizer: Any) -> frozenset[int]:
    """The special tokens that extraction does not need."""
    pairs = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    return frozenset(number for number, text in pairs if not is_end(text) and not is_tag(text))
