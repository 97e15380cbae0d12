"""The report of a study: its tables and figures in a folder, and the page with them above its boards.

index.html      everything
report.md       the tables as Markdown
report.tex      the tables as LaTeX
figure5.svg …   the figures as SVG, PDF and PNG, where matplotlib is installed
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import files
from harness.disk import file_errors
from harness.display import escape
from harness.errors import MissingLibrary, PluginError
from harness.plugin_system.registry import Registry
from harness.ranking import latex
from harness.ranking.boards import rank_boards
from harness.ranking.display_names import DisplayNames
from harness.ranking.tables import escape_markdown, markdown, markdown_table
from harness.report import figures, page
from harness.report.exhibits import Exhibit, StudyResults, find_maker, with_display_names
from harness.report.results import CellResult, load_results
from harness.studies.runner import CellLog
from harness.studies.study import StudyFile


@dataclass(frozen=True)
class RenderedExhibit:
    """One table or figure, ready to be written."""

    id: str
    title: str
    table: list[list[str]]
    note: str
    source: str
    """Where its published values come from, in a sentence; empty where it has none."""
    pictures: Sequence[Path]
    heads: Sequence[tuple[str, Sequence[str]]]
    """Each column with what it is divided into: nothing for the names of a line."""


def write_report(
    study: StudyFile,
    builtin: bool,
    data: Mapping[str, Path],
    root: Path,
    out: Path,
    registry: Registry | None = None,
) -> list[str]:
    """Write the report to `out`; what the user should know (cells not run, figures not drawn), a line each.

    Raises:
        HarnessError: the study names a table or figure that there is not.
    """
    with file_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    registry = registry or Registry()
    said: list[str] = []
    found = _results(study, builtin, data, root, registry)
    asked = StudyResults(found, registry, builtin=builtin, data=data, tokenizer=study.tokenizer)
    shown = [one for name in study.shows if (one := _exhibit(name, study, asked, out, said)) is not None]
    said += _missing_runs(found)
    # Several cells may be one run: a default that was chosen as the best too.
    rows = list({one.row.run_id: one.row for one in found if one.row is not None}.values())
    folders = {one.row.run_id: one.folder for one in found if one.row is not None and one.folder is not None}
    left_out: list[str] = []
    boards = rank_boards(rows, folders, left_out=left_out)
    title = f"{study.name}: {study.title}"
    below = markdown(boards, folders) if boards else ""
    files.write_text(out / "report.md", _markdown(title, study, shown, said, below))
    files.write_text(out / "report.tex", _latex(title, shown))
    text = page.render(boards, folders, left_out=left_out, title=title, about=study.about, study=_html(shown, said))
    files.write_text(out / "index.html", text)
    return said


def _results(
    study: StudyFile, builtin: bool, data: Mapping[str, Path], root: Path, registry: Registry
) -> list[CellResult]:
    if not any(study.grids.values()):
        return []
    return load_results(study.cells(builtin=builtin, data=data), root, CellLog(root, study.name), registry)


def _exhibit(name: str, study: StudyFile, asked: StudyResults, out: Path, notes: list[str]) -> RenderedExhibit | None:
    """The table or figure `name`, with its pictures in `out`; None, and a line of why, where its plugin fails."""
    entry, make = find_maker(name, study, asked.registry)

    def made() -> RenderedExhibit:
        exhibit = make(asked)
        if not isinstance(exhibit, Exhibit):
            raise PluginError(f"made an object of the type {type(exhibit).__name__}, which is no Exhibit")
        exhibit = with_display_names(exhibit, DisplayNames(asked.registry))
        pictures = _drawn(lambda: figures.draw(exhibit, out), notes)
        heads = [*((head, ()) for head in exhibit.heads), *exhibit.column_sides()]
        source = f"Published values: {exhibit.source}." if exhibit.source else ""
        return RenderedExhibit(exhibit.id, exhibit.title, exhibit.table(), exhibit.note, source, pictures, heads)

    shown = asked.registry.call(entry, f"the exhibit {name!r}", made)
    if shown is None:
        notes.append(f"{name} of {entry.origin.distribution} cannot be shown; see: harness plugins")
    return shown


def _drawn(draw: Callable[[], Sequence[Path]], notes: list[str]) -> Sequence[Path]:
    """The pictures; without matplotlib none, and that is said once."""
    try:
        return draw()
    except MissingLibrary as error:
        notes += [] if str(error) in notes else [str(error)]
        return ()


def _missing_runs(found: Sequence[CellResult]) -> list[str]:
    """How many cells have no run, and each with its reason."""
    without = [one for one in found if one.row is None]
    if not without:
        return []
    lines = [f"{len(without)} of {len(found)} cells have no run:"]
    return [*lines, *(f"{one.cell.description}: {one.why}" for one in without)]


def _sources(shown: Sequence[RenderedExhibit]) -> list[str]:
    return list(dict.fromkeys(one.source for one in shown if one.source))


def _markdown(title: str, study: StudyFile, shown: Sequence[RenderedExhibit], notes: Sequence[str], boards: str) -> str:
    parts = [f"# {escape_markdown(title)}", study.about, *_sources(shown)]
    for one in shown:
        parts += [f"## {escape_markdown(one.title)}", markdown_table(one.table), one.note]
        parts += [f"![{one.title}]({path.name})" for path in one.pictures if path.suffix == ".svg"]
    parts += ["## Not run", "\n".join(f"- {escape_markdown(line)}" for line in notes)] if notes else []
    parts += ["## Leaderboards", boards] if boards else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _latex(title: str, shown: Sequence[RenderedExhibit]) -> str:
    parts = [part for one in shown for part in (*_pictures(one), *_longtables(one))]
    return "\n\n".join([f"% {escape(title)}", latex.PREAMBLE, "% \\usepackage{graphicx}", *parts]) + "\n"


def _pictures(one: RenderedExhibit) -> list[str]:
    """The figures of an exhibit, as wide as the text; its caption is that of its table, which follows."""
    return [
        f"\\begin{{center}}\\includegraphics[width=\\linewidth,height=0.9\\textheight,keepaspectratio]{{{path.name}}}\\end{{center}}"
        for path in one.pictures
        if path.suffix == ".pdf"
    ]


def _longtables(one: RenderedExhibit) -> Iterator[str]:
    """One table, or several where there are more columns than a page is wide."""
    names = [name for name, sides in one.heads if not sides]
    values = [(name, sides) for name, sides in one.heads if sides]
    number, _, title = one.title.partition(": ")
    rows = [list(line) for line in one.table]
    divided = any(len(sides) > 1 for _, sides in values)
    if divided:
        rows[0] = [*names, *(side for _, sides in values for side in sides)]
    yield from latex.longtables(
        latex.Table(
            rows,
            names=len(names) if values else 1,
            caption=f"{title} ({number} of the study). {one.note}" if title else f"{number}. {one.note}",
            below=one.source,
            label=f"tab:{one.id}",
            over=[(name, len(sides)) for name, sides in values] if divided else (),
        )
    )


def _html(shown: Sequence[RenderedExhibit], notes: Sequence[str]) -> str:
    if not shown and not notes:
        return ""
    parts = ["<section>"]
    for one in shown:
        parts.append(f"<h2 id='{html.escape(one.id, quote=True)}'>{html.escape(one.title)}</h2>")
        parts += [_picture(path, one.title) for path in one.pictures if path.suffix == ".svg"]
        parts.append(_table(one))
        parts += [f"<p class='small'>{html.escape(words)}</p>" for words in (one.note, one.source) if words]
    if notes:
        items = "".join(f"<li>{html.escape(escape(line))}</li>" for line in notes[1:])
        parts.append(f"<details><summary>{html.escape(notes[0])}</summary><ul>{items}</ul></details>")
    return "\n".join([*parts, "</section>"])


def _picture(path: Path, title: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    alt = html.escape(f"{title}; the numbers are in the table below", quote=True)
    return f"<figure class='paper' tabindex='0'><img alt='{alt}' src='data:image/svg+xml;base64,{data}'></figure>"


def _table(one: RenderedExhibit) -> str:
    """Two lines of heads where columns are divided; numbers stand out from places that nobody filled."""
    divided = any(sides for _, sides in one.heads)
    top = "".join(_head(name, sides) for name, sides in one.heads)
    below = "".join(f"<th scope='col'>{side}</th>" for _, sides in one.heads for side in sides)
    names = sum(not sides for _, sides in one.heads) if divided else 2
    lines = "".join(f"<tr>{_line(line[:names], line[names:])}</tr>" for line in one.table[1:])
    label = html.escape(one.title, quote=True)
    return (
        f"<div class='scroll tall' role='region' tabindex='0' aria-label='{label}'><table class='exhibit'>"
        f"<thead><tr>{top}</tr>{f'<tr>{below}</tr>' if divided else ''}</thead><tbody>{lines}</tbody></table></div>"
    )


def _head(name: str, sides: Sequence[str]) -> str:
    spans = f"colspan='{len(sides)}' scope='colgroup'" if sides else "rowspan='2' scope='col'"
    return f"<th {spans}>{html.escape(escape(name))}</th>"


def _line(names: Sequence[str], values: Sequence[str]) -> str:
    heads = [f"<th scope='row'>{html.escape(escape(name))}</th>" for name in names]
    for text in values:
        empty = "" if any(sign.isdigit() for sign in text) else " class='nothing'"
        heads.append(f"<td{empty}>{html.escape(escape(text))}</td>")
    return "".join(heads)
