"""The report of a study: its tables and figures in a folder, and the page with them above its boards.

index.html      everything
report.md       the tables as Markdown
report.tex      the tables as LaTeX
figure5.svg …   the figures, where matplotlib is installed
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import leaderboard, runs
from harness.cells import Log
from harness.errors import MissingLibrary, unknown
from harness.registry import Registry
from harness.report import figures, page
from harness.report.exhibits import EXHIBITS, PUBLISHED
from harness.report.exhibits import Study as Asked
from harness.report.lengths import HEADS, lengths
from harness.report.results import Result, results
from harness.study import Study
from harness.tables import longtable, markdown, pipes


@dataclass(frozen=True)
class Shown:
    """One table or figure, ready to be written."""

    id: str
    title: str
    cells: list[list[str]]
    note: str
    pictures: Sequence[Path]


def write(study: Study, builtin: bool, data: Mapping[str, Path], root: Path, out: Path) -> list[str]:
    """Write the report to `out`; what the user should know (cells not run, figures not drawn), a line each.

    Raises:
        HarnessError: the study names a table or figure that there is not.
    """
    out.mkdir(parents=True, exist_ok=True)
    registry = Registry()
    said: list[str] = []
    found = _results(study, builtin, data, root, registry)
    shown = []
    for name in study.shows:
        if name == "figure2":
            shown.append(_lengths(study, builtin, data, registry, out, said))
        else:
            shown.append(_exhibit(name, found, registry, out, said))
    said += _missing(found)
    rows = [one.row for one in found if one.row is not None]
    folders = {one.row.run_id: one.folder for one in found if one.row is not None and one.folder is not None}
    left_out: list[str] = []
    boards = leaderboard.boards(rows, folders, left_out=left_out)
    title = f"{study.name}: {study.title}"
    below = markdown(boards, folders) if boards else ""
    runs.write_text(out / "report.md", _markdown(title, study, shown, said, below))
    runs.write_text(out / "report.tex", _latex(title, shown))
    text = page.render(boards, folders, left_out=left_out, title=title, study=_html(study, shown, said))
    runs.write_text(out / "index.html", text)
    return said


def _results(study: Study, builtin: bool, data: Mapping[str, Path], root: Path, registry: Registry) -> list[Result]:
    if not any(study.grids.values()):
        return []
    return results(study.cells(builtin=builtin, data=data), root, Log(root, study.name), registry)


def _exhibit(name: str, found: Sequence[Result], registry: Registry, out: Path, said: list[str]) -> Shown:
    if name not in EXHIBITS:
        raise unknown("table or figure", name, [*EXHIBITS, "figure2"])
    exhibit = EXHIBITS[name](Asked(found, registry))
    pictures = _drawn(lambda: figures.draw(exhibit, out), said)
    return Shown(exhibit.id, exhibit.title, exhibit.cells(), exhibit.note, pictures)


def _lengths(
    study: Study, builtin: bool, data: Mapping[str, Path], registry: Registry, out: Path, said: list[str]
) -> Shown:
    found = lengths(study.tokenizer, builtin, data, registry)
    note = "Percentiles of the numbers of tokens over all splits; the study prints no numbers in this figure."
    cells = [list(HEADS), *(one.line() for one in found)]
    pictures = _drawn(lambda: figures.draw_lengths(found, out), said)
    return Shown("figure2", "Figure 2: token lengths", cells, note, pictures)


def _drawn(draw: Callable[[], Sequence[Path]], said: list[str]) -> Sequence[Path]:
    """The pictures; without matplotlib none, and that is said once."""
    try:
        return draw()
    except MissingLibrary as error:
        said += [] if str(error) in said else [str(error)]
        return ()


def _missing(found: Sequence[Result]) -> list[str]:
    """How many cells have no run, and each with its reason."""
    without = [one for one in found if one.row is None]
    if not without:
        return []
    lines = [f"{len(without)} of {len(found)} cells have no run:"]
    return [*lines, *(f"{one.cell.words}: {one.why}" for one in without)]


SOURCE = f"Published values: {PUBLISHED['source']}."


def _markdown(title: str, study: Study, shown: Sequence[Shown], said: Sequence[str], boards: str) -> str:
    parts = [f"# {title}", study.about, SOURCE]
    for one in shown:
        parts += [f"## {one.title}", pipes(one.cells), one.note]
        parts += [f"![{one.title}]({path.name})" for path in one.pictures if path.suffix == ".svg"]
    parts += ["## Not run", "\n".join(f"- {line}" for line in said)] if said else []
    parts += ["## Leaderboards", boards] if boards else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _latex(title: str, shown: Sequence[Shown]) -> str:
    tables = [longtable(one.cells, f"{one.title}. {one.note}", SOURCE, f"tab:{one.id}") for one in shown]
    return "\n\n".join([f"% {title}", "% \\usepackage{booktabs,longtable}", *tables]) + "\n"


def _html(study: Study, shown: Sequence[Shown], said: Sequence[str]) -> str:
    parts = [f"<section><h2>The study</h2><p>{html.escape(study.about)}</p><p class='small'>{html.escape(SOURCE)}</p>"]
    for one in shown:
        parts.append(f"<h2 id='{one.id}'>{html.escape(one.title)}</h2>")
        parts += [_picture(path, one.title) for path in one.pictures if path.suffix == ".svg"]
        parts.append(_table(one.cells, one.title))
        parts.append(f"<p class='small'>{html.escape(one.note)}</p>")
    if said:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in said[1:])
        parts.append(f"<details><summary>{html.escape(said[0])}</summary><ul>{items}</ul></details>")
    return "\n".join([*parts, "</section>"])


def _picture(path: Path, title: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    alt = html.escape(f"{title}; the numbers are in the table below", quote=True)
    return f"<figure class='paper'><img alt='{alt}' src='data:image/svg+xml;base64,{data}'></figure>"


def _table(cells: Sequence[Sequence[str]], title: str) -> str:
    head, *body = cells
    top = "".join(f"<th scope='col'>{html.escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>" for line in body)
    label = html.escape(title, quote=True)
    return (
        f"<div class='scroll tall' role='region' tabindex='0' aria-label='{label}'><table><thead><tr>{top}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )
