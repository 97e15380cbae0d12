"""Sphinx: `python -m sphinx -W -b html docs docs/_build`. Most of the reference is written from the code."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

import harness

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

generate.write(Path(__file__).parent / "generated")
