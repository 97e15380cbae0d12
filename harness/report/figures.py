"""The exhibits as SVG, PDF and PNG, through matplotlib (the extra `plots`). Ours is filled, the published value hollow.

A figure has no title inside: the page, the caption or the heading above it says what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.disk import file_errors
from harness.errors import MissingLibrary
from harness.report.exhibits import OURS, Exhibit, Line

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a7a00", "#56b4e9", "#9c2b2b", "#4a4a4a")
"""Wong 2011 (Nature Methods 8, 441), two darkened for white paper: told apart with any colour vision."""
MARKERS = "osD^vP*X"
LEVELS = ("--", ":", "-.")
"""Of lines across a panel, told apart as the markers are."""


def pyplot() -> Any:
    """`matplotlib.pyplot` in the look of all figures.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingLibrary("matplotlib", "drawing figures", "plots") from None
    mpl.use("Agg")
    # The same numbers give the same file, byte for byte.
    mpl.rcParams.update({"svg.hashsalt": "harness", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 8})
    mpl.rcParams["text.parse_math"] = False  # a name with a dollar sign is no formula
    import matplotlib.pyplot as plt

    return plt


WIDTH, DPI = 4.8, 300
"""Inches that a figure is wide: the text of an article, so that letters keep their size; dots per inch of a PNG."""


@dataclass(frozen=True)
class Panel:
    """One axis of a figure: its words, its lines, and which value of the lines it shows."""

    title: str
    lines: Sequence[Line]
    column: int = 0


