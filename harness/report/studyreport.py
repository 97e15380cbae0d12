"""The report of a study: its tables and figures in a folder, and the page with them above its boards.

index.html      everything
report.md       the tables as Markdown
report.tex      the tables as LaTeX
figure5.svg …   the figures, where matplotlib is installed
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    heads: Sequence[tuple[str, Sequence[str]]]
    """Each column with what it is divided into: nothing for the names of a line."""


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
    heads = [*((name, ()) for name in exhibit.heads), *exhibit.sides()]
    return Shown(exhibit.id, exhibit.title, exhibit.cells(), exhibit.note, pictures, heads)


def _lengths(
    study: Study, builtin: bool, data: Mapping[str, Path], registry: Registry, out: Path, said: list[str]
) -> Shown:
    found = lengths(study.tokenizer, builtin, data, registry)
    note = "Percentiles of the numbers of tokens over all splits; the study prints no numbers in this figure."
    cells = [list(HEADS), *(one.line() for one in found)]
    pictures = _drawn(lambda: figures.draw_lengths(found, out), said)
    return Shown("figure2", "Figure 2: token lengths", cells, note, pictures, [(name, ()) for name in HEADS])


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
    tables = [table for one in shown for table in _longtables(one)]
    return "\n\n".join([f"% {title}", "% \\usepackage{booktabs,longtable}", *tables]) + "\n"


WIDE = 4
"""Columns of values, ours and published, that fit on a page beside the names."""


def _longtables(one: Shown) -> Iterator[str]:
    """One table, or several where there are more columns than a page is wide."""
    names = [name for name, sides in one.heads if not sides]
    values = [(name, sides) for name, sides in one.heads if sides]
    number, _, title = one.title.partition(": ")
    parts = [*range(0, len(values), WIDE)] or [0]
    for part, first in enumerate(parts, 1):
        shown = values[first : first + WIDE]
        start, end = (len(names) + sum(len(sides) for _, sides in values[:n]) for n in (first, first + WIDE))
        cells = [[*line[: len(names)], *line[start:end]] for line in one.cells]
        over = []
        if shown:
            cells[0] = [*names, *(side for _, sides in shown for side in sides)]
            over = [*(("", 1) for _ in names), *((name, len(sides)) for name, sides in shown)]
        of = f", part {part} of {len(parts)}" if len(parts) > 1 else ""
        label = f"tab:{one.id}-{part}" if of else f"tab:{one.id}"
        yield longtable(cells, f"{title} ({number} of the study{of}). {one.note}", SOURCE, label, over)


def _html(study: Study, shown: Sequence[Shown], said: Sequence[str]) -> str:
    parts = [f"<section><h2>The study</h2><p>{html.escape(study.about)}</p><p class='small'>{html.escape(SOURCE)}</p>"]
    for one in shown:
        parts.append(f"<h2 id='{one.id}'>{html.escape(one.title)}</h2>")
        parts += [_picture(path, one.title) for path in one.pictures if path.suffix == ".svg"]
        parts.append(_table(one))
        parts.append(f"<p class='small'>{html.escape(one.note)}</p>")
    if said:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in said[1:])
        parts.append(f"<details><summary>{html.escape(said[0])}</summary><ul>{items}</ul></details>")
    return "\n".join([*parts, "</section>"])


def _picture(path: Path, title: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    alt = html.escape(f"{title}; the numbers are in the table below", quote=True)
    return f"<figure class='paper' tabindex='0'><img alt='{alt}' src='data:image/svg+xml;base64,{data}'></figure>"


def _table(one: Shown) -> str:
    """Two lines of heads where columns are divided; numbers stand out from places that nobody filled."""
    divided = any(sides for _, sides in one.heads)
    top = "".join(_head(name, sides) for name, sides in one.heads)
    below = "".join(f"<th scope='col'>{side}</th>" for _, sides in one.heads for side in sides)
    names = sum(not sides for _, sides in one.heads) if divided else 2
    lines = "".join(f"<tr>{_line(line[:names], line[names:])}</tr>" for line in one.cells[1:])
    label = html.escape(one.title, quote=True)
    return (
        f"<div class='scroll tall' role='region' tabindex='0' aria-label='{label}'><table class='exhibit'>"
        f"<thead><tr>{top}</tr>{f'<tr>{below}</tr>' if divided else ''}</thead><tbody>{lines}</tbody></table></div>"
    )


def _head(name: str, sides: Sequence[str]) -> str:
    spans = f"colspan='{len(sides)}' scope='colgroup'" if sides else "rowspan='2' scope='col'"
    return f"<th {spans}>{html.escape(name)}</th>"


def _line(names: Sequence[str], values: Sequence[str]) -> str:
    heads = [f"<th scope='row'>{html.escape(name)}</th>" for name in names]
    for text in values:
        empty = "" if any(sign.isdigit() for sign in text) else " class='nothing'"
        heads.append(f"<td{empty}>{html.escape(text)}</td>")
    return "".join(heads)
