"""The exhibits as SVG and PNG, through matplotlib (the extra `plots`). Ours is filled, the published value hollow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import MissingLibrary
from harness.report.exhibits import Exhibit, Line
from harness.report.lengths import Lengths

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a7a00", "#56b4e9", "#9c2b2b", "#4a4a4a")
"""Wong 2011 (Nature Methods 8, 441), two darkened for white paper: told apart with any colour vision."""
MARKERS = "osD^vP*X"
LEVELS = ("--", ":", "-.")
"""Of lines across a panel, told apart as the markers are."""


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingLibrary("matplotlib", "drawing figures", "plots") from None
    mpl.use("Agg")
    # The same numbers give the same file, byte for byte.
    mpl.rcParams.update({"svg.hashsalt": "harness", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt

    return plt


def draw(exhibit: Exhibit, folder: Path) -> list[Path]:
    """`<id>.svg` and `<id>.png` of a figure; nothing for a table or for one without any number."""
    how = {"bars": _bars, "scatter": _scatter, "curves": _curves}.get(exhibit.form)
    if how is None or not any(_has_number(line) for line in exhibit.lines):
        return []
    plt = _pyplot()
    figure, axes = _panels(plt, exhibit)
    for axis, lines in axes:
        shown = [line for line in lines if _has_number(line)]
        if shown:
            how(axis, exhibit, shown)
        else:
            axis.set(xticks=[], yticks=[])
            axis.text(0.5, 0.5, "not run", ha="center", va="center", transform=axis.transAxes)
    _legend(figure, [axis for axis, _ in axes])
    figure.suptitle(exhibit.title, fontsize=11)
    return _save(plt, figure, folder / exhibit.id)


def _has_number(line: Line) -> bool:
    return any(value.number or isinstance(value.published, float) for value in line.values)


def draw_lengths(found: Sequence[Lengths], folder: Path) -> list[Path]:
    """Figure 2 as boxes from the 5th to the 95th percentile, on a logarithmic axis."""
    shown = [one for one in found if one.tokens]
    if not shown:
        return []
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(shown) + 1.2), layout="constrained")
    labels = [f"{one.task}, {one.what}" for one in shown]
    tokens = [one.tokens for one in shown]
    look = {"boxprops": {"facecolor": "#cfe3f1"}, "medianprops": {"color": COLOURS[1], "linewidth": 2}}
    axes.boxplot(
        tokens, orientation="horizontal", whis=(5, 95), showfliers=False, tick_labels=labels, patch_artist=True, **look
    )
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(plt.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("tokens (box: middle half, whiskers: 5 % to 95 %)")
    figure.suptitle("Figure 2: token lengths", fontsize=11)
    return _save(plt, figure, folder / "figure2")


def _save(plt: Any, figure: Any, stem: Path) -> list[Path]:
    paths = [stem.with_suffix(ending) for ending in (".svg", ".png")]
    for path in paths:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    plt.close(figure)
    return paths


def _panels(plt: Any, exhibit: Exhibit) -> tuple[Any, list[tuple[Any, list[Line]]]]:
    """A figure with an axis for each task where lines begin with one, else a single axis; the lines of each."""
    tasks = list(dict.fromkeys(line.names[0] for line in exhibit.lines)) if exhibit.heads[0] == "task" else [""]
    parts = [[line for line in exhibit.lines if not task or line.names[0] == task] for task in tasks]
    longest = max(sum(_has_number(line) for line in lines) for lines in parts)
    size = (5.5 * len(tasks) + (2 if len(tasks) == 1 else 0), 1.8 + 0.34 * max(4, longest))
    size = size if exhibit.form == "bars" else (size[0], 4.6)
    figure, axes = plt.subplots(1, len(tasks), figsize=size, layout="constrained", squeeze=False)
    for axis, task in zip(axes[0], tasks, strict=True):
        axis.set_title(task, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
    return figure, list(zip(axes[0], parts, strict=True))


def _unit(column: str) -> str:
    """The column as the label of an axis; everything but memory is a share."""
    return column if "GB" in column else f"{column} (%)"


def _bars(axis: Any, exhibit: Exhibit, lines: Sequence[Line]) -> None:
    for y, line in enumerate(lines):
        value = line.values[0]
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
    axis.set_xlabel(_unit(exhibit.columns[0]))


def _styles(exhibit: Exhibit) -> dict[tuple[str, ...], dict[str, Any]]:
    """Colour and marker of each line's names: the colour tells the model, or the method where there is one model."""
    keys = list(dict.fromkeys(line.names[1:3] for line in exhibit.lines))
    models = list(dict.fromkeys(key[0] for key in keys))
    methods = list(dict.fromkeys(key[-1] for key in keys if len(key) > 1)) or [""]
    found = {}
    for key in keys:
        model, method = models.index(key[0]), methods.index(key[-1]) if len(key) > 1 else 0
        colour = model if len(models) > 1 else method
        found[key] = {"color": COLOURS[colour % 8], "marker": MARKERS[(method + colour // 8) % 8]}
    return found


def _scatter(axis: Any, exhibit: Exhibit, lines: Sequence[Line]) -> None:
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
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)
    axis.set_xlabel(_unit(exhibit.columns[0]))
    axis.set_ylabel(_unit(exhibit.columns[1]))


def _curves(axis: Any, exhibit: Exhibit, lines: Sequence[Line]) -> None:
    """Methods with several numbers of examples as curves, others as levels; published values on the right edge."""
    styles = _styles(exhibit)
    series: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        series.setdefault(line.names[1:3], []).append(line)
    ours = [names for names, members in series.items() if any(m.values[0].number for m in members)]
    for names, members in series.items():
        style, label = styles[names], ", ".join(names)
        if names in ours:  # apart from each other, so that intervals at the same place can be seen
            _curve(axis, members, style, label, 0.08 * (ours.index(names) - (len(ours) - 1) / 2))
        best = next((m.values[0].published for m in members if m.values[0].published is not None), None)
        if best is not None:
            edge = axis.get_yaxis_transform()
            words = f"{label} (published, at the right)"
            axis.plot(
                [1], [best], transform=edge, clip_on=False, linestyle="none", fillstyle="none", label=words, **style
            )
    axis.set_ylim(bottom=0)
    axis.set_xticks(sorted({int(m.names[3]) for name in ours for m in series[name] if m.names[3].isdecimal()}))
    axis.set_xlabel("examples in the prompt")
    axis.set_ylabel(_unit(exhibit.columns[0]))


def _curve(axis: Any, members: Sequence[Line], style: dict[str, Any], label: str, shift: float) -> None:
    done = [(m.names[3], m.values[0].number) for m in members if m.values[0].number]
    points = sorted((float(x), number) for x, number in done if x.isdecimal())
    if points:
        middles = [number[0] for _, number in points]
        ends = [[n[0] - n[1] for _, n in points], [n[2] - n[0] for _, n in points]]
        axis.errorbar([x + shift for x, _ in points], middles, ends, capsize=2, label=label, **style)
    if len(members) == 1:  # one number of examples, or none: a level to compare with
        for _, number in done:
            words = None if points else label
            dash = LEVELS[MARKERS.index(style["marker"]) % len(LEVELS)]
            axis.axhline(number[0], color=style["color"], linestyle=dash, linewidth=1, label=words)


def _legend(figure: Any, axes: Sequence[Any]) -> None:
    """One for all panels, below them."""
    once: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        once |= dict(zip(labels, handles, strict=True))
    if once:
        figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=min(4, len(once)), fontsize=7)
