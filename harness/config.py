"""Where a value comes from: flag > environment > file > the plugin's default, and which of them it was.

Options of plugins are the fields of their `Config`. `--set lora.r=32`, `HARNESS_LORA__R=32` and, in `harness.toml`,

    [lora]
    r = 32

say the same. `prompt-tuning.virtual_tokens` is `HARNESS_PROMPT_TUNING__VIRTUAL_TOKENS`.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError, unknown

FILE = "harness.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """A resolved value and its source: "--set", an environment variable, a file, or "default"."""

    value: Any
    source: str


class Settings:
    """Options given by the user, layered; each must be claimed by a plugin, so that no typo is ignored."""

    def __init__(self, sets: Sequence[str] = (), *, environ: Mapping[str, str] = os.environ, file: Path = Path(FILE)):
        self._environ = environ
        self._file = file
        self._tables = _read_file(file)
        self._sets: dict[tuple[str, str], str] = {}
        for item in sets:
            name, separator, value = item.partition("=")
            plugin, dot, option = name.rpartition(".")
            if not (separator and dot and plugin and option):
                raise UsageError(f"--set {item!r}: write NAME.option=value, for example --set lora.r=32")
            self._sets[plugin, option] = value
        self._claimed: set[str] = set()

    def config(self, name: str, kind: type) -> tuple[Any, dict[str, Setting]]:
        """The `Config` of the plugin `name`, and every field's value with its source.

        Raises:
            UsageError: an option that `kind` does not have, or a value of the wrong type.
        """
        self._claimed.add(name)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        hints = typing.get_type_hints(kind)
        for option in [o for plugin, o in self._sets if plugin == name] + list(self._table(name)):
            if option not in fields:
                raise unknown(f"option of {name}", option, fields, f"See: harness show {name}")
        settings = {option: self._setting(name, option, hints[option]) for option in fields}
        given = {o: s.value for o, s in settings.items() if s is not None}
        config = kind(**given)
        return config, {o: s or Setting(getattr(config, o), "default") for o, s in settings.items()}

    def check_claimed(self) -> None:
        """Refuse `--set` for a plugin that takes no part in this command."""
        for plugin, option in self._sets:
            if plugin not in self._claimed:
                raise unknown(
                    "plugin in this command for --set", f"{plugin}", self._claimed, f"(--set {plugin}.{option})"
                )

    def _table(self, name: str) -> dict[str, Any]:
        table = self._tables.get(name, {})
        if not isinstance(table, dict):
            raise UsageError(f"{self._file}: [{name}] must be a table of options")
        return table

    def _setting(self, name: str, option: str, hint: Any) -> Setting | None:
        if (name, option) in self._sets:
            return Setting(coerce(self._sets[name, option], hint, f"--set {name}.{option}"), "--set")
        variable = f"HARNESS_{name}__{option}".upper().replace("-", "_").replace(":", "_")
        if variable in self._environ:
            return Setting(coerce(self._environ[variable], hint, variable), variable)
        if option in self._table(name):
            value = self._table(name)[option]
            value = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            return Setting(coerce(value, hint, f"{self._file}: {name}.{option}"), str(self._file))
        return None


def _read_file(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not TOML: {error}") from None


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def coerce(text: str, hint: Any, where: str) -> Any:
    """`text` as the type `hint`: bool, int, float, str, a tuple of them (comma separated), or one of them or None."""
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        kinds = [k for k in typing.get_args(hint) if k is not type(None)]
        chosen = typing.get_origin(kinds[0]) is typing.Literal and text in typing.get_args(kinds[0])
        if len(kinds) < len(typing.get_args(hint)) and text.lower() in ("none", "null", "") and not chosen:
            return None
        return coerce(text, kinds[0], where)
    if origin is tuple:
        kind = typing.get_args(hint)[0]
        return tuple(coerce(item.strip(), kind, where) for item in text.split(",") if item.strip())
    if origin is typing.Literal:
        if text not in typing.get_args(hint):
            raise unknown(f"value for {where}", text, map(str, typing.get_args(hint)))
        return text
    if hint is bool:
        if text.lower() not in _WORDS:
            raise UsageError(f"{where}: {text!r} is neither true nor false")
        return _WORDS[text.lower()]
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            raise UsageError(f"{where}: {text!r} is not {'a whole number' if hint is int else 'a number'}") from None
    return text
