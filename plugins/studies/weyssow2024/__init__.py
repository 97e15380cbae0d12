"""Weyssow et al. 2024: parameter-efficient tuning and in-context learning of code models (arXiv:2308.10462).

The grids of its research questions are the files `rq1.toml` to `rq4.toml` and `fig2.toml`, its numbers
`published.json`, its tables and figures `exhibits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING

from harness import hookimpl
from harness.plugin import Study

if TYPE_CHECKING:
    from harness.report.exhibits import Exhibit, StudyResults

PAPER = "Weyssow et al. 2024 (arXiv:2308.10462)"


class PaperStudy(Study):
    """A part of the paper; its file lies beside this module."""

    def text(self) -> str:
        """The file."""
        return (resources.files(__name__) / f"{self.name}.toml").read_text("utf-8")

    def exhibits(self) -> Mapping[str, Callable[[StudyResults], Exhibit]]:
        """All of the paper's: a question shows some of them."""
        from harness.plugins.studies.weyssow2024.exhibits import EXHIBITS

        return EXHIBITS


class Lengths(PaperStudy):
    """Token lengths of problems and answers."""

    name = "fig2"
    reference = f"{PAPER}, Figure 2"


class Examples(PaperStudy):
    """Random examples in the prompt against none."""

    name = "rq1"
    reference = f"{PAPER}, research question 1"


class Tunings(PaperStudy):
    """Methods of tuning, and quantised models."""

    name = "rq2"
    reference = f"{PAPER}, research question 2"


class TuningOrExamples(PaperStudy):
    """Tuning against random and retrieved examples."""

    name = "rq3"
    reference = f"{PAPER}, research question 3"


class Programs(PaperStudy):
    """Tuning for programs that have to pass tests."""

    name = "rq4"
    reference = f"{PAPER}, research question 4"


@hookimpl
def harness_studies() -> list[Study]:
    """The four questions, and the figure that needs no run."""
    return [Lengths(), Examples(), Tunings(), TuningOrExamples(), Programs()]
