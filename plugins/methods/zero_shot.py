"""Zero-shot: the model as it is, asked with the task's template and nothing else (study, section 5.1)."""

from __future__ import annotations

from harness import hookimpl
from harness.plugin import Method


class ZeroShot(Method):
    """No tuning, no examples: what adaptation is measured against."""

    name = "zero-shot"
    reference = "Weyssow et al., arXiv:2308.10462, section 5.1"


@hookimpl
def harness_methods() -> list[Method]:
    """The method."""
    return [ZeroShot()]
