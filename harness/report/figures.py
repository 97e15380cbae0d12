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
    if how is None or not any(v.number or v.published is not None for line in exhibit.lines for v in line.values):
        return []
    plt = _pyplot()
    figure = how(plt, exhibit)
    figure.suptitle(exhibit.title, fontsize=10)
    return _save(plt, figure, folder / exhibit.id)


def draw_lengths(found: Sequence[Lengths], folder: Path) -> list[Path]:
    """Figure 2 as boxes from the 5th to the 95th percentile, on a logarithmic axis."""
    shown = [one for one in found if one.tokens]
    if not shown:
        return []
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(shown) + 1.2), layout="constrained")
    labels = [f"{one.task}, {one.what}" for one in shown]
    tokens = [one.tokens for one in shown]
    axes.boxplot(tokens, orientation="horizontal", whis=(5, 95), showfliers=False, tick_labels=labels)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("tokens")
    figure.suptitle("Figure 2: token lengths", fontsize=10)
    return _save(plt, figure, folder / "figure2")


def _save(plt: Any, figure: Any, stem: Path) -> list[Path]:
    paths = [stem.with_suffix(ending) for ending in (".svg", ".png")]
    for path in paths:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    plt.close(figure)
    return paths


def _panels(plt: Any, exhibit: Exhibit, height: float) -> tuple[Any, list[tuple[Any, list[Line]]]]:
    """A figure with an axis for each task where lines begin with one, else a single axis; the lines of each."""
    tasks = list(dict.fromkeys(line.names[0] for line in exhibit.lines)) if exhibit.heads[0] == "task" else [""]
    figure, axes = plt.subplots(1, len(tasks), figsize=(5.5 * len(tasks), height), layout="constrained", squeeze=False)
    panels = []
    for axis, task in zip(axes[0], tasks, strict=True):
        axis.set_title(task, fontsize=9)
        panels.append((axis, [line for line in exhibit.lines if not task or line.names[0] == task]))
    return figure, panels


def _bars(plt: Any, exhibit: Exhibit) -> Any:
    height = 0.32 * max(4, len(exhibit.lines) / (2 if exhibit.heads[0] == "task" else 1)) + 1.2
    figure, panels = _panels(plt, exhibit, height)
    for axis, lines in panels:
        kept = [line for line in lines if line.values[0].number or line.values[0].published is not None]
        for y, line in enumerate(kept):
            value = line.values[0]
            if value.published is not None:
                axis.barh(y - 0.2, value.published, 0.36, color="none", edgecolor="#4a4a4a", label="published")
            if value.number:
                middle, low, high = value.number
                axis.barh(y + 0.2, middle, 0.36, color=COLOURS[0], label="ours")
                axis.plot([low, high], [y + 0.2] * 2, color="#1b1f24", linewidth=1)
        names = [", ".join(line.names[1:] if exhibit.heads[0] == "task" else line.names) for line in kept]
        axis.set_yticks(range(len(kept)), names)
        axis.invert_yaxis()
        axis.set_xlabel(exhibit.columns[0])
        _legend(axis)
    return figure


def _scatter(plt: Any, exhibit: Exhibit) -> Any:
    figure, panels = _panels(plt, exhibit, 4.2)
    for axis, lines in panels:
        for i, line in enumerate(lines):
            style = {"marker": MARKERS[i % 8], "color": COLOURS[i // 8 % 8 if len(lines) > 8 else i % 8]}
            x, y = (value.number for value in line.values)
            label = ", ".join(line.names[1:])
            if x and y:
                axis.plot(x[0], y[0], linestyle="none", label=label, **style)
            if all(value.published is not None for value in line.values):
                place = [value.published for value in line.values]
                axis.plot(*place, linestyle="none", fillstyle="none", label=f"{label} (published)", **style)
        axis.set_xlabel(exhibit.columns[0])
        axis.set_ylabel(exhibit.columns[1])
        _legend(axis)
    return figure


def _curves(plt: Any, exhibit: Exhibit) -> Any:
    figure, panels = _panels(plt, exhibit, 4.2)
    for axis, lines in panels:
        series: dict[tuple[str, ...], list[Line]] = {}
        for line in lines:
            series.setdefault(line.names[1:3], []).append(line)
        for i, (names, members) in enumerate(series.items()):
            colour, label = COLOURS[i % 8], ", ".join(names)
            done = sorted((float(m.names[3]), m.values[0].number) for m in members if m.values[0].number)
            if len(members) == 1:  # no number of examples: a level to compare with
                for _, number in done:
                    axis.axhline(number[0], color=colour, linestyle="--", label=label)
            elif done:
                middles = [number[0] for _, number in done]
                ends = [[n[0] - n[1] for _, n in done], [n[2] - n[0] for _, n in done]]
                axis.errorbar([x for x, _ in done], middles, ends, color=colour, marker=MARKERS[i % 8], label=label)
            best = next((m.values[0].published for m in members if m.values[0].published is not None), None)
            if best is not None:
                axis.axhline(best, color=colour, linestyle=":", label=f"{label} (published best)")
        axis.set_xlabel("examples in the prompt")
        axis.set_ylabel(exhibit.columns[0])
        _legend(axis)
    return figure


def _legend(axis: Any) -> None:
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        axis.legend(once.values(), once.keys(), fontsize=6)
