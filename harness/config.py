"""Where a value comes from: flag > environment > file > the plugin's default, and which of them it was.

Options of plugins are the fields of their `Config`. `--set lora.r=32`, `HARNESS_LORA__R=32` and, in `harness.toml`,

    [lora]
    r = 32

say the same. `prompt-tuning.virtual_tokens` is `HARNESS_PROMPT_TUNING__VIRTUAL_TOKENS`. The options of `harness eval`
itself are read by `harness.command_config`; what nothing reads is refused by `harness.config_check`.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.disk import describe_os_error, file_errors
from harness.errors import UsageError, unknown

if TYPE_CHECKING:
    pass

FILE = "harness.toml"


def recorded_config(kind: type, recorded: Mapping[str, Any]) -> Any:
    """The `Config` of a plugin as a run has recorded it; options that came later have their defaults."""
    values = {field.name: recorded[field.name] for field in dataclasses.fields(kind) if field.name in recorded}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def option_text(value: Any) -> str:
    """An option's value as `--set` takes it: the items of a list with commas between them."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """A resolved value and its source: "--set", an environment variable, a file, or a text that begins "default"."""

    value: Any
    source: str

    @property
    def given(self) -> bool:
        """Whether the user set it."""
        return not self.source.startswith("default")


class Settings:
    """Options given by the user, layered; each must be claimed by a plugin, so that no typo is ignored."""

    def __init__(
        self,
        sets: Sequence[str] = (),
        *,
        environ: Mapping[str, str] = os.environ,
        file: Path = Path(FILE),
        request_sources: Mapping[str, str] | None = None,
    ):
        self.request_sources = dict(request_sources or {})
        """Where fields of the request were read, by name; those of a program have no entry."""
        self._environ = environ
        self._file = file
        self._tables = read_file(file)
        self._sets = _read_sets(sets)
        self._claimed: set[str] = set()
        self._defaults: dict[tuple[str, str], Setting] = {}

    def with_sets(self, sets: Sequence[str]) -> Settings:
        """These settings with more of the kind of `--set`; what is claimed of one is claimed of the other."""
        found = copy.copy(self)
        found._sets = self._sets | _read_sets(sets)
        return found

    def with_defaults(self, values: Mapping[str, Any], source: str) -> Settings:
        """These settings over other defaults: `values` by name ("codebleu.flatten"), each of its option's type.

        Defaults that were set before stay.
        """
        found = copy.copy(self)
        options = {tuple(name.rpartition(".")[::2]): Setting(value, source) for name, value in values.items()}
        found._defaults = typing.cast("dict[tuple[str, str], Setting]", options) | self._defaults
        return found

    def config(self, name: str, kind: type) -> tuple[Any, dict[str, Setting]]:
        """The `Config` of the plugin `name`, and every field's value with its source.

        Raises:
            UsageError: an option that `kind` does not have, or a value of the wrong type.
        """
        self._claimed.add(name)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        hints = typing.get_type_hints(kind)
        named = [o for plugin, o in (*self._sets, *self._defaults) if plugin == name]
        for option in named + list(self._table(name)):
            if option not in fields:
                where = place(self._file, name, option) if option in self._table(name) else ""
                raise unknown(f"option of {name}", option, fields, f"See: harness show {name}", where)
        settings = {option: self._setting(name, option, hints[option]) for option in fields}
        for option, setting in settings.items():
            if setting is not None:
                where = self._where(name, option, setting.source)
                check_bounds(setting.value, fields[option].metadata, where)
                if fields[option].metadata.get("file"):
                    settings[option] = Setting(_file_text(setting.value, where), setting.source)
        settings = {option: setting or self._defaults.get((name, option)) for option, setting in settings.items()}
        given = {o: s.value for o, s in settings.items() if s is not None}
        config = kind(**given)
        return config, {o: s or Setting(getattr(config, o), "default") for o, s in settings.items()}

    @property
    def layers(self) -> tuple[Path, Mapping[str, Any], Mapping[str, str]]:
        """The file, its sections, and the environment, which `config_check` looks through."""
        return self._file, self._tables, self._environ

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
        variable = variable_name(name, option)
        if variable in self._environ:
            return Setting(coerce(self._environ[variable], hint, variable), variable)
        if option in self._table(name):
            return Setting(
                coerce_file_value(self._table(name)[option], hint, self._where(name, option, str(self._file))),
                str(self._file),
            )
        return None

    def _where(self, name: str, option: str, source: str) -> str:
        named = {"--set": f"--set {name}.{option}", str(self._file): f"{self._file}: {name}.{option}"}
        return named.get(source, source)