def draw(exhibit: Exhibit, folder: Path) -> list[Path]:
    """`<id>.svg`, `.pdf` and `.png` of a figure; nothing for a table or for one without any number."""
    if exhibit.draw is not None:
        return exhibit.draw(folder)
    how = {"bars": _bars, "scatter": _scatter, "curves": _curves}.get(exhibit.form)
    if how is None or not (panels := _panels(exhibit)):
        return []
    plt = pyplot()
    heights = [0.7 + 0.17 * max(3, len(panel.lines)) if exhibit.form == "bars" else 2.6 for panel in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(WIDTH, sum(heights)),
        layout="constrained",
        squeeze=False,
        height_ratios=heights,
    )
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        axis.set_title(panel.title, fontsize=8, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
        how(axis, exhibit, panel)
    _legend(figure, list(axes[:, 0]))
    return save(plt, figure, folder / exhibit.id)


def _is_drawn(exhibit: Exhibit, line: Line, column: int) -> bool:
    """Whether the line has a number to draw: in a scatter ours needs both, and published ones the first."""
    if exhibit.form == "scatter":
        return all(value.number for value in line.values) or isinstance(line.values[0].published, float)
    return bool(line.values[column].number) or isinstance(line.values[column].published, float)


def save(plt: Any, figure: Any, stem: Path) -> list[Path]:
    """Write a figure as `stem`.svg, .pdf and .png, the same numbers as the same bytes."""
    without = {".svg": "Date", ".pdf": "CreationDate", ".png": "Software"}
    paths = [stem.with_suffix(ending) for ending in without]
    for path in paths:
        with file_errors(path):
            figure.savefig(path, dpi=DPI, metadata={without[path.suffix]: None})
    plt.close(figure)
    return paths


def _panels(exhibit: Exhibit) -> list[Panel]:
    """A panel for each task where lines begin with one, and for each column of bars.

    The built-in model and sample have panels of their own: their values say nothing beside published ones.
    """
    tasks = list(dict.fromkeys(line.names[0] for line in exhibit.lines)) if exhibit.heads[0] == "task" else [""]
    columns = range(len(exhibit.columns)) if exhibit.form == "bars" else [0]
    found = []
    for task, builtin, column in itertools.product(tasks, (False, True), columns):
        lines = [
            line
            for line in exhibit.lines
            if (not task or line.names[0] == task)
            and (OURS in line.names) == builtin
            and _is_drawn(exhibit, line, column)
        ]
        if lines:
            words = [task, "built-in model and sample" if builtin else ""]
            found.append(Panel(", ".join(word for word in words if word), lines, column))
    return found


def _label(exhibit: Exhibit, column: int) -> str:
    """A column as the label of an axis, with its unit."""
    name = exhibit.columns[column]
    unit = exhibit.units.get(name, "%")
    return f"{name} ({unit})" if unit else name


def _bars(axis: Any, exhibit: Exhibit, panel: Panel) -> None:
    lines = panel.lines
    for y, line in enumerate(lines):
        value = line.values[panel.column]
        both = value.number is not None and value.published is not None
        if isinstance(value.published, float):
            at = y + 0.2 * both
            axis.barh(at, value.published, 0.36, color="none", edgecolor="#4a4a4a", label="published")
            axis.annotate(f" {value.published:.1f}", (value.published, at), va="center", fontsize=7)
        if value.number:
            middle, low, high = value.number
            at = y - 0.2 * both
            axis.barh(at, middle, 0.36, color=COLOURS[0], label="ours, with its 95 % interval")
            axis.plot([low, high], [at] * 2, color="#1b1f24", linewidth=1)
            axis.annotate(f" {middle:.1f}", (high, at), va="center", fontsize=7)
    names = [", ".join(line.names[1:] if exhibit.heads[0] == "task" else line.names) for line in lines]
    axis.set_yticks(range(len(lines)), names)
    axis.set_ylim(len(lines) - 0.4, -0.6)
    axis.set_xlim(left=0)
    axis.margins(x=0.12)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel(_label(exhibit, panel.column))


def _styles(exhibit: Exhibit) -> dict[tuple[str, ...], dict[str, Any]]:
    """Colour and marker of each line's names: the colour tells the model, or the method where there is one model."""
    keys = list(dict.fromkeys(line.names[1:3] for line in exhibit.lines))
    models = list(dict.fromkeys(key[0] for key in keys))
    methods = list(dict.fromkeys(key[-1] for key in keys if len(key) > 1)) or [""]
    styles = {}
    for key in keys:
        model, method = models.index(key[0]), methods.index(key[-1]) if len(key) > 1 else 0
        colour = model if len(models) > 1 else method
        styles[key] = {"color": COLOURS[colour % 8], "marker": MARKERS[(method + colour // 8) % 8]}
    return styles


def _scatter(axis: Any, exhibit: Exhibit, panel: Panel) -> None:
    lines = panel.lines
    styles = _styles(exhibit)
    for line in lines:
        style, label = styles[line.names[1:3]], ", ".join(line.names[1:])
        x, y = (value.number for value in line.values)
        known = [value.published for value in line.values]
        if x and y:
            ends = [[[n[0] - n[1]], [n[2] - n[0]]] for n in (x, y)]
            axis.errorbar(x[0], y[0], ends[1], ends[0], linestyle="none", linewidth=0.6, label=label, **style)
        if None not in known:
            axis.plot(*known, linestyle="none", fillstyle="none", label=f"{label} (published)", **style)
        elif known[0] is not None:
            dash = LEVELS[MARKERS.index(style["marker"]) % len(LEVELS)]
            axis.axvline(known[0], color=style["color"], linestyle=dash, linewidth=1, label=f"{label} (published)")
    for limits, most in ((axis.set_xlim, axis.dataLim.x1), (axis.set_ylim, axis.dataLim.y1)):
        limits(0, 1.06 * most if 0 < most < float("inf") else None)  # so that no mark lies across the edge
    axis.set_xlabel(_label(exhibit, 0))
    axis.set_ylabel(_label(exhibit, 1))
    values = [value for line in lines for value in line.values[1:]]
    if all(value.number is None and value.published is None for value in values):
        axis.set_yticks([])  # published values of the first column alone, as lines
        axis.set_ylabel("")


def _curves(axis: Any, exhibit: Exhibit, panel: Panel) -> None:
    """Methods with several numbers of examples as curves, others as levels; published values on the right edge."""
    styles = _styles(exhibit)
    series: dict[tuple[str, ...], list[Line]] = {}
    for line in panel.lines:
        series.setdefault(line.names[1:3], []).append(line)
    ours = [names for names, members in series.items() if any(m.values[0].number for m in members)]
    for names, members in series.items():
        style, label = styles[names], ", ".join(names)
        if names in ours:  # apart from each other, so that intervals at the same place can be seen
            _curve(axis, members, style, label, 0.08 * (ours.index(names) - (len(ours) - 1) / 2))
        best = next((m.values[0].published for m in members if m.values[0].published is not None), None)
        if best is not None:
            edge = axis.get_yaxis_transform()
            published_label = f"{label} (published)"
            axis.plot(
                [1],
                [best],
                transform=edge,
                clip_on=False,
                linestyle="none",
                fillstyle="none",
                label=published_label,
                **style,
            )
    axis.set_ylim(bottom=0)
    axis.set_xticks(sorted({int(m.names[3]) for name in ours for m in series[name] if m.names[3].isdecimal()}))
    axis.set_xlabel("examples in the prompt (published values: at the right edge)")
    axis.set_ylabel(_label(exhibit, 0))


def _curve(axis: Any, members: Sequence[Line], style: dict[str, Any], label: str, shift: float) -> None:
    done = [(m.names[3], m.values[0].number) for m in members if m.values[0].number]
    points = sorted((float(x), number) for x, number in done if x.isdecimal())
    if points:
        middles = [number[0] for _, number in points]
        ends = [[n[0] - n[1] for _, n in points], [n[2] - n[0] for _, n in points]]
        axis.errorbar([x + shift for x, _ in points], middles, ends, capsize=2, label=label, **style)
    if len(members) == 1:  # one number of examples, or none: a level to compare with
        for _, number in done:
            level_label = None if points else label
            dash = LEVELS[MARKERS.index(style["marker"]) % len(LEVELS)]
            axis.axhline(number[0], color=style["color"], linestyle=dash, linewidth=1, label=level_label)


_LEGEND_WORDS = 36
"""Letters of a legend's entry that leave room for two of them beside each other."""


def _legend(figure: Any, axes: Sequence[Any]) -> None:
    """One for all panels, below them; the figure grows by its lines."""
    once: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        once |= dict(zip(labels, handles, strict=True))
    if not once:
        return
    columns = 2 if max(map(len, once)) <= _LEGEND_WORDS else 1
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.2 + 0.14 * -(-len(once) // columns))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=columns, fontsize=7)
