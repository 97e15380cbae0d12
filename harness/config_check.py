"""What `harness.toml` and the environment say that nothing reads: a slip, which is refused with the nearest name."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.command_config import PREFIX, SECTIONS, command_variables
from harness.command_list import COMMANDS
from harness.config import Settings, check_bounds, coerce_file_value, place, variable_name
from harness.errors import UsageError, nearest, unknown
from harness.plugin import Method

if TYPE_CHECKING:
    from harness.plugin_system.registry import PluginEntry, Registry

VARIABLES = {
    "HARNESS_PLUGINS": "which third parties take part",
    "HARNESS_TRACE_PLUGINS": "1: print each import and hook call of a plugin",
    "HARNESS_VERBOSE": "1: tell each phase of a run with what it took, as -v does",
    "HARNESS_TEST_DATA": "the folder with the real data sets, for the tests of harness itself",
}
"""Variables that belong to no option of a command or plugin, with their meaning."""
LEAST_ALIKE = 0.75
"""How alike a variable and a known one are, of which one may be a slip for the other. Other programs have variables
that begin with HARNESS_, too; those are left alone."""


def check_layers(settings: Settings, registry: Registry) -> None:
    """Refuse sections and keys of the file, and environment variables, that nothing reads.

    Raises:
        UsageError: there is such a one; names it and the nearest name.
    """
    file, tables, environ = settings.layers
    check_file(file, tables, registry)
    check_variables(environ, registry)


def check_file(file: Path, tables: Mapping[str, Any], registry: Registry) -> None:
    """Refuse a section that is no command's and no plugin's, and a key in it that is no option.

    Raises:
        UsageError: names the file, the section or key, and the nearest name.
    """
    for section, table in tables.items():
        if section in SECTIONS:
            continue  # the command reads it
        if not isinstance(table, dict):
            where, sections = place(file, "", section), ", ".join(f"[{name}]" for name in SECTIONS)
            raise UsageError(
                f"{where}: {section} stands in no section; write it below {sections} or a plugin's, [lora]"
            )
        if registry.known(section) == "command":
            continue  # a third party's, which may read the file itself
        kind = _plugin(file, section, registry).plugin.Config
        hints = typing.get_type_hints(kind)
        bounds = {field.name: field.metadata for field in dataclasses.fields(kind)}
        for key, value in table.items():
            if key not in bounds:
                where = place(file, section, key)
                raise unknown(f"option of [{section}]", key, bounds, f"See: harness show {section}", where)
            where = f"{file}: {section}.{key}"
            check_bounds(coerce_file_value(value, hints[key], where), bounds[key], where)


def _plugin(file: Path, section: str, registry: Registry) -> PluginEntry[Any]:
    """The plugin that a section is for."""
    if registry.known(section.partition(":")[0]) is None:
        names = [*SECTIONS, *(entry.name for entry in _entries(registry))]
        raise unknown("section", section, names, "See: harness plugins", place(file, section))
    return registry.find(section)[1]


def check_variables(environ: Mapping[str, str], registry: Registry) -> None:
    """Refuse a variable that looks like one of harness and is none.

    Raises:
        UsageError: names the variable and the nearest one.
    """
    suspects = sorted(name for name in environ if name.startswith(PREFIX) and name not in VARIABLES)
    if not suspects:
        return
    known = {*VARIABLES, *command_variables()}
    suspects = [name for name in suspects if name not in known]
    if not suspects:
        return
    third_parties = tuple(f"{PREFIX}{_words(name)}_" for name, _, _ in registry.commands())
    known |= {variable for name in suspects for variable in _plugin_variables(registry, name)}
    known_ends = {name.removeprefix(PREFIX): name for name in known}
    for name in suspects:
        if name in known or name.startswith(third_parties):
            continue
        close = nearest(name.removeprefix(PREFIX), known_ends, LEAST_ALIKE)
        ours = "__" in name or name.startswith(tuple(f"{PREFIX}{_words(one)}_" for one in COMMANDS))
        if close is not None or ours:
            hint = f" Did you mean {known_ends[close]!r}?" if close else ""
            raise UsageError(f"no environment variable {name!r}.{hint} See: docs/configuration.md, or unset it")


def _words(name: str) -> str:
    return name.upper().replace("-", "_").replace(":", "_")


def _plugin_variables(registry: Registry, wanted: str) -> Iterator[str]:
    """The variables of all plugins' options; those of a family's members, which need a library, only for `wanted`."""
    for entry in _entries(registry):
        members = [entry]
        if isinstance(entry.plugin, Method) and wanted.startswith(f"{PREFIX}{_words(entry.name)}_"):
            names = [f"{entry.name}:{name}" for name in entry.plugin.variants()]
            typed = [name for name in names if wanted.startswith(f"{PREFIX}{_words(name)}_")]
            members = [registry.method(name) for name in typed or names] or members
        for member in members:
            yield from (variable_name(member.name, field.name) for field in dataclasses.fields(member.plugin.Config))


def _entries(registry: Registry) -> Iterator[PluginEntry[Any]]:
    from harness.plugin_system.registry import KINDS

    for kind in KINDS:
        yield from registry.entries(kind).values()
