"""What a decoder has to keep: rows independent of each other, a token left in each, a valid choice of candidates."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.records import Completion
from harness.testing.contract import PluginContract

ROWS, VOCABULARY = 6, 50
ANSWERS = ("return a + b", "", "return a +  b", "def f(:", "return a + b", "b = 'ä\u0000'", "return b + a")
"""Candidates of one problem: alike, empty, broken, and unusual ones."""


class DecoderContract(PluginContract):
    """Checks of the decoder `name`."""

    kind: ClassVar[str] = "decoder"
    options: ClassVar[dict[str, Any]] = {}
    """Values of options beside the defaults."""

    def processed(self, rows: slice = slice(None)) -> Any:
        """The contract's logits, or some rows of them, after the decoder."""
        import torch

        logits = 4 * torch.randn(ROWS, VOCABULARY, generator=torch.Generator().manual_seed(0))
        return self.plugin.process_logits(logits[rows].clone(), self.plugin.Config(**self.options))

    def test_logits_keep_their_shape(self) -> None:
        """logits keep their shape, (rows, vocabulary), and are no NaN"""
        found = self.processed()
        assert tuple(found.shape) == (ROWS, VOCABULARY), f"it returns {tuple(found.shape)}"
        assert not found.isnan().any(), "it returns NaN"

    def test_some_token_is_left(self) -> None:
        """each row keeps a token that can be chosen"""
        assert self.processed().isfinite().any(dim=-1).all(), "it excludes all tokens of a row"

    def test_a_row_does_not_depend_on_others(self) -> None:
        """a row does not depend on the rows beside it, and the same logits give the same result"""
        import torch

        whole = self.processed()
        rows = torch.cat([self.processed(slice(i, i + 1)) for i in range(ROWS)])
        assert torch.equal(whole, rows), "a row is processed otherwise beside others"

    def test_it_selects_candidates_that_there_are(self) -> None:
        """of any number of candidates it selects as many as it keeps, each once, and the same ones every time"""
        from harness.plugin import Decoder

        config = self.plugin.Config(**self.options)
        chooses = type(self.plugin).select is not Decoder.select
        for count in range(1, len(ANSWERS) + 1):
            kept = self.plugin.kept(count, config)
            assert 1 <= kept <= count, f"of {count} candidates it keeps {kept}"
            assert chooses or kept == count, f"of {count} candidates it keeps {kept}, and has no `select`"
            if chooses:
                self._check_selected(count, kept, config)

    def _check_selected(self, count: int, kept: int, config: Any) -> None:
        written = tuple(Completion(text, len(text), logprob=-1.0 - i) for i, text in enumerate(ANSWERS[:count]))
        found = list(self.plugin.select("Add a to b.", written, config))
        assert len({*found}) == len(found) == kept, f"of {count} candidates it keeps {kept}, and selects {found}"
        assert all(0 <= number < count for number in found), f"there are {count} candidates; it selects {found}"
        again = list(self.plugin.select("Add a to b.", written, config))
        assert again == found, f"it selects {found}, and of the same candidates {again}"
