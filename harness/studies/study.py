"""A study file: grids of runs in TOML, expanded into cells.

    title = "Does a higher rank help?"

    [[grid]]
    task = ["conala", "codealpacapy"]
    model = ["Salesforce/codegen-350M-mono"]
    method = ["lora", "zero-shot"]
    seed = [42, 777]
    limit = 100
    [grid.options]
    "lora.r" = [8, 16, 32]
    [grid.sweep]
    "lora.learning_rate" = [1e-4, 3e-4, 1e-3]

Every combination of task, model, method, seed and option is a cell; an option applies where its plugin is used. Values
in `sweep` make no cells: each is tuned with every seed, and the cells of its method run with the one that has the
lowest mean validation loss, or the best mean of the metric that `select` names on the validation problems; with
`stop_losers = true` values that cannot win end early. The other keys are those of `harness eval` and apply to the whole
grid; `watch` is of those methods that tune. `[[builtin]]` grids have the same keys and run on the built-in model and
sample. The file is a user's own, or that of a plugin (`harness.plugin.Study`), asked for by its name.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config import check_bounds, option_text
from harness.disk import file_errors
from harness.errors import PluginError, UsageError, unknown
from harness.evaluation.request import NUMBERS, Request
from harness.plugin_system.registry import Registry
from harness.records import digest

DEFAULT_SEED = 42
KINDS = ("grid", "builtin")
_EXPANDED = {"task": str, "model": str, "method": str, "seed": int}
_LISTS = {"metric": ("metrics", str), "k": ("ks", int)}
_SINGLE = {
    "revision": str,
    "candidates": int,
    "max_new_tokens": int,
    "temperature": float,
    "protocol": str,
    "limit": int,
    "select": str,
    "watch": str,
    "chat": bool,
    "thinking": bool,
    "thinking_tokens": int,
    "trust_remote_code": bool,
    "stop_losers": bool,
}


@dataclass(frozen=True)
class Cell:
    """One run of a study: the request, as `harness eval` takes it, and its `--set` options."""

    request: Request
    sets: tuple[str, ...]
    sweep: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Options of which validation chooses one value, and the values."""

    @property
    def id(self) -> str:
        """The id of the cell in the log of the study.

        Logs of versions in which `chat` was false by default stay valid: None and False are exchanged. What is watched
        changes no result.
        """
        chat = {None: False, False: None}.get(self.request.chat, self.request.chat)
        request = replace(self.request, data=None, chat=chat, watch=None)
        return digest([request, self.sets, *([self.sweep] if self.sweep else [])])[:12]

    @property
    def description(self) -> str:
        """The cell in one line: "lora on conala, CodeLlama-7b-hf, lora.r=8, seed 42"."""
        request = self.request
        model = (request.model or "built-in model").rstrip("/").rsplit("/", 1)[-1]
        by = f" by {request.select}" if request.select else ""
        swept = [f"best {name} of {len(values)}{by}" for name, values in self.sweep]
        rules = [f"protocol {request.protocol}"] if request.protocol else []
        parts = [f"{request.method} on {request.task}", model, *rules, *self.sets, *swept, f"seed {request.seed}"]
        return ", ".join(parts)


@dataclass(frozen=True)
class StudyFile:
    """The content of a study file: its title, its description, and its grids."""

    name: str
    title: str
    about: str
    shows: tuple[str, ...]
    """The tables and figures of its report, by the names that plugins give them ("table3", "figure5")."""
    grids: Mapping[str, Sequence[Mapping[str, Any]]]
    """Under "grid" and "builtin"."""
    tokenizer: str | None = None
    """The model whose tokens are counted where a figure shows lengths; None for the built-in model."""
    installed: bool = False
    """Whether it belongs to a plugin; otherwise it is a file of the user."""

    def with_model(self, model: str) -> StudyFile:
        """The study with `model`, a hub id or a folder, in place of every model that its grids name."""
        return replace(self, grids={**self.grids, "grid": [{**grid, "model": [model]} for grid in self.grids["grid"]]})

    def with_protocol(self, protocol: str) -> StudyFile:
        """The study with every run under `protocol` (`harness.plugin.Task.protocols`)."""
        grids = {kind: [{**grid, "protocol": protocol} for grid in grids] for kind, grids in self.grids.items()}
        return replace(self, grids=grids)

    def cells(self, *, builtin: bool = False, data: Mapping[str, Path] | None = None) -> tuple[Cell, ...]:
        """Every cell once, in the order of the file. `data` maps a task to its files, in place of the hub.

        Raises:
            UsageError: the study has no grid of this kind, or `data` names a task that the study does not have.
        """
        data = data or {}
        grids = self.grids["builtin" if builtin else "grid"]
        if not grids:
            kind = "built-in variant (no [[builtin]] grid)" if builtin else "[[grid]]"
            raise UsageError(f"the study {self.name!r} has no {kind}")
        unique = {cell: None for grid in grids for cell in _expand(grid, builtin, data)}
        for task in data:
            if task not in {cell.request.task for cell in unique}:
                raise unknown(f"task in the study {self.name!r}", task, {cell.request.task for cell in unique})
        return tuple(unique)


