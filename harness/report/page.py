"""One HTML file that needs nothing else: the style, the scripts and the data are inside it."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from harness import __version__
from harness.display import escape
from harness.ranking.boards import Board
from harness.report.payload import page_data

SCRIPTS = ("parts.js", "state.js", "table.js", "charts.js", "forest.js", "code.js", "explorer.js", "page.js")
_HERE = resources.files("harness.report")


def render(
    boards: Sequence[Board],
    folders: Mapping[str, Path],
    *,
    left_out: Sequence[str] = (),
    title: str = "Leaderboard",
    about: str = "",
    study: str = "",
) -> str:
    """The page of these boards; `about` says in a few words what it is of, `study` is HTML that stands below the four
    answers."""
    data, parts = page_data(boards, folders, left_out)
    return _read("page.html").format(
        title=html.escape(escape(title)),
        version=html.escape(__version__),
        style=_read("page.css"),
        about=f"<p>{html.escape(escape(about))}</p>" if about else "",
        study=study,
        data=_inside_script(data),
        parts="\n".join(_part(name, text) for name, text in parts.items()),
        script="\n".join(_read(name) for name in SCRIPTS),
    )


def _part(name: str, text: str) -> str:
    return f'<script type="text/plain" id="{html.escape(name)}">{text}</script>'


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _inside_script(value: Any) -> str:
    """JSON that cannot end its script element, whatever a model wrote."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
