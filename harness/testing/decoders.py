"""What a decoder has to keep: rows independent of each other, and at least one token left in each."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.testing.contract import PluginContract

ROWS, VOCABULARY = 6, 50


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