def installed(registry: Registry) -> list[str]:
    """The names of the studies that plugins offer, built-in ones among them."""
    return sorted(registry.entries("study"))


def read_text(name: str, registry: Registry) -> str:
    """The text of a study: of a file, or of the plugin `name`.

    Raises:
        UsageError: there is neither.
        PluginError: the plugin does not give it.
    """
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise UsageError(f"{name}: no such file")
        with file_errors(Path(name)):
            return Path(name).read_text("utf-8-sig")
    if name not in registry.entries("study"):
        raise unknown("study", name, registry.entries("study"), "See: harness study list; or name a file.toml")
    entry = registry.study(name)
    text = registry.call(entry, f"the text of the study {name!r}", entry.plugin.text)
    if not isinstance(text, str):
        raise PluginError(f"the study {name!r} of {entry.origin.distribution} has no text; see: harness plugins")
    return text


def load(name: str, registry: Registry | None = None) -> StudyFile:
    """The study of a file, or of the plugin `name`.

    Raises:
        UsageError: not TOML, an unknown key, or a value of the wrong type; names the file and the key.
        PluginError: the plugin does not give its file.
    """
    try:
        values = tomllib.loads(read_text(name, registry or Registry()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not TOML: {error}") from None
    known = ("title", "about", "shows", "tokenizer", "grid", "builtin")
    for key in values:
        if key not in known:
            raise unknown(f"key in {name}", key, known)
    grids = {kind: tuple(_validate_grid(g, f"{name}, [[{kind}]]") for g in values.get(kind, [])) for kind in KINDS}
    return StudyFile(
        name=Path(name).stem,
        title=str(values.get("title", Path(name).stem)),
        about=" ".join(str(values.get("about", "")).split()),
        shows=tuple(values.get("shows", ())),
        grids=grids,
        tokenizer=values.get("tokenizer"),
        installed=not name.endswith(".toml"),
    )


def _validate_grid(grid: Any, where: str) -> Mapping[str, Any]:
    """`grid` with every key known and every value of its type; single values of expanded keys become lists."""
    known = [*_EXPANDED, *_LISTS, *_SINGLE, "options", "sweep"]
    if not isinstance(grid, dict):
        raise UsageError(f"{where}: must be a table")
    checked: dict[str, Any] = {}
    for key, value in grid.items():
        if key not in known:
            raise unknown(f"key in {where}", key, known)
        if key in ("options", "sweep"):
            checked[key] = {name: _as_list(v, None, f"{where}: {key}.{name}") for name, v in _flatten_options(value)}
        elif key in _SINGLE:
            checked[key] = _as_list(value, _SINGLE[key], f"{where}: {key}", single=True)[0]
        else:
            checked[key] = _as_list(value, _EXPANDED.get(key) or _LISTS[key][1], f"{where}: {key}")
        for number in checked[key] if isinstance(checked[key], list) else [checked[key]]:
            check_bounds(number, NUMBERS.get(key, {}), f"{where}: {key}")
    for key in ("task", "method"):
        if not checked.get(key):
            raise UsageError(f"{where}: needs {key}")
    for key in ("select", "stop_losers"):
        if checked.get(key) and not checked.get("sweep"):
            raise UsageError(f"{where}: {key}: it is for the settings of a sweep; add a table sweep or leave it out")
    return checked


def _flatten_options(options: Any) -> Iterator[tuple[str, Any]]:
    """Options as "plugin.option", whether written `"lora.r" = 8` or `lora.r = 8`."""
    for name, value in options.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{option}", inner) for option, inner in value.items())
        else:
            yield name, value


def _as_list(value: Any, kind: type | None, where: str, *, single: bool = False) -> list[Any]:
    values = [value] if single or not isinstance(value, list) else value
    for item in values:
        fits = kind is None or type(item) is kind or (kind is float and type(item) is int)
        if not fits:
            raise UsageError(f"{where}: expected {kind.__name__ if kind else ''}, found {item!r}")
    return list(dict.fromkeys(values)) if kind else values


def _expand(grid: Mapping[str, Any], builtin: bool, data: Mapping[str, Path]) -> Iterator[Cell]:
    models = [None] if builtin else grid.get("model", [None])
    fixed = {name: grid[name] for name in _SINGLE if name in grid}
    fixed |= {field: tuple(grid[key]) for key, (field, _) in _LISTS.items() if key in grid}
    for task, model, method, seed in itertools.product(
        grid["task"], models, grid["method"], grid.get("seed", [DEFAULT_SEED])
    ):
        parts = {*method.split("+"), task, *grid.get("metric", ()), grid.get("select"), grid.get("watch")}
        options = {k: v for k, v in grid.get("options", {}).items() if k.rpartition(".")[0] in parts}
        request = Request(method, task, model, data=data.get(task), seed=seed, **fixed)
        swept = grid.get("sweep", {}).items()
        sweep = tuple((k, tuple(map(option_text, v))) for k, v in swept if k.rpartition(".")[0] in method.split("+"))
        request = request if sweep else replace(request, select=None, stop_losers=False)
        for values in itertools.product(*options.values()):
            yield Cell(request, tuple(f"{k}={option_text(v)}" for k, v in zip(options, values, strict=True)), sweep)
