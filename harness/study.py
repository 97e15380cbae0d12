"""A study: a grid of runs in a TOML file, expanded into cells.

    title = "Does a higher rank help?"

    [[grid]]
    task = ["conala", "codealpacapy"]
    model = ["Salesforce/codegen-350M-mono"]
    method = ["lora", "zero-shot"]
    seed = [42, 777]
    limit = 100
    [grid.options]
    "lora.r" = [8, 16, 32]

Every combination of task, model, method, seed and option is a cell; an option takes part where its plugin does. The
other keys are those of `harness eval` and hold for the whole grid. `[[builtin]]` grids have the same keys and run on
the built-in model and sample.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from harness.errors import UsageError, unknown
from harness.plan import Request
from harness.records import digest

_SHIPPED = resources.files("harness") / "studies"
DEFAULT_SEED = 42
KINDS = ("grid", "builtin")
_EXPANDED = {"task": str, "model": str, "method": str, "seed": int}
_LISTS = {"metric": ("metrics", str), "k": ("ks", int)}
_SINGLE = {
    "revision": str,
    "candidates": int,
    "max_new_tokens": int,
    "temperature": float,
    "limit": int,
    "chat": bool,
    "trust_remote_code": bool,
}


@dataclass(frozen=True)
class Cell:
    """One run of a study: what `harness eval` would be asked, and its `--set` options."""

    request: Request
    sets: tuple[str, ...]

    @property
    def id(self) -> str:
        """Names the cell in the study's log."""
        return digest([replace(self.request, data=None), self.sets])[:12]

    @property
    def words(self) -> str:
        """The cell in a line: "lora on conala, CodeLlama-7b-hf, lora.r=8, seed 42"."""
        request = self.request
        model = (request.model or "built-in model").rstrip("/").rsplit("/", 1)[-1]
        return ", ".join([f"{request.method} on {request.task}", model, *self.sets, f"seed {request.seed}"])


@dataclass(frozen=True)
class Study:
    """A study file: its title, what it answers, and its grids."""

    name: str
    title: str
    about: str
    shows: tuple[str, ...]
    """The published tables and figures that its runs fill ("table3", "figure5")."""
    grids: Mapping[str, Sequence[Mapping[str, Any]]]
    """Under "grid" and "builtin"."""
    tokenizer: str | None = None
    """The model whose tokens are counted where a figure shows lengths; None for the built-in model."""

    def cells(self, *, builtin: bool = False, data: Mapping[str, Path] | None = None) -> tuple[Cell, ...]:
        """Every cell once, in the order of the file. `data` holds the files of a task in place of the hub's.

        Raises:
            UsageError: the study has no grid of this kind, or `data` names a task that it has not.
        """
        data = data or {}
        grids = self.grids["builtin" if builtin else "grid"]
        if not grids:
            kind = "built-in variant (no [[builtin]] grid)" if builtin else "[[grid]]"
            raise UsageError(f"the study {self.name!r} has no {kind}")
        found = {cell: None for grid in grids for cell in _expand(grid, builtin, data)}
        for task in data:
            if task not in {cell.request.task for cell in found}:
                raise unknown(f"task in the study {self.name!r}", task, {cell.request.task for cell in found})
        return tuple(found)


def shipped() -> list[str]:
    """The names of the studies in the package."""
    return sorted(file.name.removesuffix(".toml") for file in _SHIPPED.iterdir() if file.name.endswith(".toml"))


def read(name: str) -> str:
    """The text of a study: a file, or the name of one in the package.

    Raises:
        UsageError: there is neither.
    """
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise UsageError(f"{name}: no such file")
        return Path(name).read_text("utf-8")
    if name not in shipped():
        raise unknown("study", name, shipped(), "See: harness study list; or name a file.toml")
    return (_SHIPPED / f"{name}.toml").read_text("utf-8")


def load(name: str) -> Study:
    """The study of a file or of the package.

    Raises:
        UsageError: not TOML, an unknown key, or a value of the wrong type; names the file and the key.
    """
    try:
        values = tomllib.loads(read(name))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not TOML: {error}") from None
    known = ("title", "about", "shows", "tokenizer", "grid", "builtin")
    for key in values:
        if key not in known:
            raise unknown(f"key in {name}", key, known)
    grids = {kind: tuple(_checked(g, f"{name}, [[{kind}]]") for g in values.get(kind, [])) for kind in KINDS}
    return Study(
        name=Path(name).stem,
        title=str(values.get("title", Path(name).stem)),
        about=" ".join(str(values.get("about", "")).split()),
        shows=tuple(values.get("shows", ())),
        grids=grids,
        tokenizer=values.get("tokenizer"),
    )


def _checked(grid: Any, where: str) -> Mapping[str, Any]:
    """`grid` with every key known and every value of its type; single values of expanded keys become lists."""
    known = [*_EXPANDED, *_LISTS, *_SINGLE, "options"]
    if not isinstance(grid, dict):
        raise UsageError(f"{where}: must be a table")
    found: dict[str, Any] = {}
    for key, value in grid.items():
        if key not in known:
            raise unknown(f"key in {where}", key, known)
        if key == "options":
            found[key] = {name: _list(v, None, f"{where}: options.{name}") for name, v in _flat(value)}
        elif key in _SINGLE:
            found[key] = _list(value, _SINGLE[key], f"{where}: {key}", single=True)[0]
        else:
            found[key] = _list(value, _EXPANDED.get(key) or _LISTS[key][1], f"{where}: {key}")
    for key in ("task", "method"):
        if not found.get(key):
            raise UsageError(f"{where}: needs {key}")
    return found


def _flat(options: Any) -> Iterator[tuple[str, Any]]:
    """Options as "plugin.option", whether written `"lora.r" = 8` or `lora.r = 8`."""
    for name, value in options.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{option}", inner) for option, inner in value.items())
        else:
            yield name, value


def _list(value: Any, kind: type | None, where: str, *, single: bool = False) -> list[Any]:
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
        parts = {*method.split("+"), task, *grid.get("metric", ())}
        options = {k: v for k, v in grid.get("options", {}).items() if k.rpartition(".")[0] in parts}
        request = Request(method, task, model, data=data.get(task), seed=seed, **fixed)
        for values in itertools.product(*options.values()):
            yield Cell(request, tuple(f"{k}={_text(v)}" for k, v in zip(options, values, strict=True)))


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