def variable_name(plugin: str, option: str) -> str:
    """The environment variable of an option."""
    return f"HARNESS_{plugin}__{option}".upper().replace("-", "_").replace(":", "_")


def _read_sets(sets: Sequence[str]) -> dict[tuple[str, str], str]:
    found = {}
    for item in sets:
        name, separator, value = item.partition("=")
        plugin, dot, option = name.rpartition(".")
        if not (separator and dot and plugin and option):
            raise UsageError(f"--set {item!r}: write NAME.option=value, for example --set lora.r=32")
        found[plugin, option] = value
    return found


def check_bounds(value: Any, bounds: Mapping[str, Any], where: str) -> None:
    """Refuse a number outside of what `harness.plugin.option` says of it.

    Raises:
        UsageError: it is too small, too large or not finite.
    """
    above, least, most = (bounds.get(name) for name in ("above", "least", "most"))
    limits = [(above, "above"), (least, "at least"), (most, "at most")]
    range_text = " and ".join(f"{word} {limit}" for limit, word in limits if limit is not None)
    if not range_text or isinstance(value, bool) or not isinstance(value, int | float):
        return
    fits = (above is None or value > above) and (least is None or value >= least) and (most is None or value <= most)
    if not (fits and (isinstance(value, int) or math.isfinite(value))):
        raise UsageError(f"{where}: {value} does not do; it must be a number {range_text}")


def coerce_file_value(value: Any, hint: Any, where: str) -> Any:
    """A value of a TOML file as the type `hint`, as `coerce` makes it."""
    return coerce(_as_text(value, hint, where), hint, where)


def _as_text(value: Any, hint: Any, where: str) -> str:
    """A value of a TOML file as the command line would write it."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    listed = any(typing.get_origin(kind) is tuple for kind in kinds)
    items = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not listed:
        raise UsageError(f"{where}: a list does not do here; write one value")
    if any(isinstance(item, list | dict) for item in items):
        raise UsageError(f"{where}: {value!r} does not do here; write {'a list of names' if listed else 'one value'}")
    return ",".join(map(str, items))


def read_file(file: Path) -> dict[str, Any]:
    """The sections of a configuration file; none where it is not there.

    Raises:
        UsageError: it is no TOML.
    """
    if not file.is_file():
        return {}
    try:
        with file_errors(file):
            return tomllib.loads(file.read_text("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not TOML: {error}; write text in quotes and a list in brackets: {_LIST}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


_LIST = 'method = ["lora", "icl"]'
_HEADER = re.compile(r"\s*\[(?P<section>[^\[\]]+)\]")
_KEY = re.compile(r"\s*(?P<key>[\w.:\"'-]+?)\s*=")


def place(file: Path, section: str, key: str = "") -> str:
    """Where a section or a key of it stands in a configuration file: "harness.toml, line 4"."""
    inside = ""
    for number, line in enumerate(file.read_text("utf-8-sig").splitlines(), 1):
        if header := _HEADER.match(line):
            inside = _bare(header["section"])
            if inside == section and not key:
                return f"{file}, line {number}"
        elif (found := _KEY.match(line)) and _bare(found["key"]) == key and inside == section:
            return f"{file}, line {number}"
    return str(file)


def _bare(name: str) -> str:
    return name.strip().strip("\"'")


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


def _file_text(path: str, where: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{where}: {path}: no such file; name one that is there") from None
    except OSError as error:
        raise UsageError(f"{where}: {describe_os_error(error, Path(path))}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: {path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
