"""Options of commands from the environment and from `harness.toml`, beside the command line.

Every option of a built-in command has a variable, `HARNESS_EVAL_MAX_NEW_TOKENS`. Those of `harness eval` may stand in
the section `[eval]` of the file as well, under their names with _ for -.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from harness.command_list import COMMANDS
from harness.config import FILE, place, read_file
from harness.errors import UsageError, unknown

PREFIX = "HARNESS_"
SECTIONS = ("eval",)
"""Commands whose options may stand in the file."""
_NOT_IN_A_FILE = {
    "set": "write the option below its plugin's section, like [lora]",
    "trust_remote_code": "it is consent; give it on the command line",
    "i_accept_unsafe_execution": "it is consent; give it on the command line",
}
"""A file comes with a folder that somebody else may have written."""


def key(option: click.Parameter) -> str:
    """What an option is called in the file: the last of its long names, `max_new_tokens`; `k` for `-k`."""
    return max(option.opts, key=len).lstrip("-").replace("-", "_")


def options(command: click.Command) -> list[click.Option]:
    """The options of a command."""
    return [one for one in command.params if isinstance(one, click.Option)]


def set_variables(command: click.Command, path: str) -> click.Command:
    """Give every option of `command`, and of the commands below it, its variable: `HARNESS_STUDY_RUN_MODEL`."""
    for option in options(command):
        option.envvar = f"{PREFIX}{path}_{key(option)}".upper()
        option.allow_from_autoenv = False
    for name, inner in command.commands.items() if isinstance(command, click.Group) else ():
        set_variables(inner, f"{path}_{name}")
    return command


def command_variables() -> Iterator[str]:
    """The variables of all built-in commands."""
    for name in COMMANDS:
        yield from _variables(set_variables(built_in(name), name))


def _variables(command: click.Command) -> Iterator[str]:
    yield from (str(option.envvar) for option in options(command))
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _variables(inner)


def built_in(name: str) -> click.Command:
    """A built-in command, imported now."""
    command: click.Command = importlib.import_module(f"harness.commands.{COMMANDS[name][0]}").command
    return command


class ConfiguredCommand(click.Command):
    """A command whose options may stand in the section of `harness.toml` that is named like it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does, with the section as defaults."""
        asks_for_help = any(word in args for word in ("-h", "--help"))
        if not extra.get("resilient_parsing") and not asks_for_help:  # neither is to fail for a slip in a file
            extra.setdefault("default_map", file_defaults(self, Path(FILE)))
        return super().make_context(info_name, args, parent, **extra)


def file_defaults(command: click.Command, file: Path) -> Mapping[str, Any]:
    """The section of `command` in `file`, checked: by the parameter's name a value as the command line gives it.

    Raises:
        UsageError: a key that is no option, one that must not stand in a file, or a value that does not fit.
    """
    table = read_file(file).get(str(command.name), {})
    if not isinstance(table, dict):
        raise UsageError(f"{file}: [{command.name}] must be a table of options")
    known = {key(option): option for option in options(command)}
    found = {}
    for name, value in table.items():
        where = f"{file}: {command.name}.{name}"
        if name in _NOT_IN_A_FILE:
            raise UsageError(f"{where}: {_NOT_IN_A_FILE[name]}")
        if name not in known:
            allowed = [one for one in known if one not in _NOT_IN_A_FILE]
            see, at = f"See: harness {command.name} --help", place(file, str(command.name), name)
            raise unknown(f"option of [{command.name}]", name, allowed, see, at)
        found[str(known[name].name)] = _checked(command, known[name], value, where)
    return found


def _checked(command: click.Command, option: click.Option, value: Any, where: str) -> Any:
    """A value of the file as the command line gives it."""
    given = _as_words(option, value, where)
    try:
        option.process_value(click.Context(command), given)
    except click.BadParameter as error:
        raise UsageError(f"{where}: {error.message.rstrip('.')}") from None
    return given


def _as_words(option: click.Option, value: Any, where: str) -> Any:
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{where}: {value!r} is neither true nor false")
        return value
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool | list | dict) for item in items):
        raise UsageError(f"{where}: {value!r} does not do here; write a text, a number or a list of them")
    if option.multiple:
        return [str(item) for item in items]
    if isinstance(value, list) and option.callback is None:
        raise UsageError(f"{where}: a list does not do here; write one value")
    return ",".join(map(str, items))


def sources(context: click.Context) -> dict[str, str]:
    """Where each parameter of the command was read that was given: "command line", a variable or the file."""
    found = {}
    for option in options(context.command):
        named = {
            click.core.ParameterSource.COMMANDLINE: "command line",
            click.core.ParameterSource.ENVIRONMENT: str(option.envvar),
            click.core.ParameterSource.DEFAULT_MAP: FILE,
        }
        source = context.get_parameter_source(str(option.name))
        if source in named:
            found[str(option.name)] = named[source]
    return found
