"""Sphinx: `python -m sphinx -W -b html docs docs/_build`. Most of the reference is written from the code."""

from __future__ import annotations

from pathlib import Path

import harness
from harness import manual_pages

project = "harness"
author = "the authors of harness"
release = version = harness.__version__
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "harness"
exclude_patterns = ["_build"]
suppress_warnings = ["myst.strikethrough"]

manual_pages.write(Path(__file__).parent / "reference")
