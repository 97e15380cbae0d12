"""The digits of a score, rounded in this one place: a table, a page and a sentence show the same ones."""

from __future__ import annotations

from harness.records import Estimate


def digits(estimate: Estimate | None) -> tuple[str, str, str] | None:
    """A score in per cent with the ends of its interval ("12.50", "8.1", "17.9"); "" for ends that are not known.

    None where nothing was measured.
    """
    if estimate is None or estimate.value is None:
        return None
    low, high = ("" if end is None else f"{100 * end:.1f}" for end in (estimate.low, estimate.high))
    return f"{100 * estimate.value:.2f}", low, high
