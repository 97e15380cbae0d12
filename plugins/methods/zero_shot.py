"""Zero-shot: the model as it is, asked with the task's template after one line that says what is wanted.

The study's zero-shot prompt is its in-context prompt with no example in it (section 5.1; its published test.py).
"""

from __future__ import annotations

from harness import hookimpl
from harness.plugin import PREAMBLE, Method


class ZeroShot(Method):
    """No tuning, no examples: what adaptation is measured against."""

    name = "zero-shot"
    reference = "Weyssow et al., arXiv:2308.10462, section 5.1"
    preamble = PREAMBLE


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [ZeroShot()]
