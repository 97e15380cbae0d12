"""A completion taken as it was written, for tasks and protocols that look for no code in it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.extract import Answer, AnswerExtractor, cut

AS_WRITTEN = "as written"


@dataclass(frozen=True, slots=True)
class WholeText(AnswerExtractor):
    """The whole completion is the answer, up to the first of the stop strings, with the blank space at its ends."""

    def extract(self, text: str) -> Answer:
        """`text` up to the first stop string."""
        return Answer(cut(text, self.stop), (AS_WRITTEN,))

    def is_complete(self, text: str) -> bool:
        """Whether `text` holds a stop string."""
        return any(stop in text for stop in self.stop)
