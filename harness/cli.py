"""The command line: words in, one call, words out. stdout is data, stderr is talk.

Exit status: 0 done, 1 failed with one clear line, 2 usage, 128 and its number where a signal ended it. Each command is
a module of `harness.commands`, imported when it is used.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from harness import __version__, processes
from harness.command_config import built_in, set_variables
from harness.command_list import COMMANDS
from harness.disk import describe_os_error, file_on_the_way
from harness.display import escape_json, escape_lines
from harness.errors import FileError, HarnessError, nearest, unknown
from harness.progress import VERBOSE

if TYPE_CHECKING:
    from harness.plugin_system.registry import Registry


class Commands(click.Group):
    """A group whose commands are imported when they are used, with a suggestion for a mistyped name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands, then those of plugins."""
        return [*COMMANDS, *_plugin_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; third parties are asked only for a name that is not built in."""
        if cmd_name in COMMANDS:
            return set_variables(built_in(cmd_name), cmd_name)
        return _registry(ctx).command(cmd_name)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does; `--help` prints here."""
        with _files_named():  # before click ends the program at a closed pipe
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does."""
        with _files_named():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name when there is no such command."""
        name = args[0]
        if self.get_command(ctx, name) is None:
            raise unknown("command", name, self.list_commands(ctx), "See: harness --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per command, without importing the built-in ones."""
        rows = [(name, summary) for name, (_, summary) in COMMANDS.items()]
        rows += list(_plugin_commands(ctx).items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugin_commands(ctx: click.Context) -> dict[str, str]:
    """Commands of third parties with a line of help; a plugin is imported for it only when it is new or changed."""
    from harness.plugin_system.discovery import cached_commands

    commands = cached_commands()
    if commands is None:
        commands = {name: summary for name, _, summary in _registry(ctx).commands()}
    return commands


def _registry(ctx: click.Context) -> Registry:
    """One registry for building the command line, so that a broken plugin is named once."""
    from harness.plugin_system.registry import Registry

    if "harness.plugin_system.registry" not in ctx.meta:
        ctx.meta["harness.plugin_system.registry"] = Registry()
    registry: Registry = ctx.meta["harness.plugin_system.registry"]
    return registry


def _trace_plugins(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        os.environ["HARNESS_TRACE_PLUGINS"] = "1"  # the workers of a study are to hear of it too


def _say_more(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        os.environ[VERBOSE] = "1"


verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_more,
    help="Tell each phase with what it took.",
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="harness")
@click.option(
    "--trace-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_trace_plugins,
    help="Print each import and hook call of a plugin with its time.",
)
@verbose
def cli() -> None:
    """Which way of adapting a code model is worth it, for your task, your data and your GPU?

    \b
    harness eval --method lora --task apps        the built-in model and sample, no download
    harness leaderboard                           what came out
    """


class _Ended(BaseException):
    """A signal asks the process to end."""

    def __init__(self, number: int) -> None:
        self.number = number


_ENDING = {signal.SIGTERM: "ended by TERM", signal.SIGHUP: "ended: the terminal is gone (HUP)"}


def _end_in_order() -> None:
    """Let TERM and HUP unwind the program as INT does, so that what it holds is given back; the second is at once.

    A signal that is ignored, as HUP under `nohup`, stays so.
    """

    def ended(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt if number == signal.SIGINT else _Ended(number)

    def once_more(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, _Ended | KeyboardInterrupt):
            before(lost)
            return
        number = lost.exc_value.number if isinstance(lost.exc_value, _Ended) else signal.SIGINT
        signal.signal(number, ended)
        threading.Timer(0.01, os.kill, (os.getpid(), number)).start()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, ended)
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, ended)
    # Python drops what is raised while an object is being deleted or garbage collected: there the signal would be lost.
    before, sys.unraisablehook = sys.unraisablehook, once_more


class _ReaderGone(Exception):
    """Whoever read stdout or stderr went away (`| head`)."""


@contextlib.contextmanager
def _files_named() -> Iterator[None]:
    """Whatever the operating system refuses in this block is an expected failure, too."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and (_reader_gone(sys.stdout) or _reader_gone(sys.stderr)):
            raise _ReaderGone from None
        if error.filename is None and _printing(error):
            _send_nowhere(sys.stdout)
            raise FileError(describe_os_error(error, Path("standard output"))) from None
        raise FileError(describe_os_error(error)) from None


def _reader_gone(stream: TextIO | None) -> bool:
    """Whether `stream` is a pipe that nobody reads any more; it is then sent nowhere."""
    try:
        waiting = select.poll()
        waiting.register(cast(TextIO, stream), 0)
        gone = any(event & select.POLLERR for _, event in waiting.poll(0))
    except (OSError, ValueError, AttributeError, TypeError):  # closed, or no file of the system
        return False
    if gone:
        _send_nowhere(stream)
    return gone


def _printing(error: OSError) -> bool:
    """Whether `click.echo` met the error; Python does not say which file it was."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__") == "click.utils"


def _send_nowhere(stream: TextIO | None) -> None:
    """What is still in the buffer of `stream` would be tried, and fail, again when Python ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), cast(TextIO, stream).fileno())


def usage_line(error: click.ClickException) -> str:
    """What click says of a wrong command line, in one line like every other error of harness."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    text = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.NoSuchOption):
        close = nearest(
            error.option_name, [name for one in context.command.params for name in one.opts] if context else []
        )
        text = f"no option {error.option_name!r}" + (f". Did you mean {close!r}?" if close else "")
    if isinstance(error, click.BadParameter) and context is not None and isinstance(error.param, click.Option):
        source = context.get_parameter_source(str(error.param.name))
        if source is click.core.ParameterSource.ENVIRONMENT:
            text = text.replace(error.param.get_error_hint(context), str(error.param.envvar))
    see = f" See: {context.command_path} --help" if context is not None else ""
    return f"{text}{'' if text.endswith('?') else '.'}{see}"


def main() -> None:
    """The entry point: expected failures are one line, anything else keeps its traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal's encoding lacks is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    _end_in_order()
    try:
        with _files_named():
            status = _joined()
    except click.ClickException as error:
        _tell(f"error: {escape_lines(usage_line(error))}")
        sys.exit(2)
    except HarnessError as error:
        _tell(f"error: {escape_lines(str(error))}")
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _tell("interrupted; the same command continues")
        sys.exit(130)
    except _Ended as error:
        with contextlib.suppress(OSError):  # nobody may be there any more
            others = " with the other processes of this command" if processes.count() > 1 else ""
            _tell(f"{_ENDING[signal.Signals(error.number)]}{others}; the same command continues")
        sys.exit(128 + error.number)
    except _ReaderGone:
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _joined() -> Any:
    """The command; of several processes that torchrun started one runs it, and the others help."""
    if processes.asked():
        from harness.modeling.quirks import prepare_process

        prepare_process()
        processes.join()
    if not processes.is_first():
        from harness.evaluation.worker import serve

        serve()
        processes.leave()  # not where it failed: the first is to hear why before it misses this one
        return 0
    try:
        return cli.main(prog_name="harness", standalone_mode=False, auto_envvar_prefix="HARNESS")
    finally:
        processes.leave()


def _tell(line: str) -> None:
    """Say why the command fails; of several processes the first that fails does."""
    if processes.tells_failure():
        click.echo(line, err=True)


def folder(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    """A click callback for a folder to write to: neither it nor what it lies in may be a file."""
    try:
        if value is not None and (file := file_on_the_way(value)) is not None:
            raise click.BadParameter(f"{file} is a file; name a folder")
    except OSError as error:
        raise click.BadParameter(describe_os_error(error, value)) from None
    return value


def file(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    """A click callback for a file to write: its folder must be there."""
    if value is not None:
        folder(_, __, value.parent)
        if not value.parent.is_dir():
            raise click.BadParameter(f"there is no folder {value.parent}; make it first")
    return value


def numbers(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[int, ...]:
    """A click callback for an option that takes "1,5,10", and may be given several times."""
    try:
        return tuple(map(int, names(context, parameter, values)))
    except ValueError:
        raise click.BadParameter(f"{','.join(values)!r} is not a list of whole numbers like 1,5,10") from None


def names(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """A click callback for an option that takes "lora,ia3", and may be given several times."""
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())


def echo_json(value: Any) -> None:
    """Print `value` as JSON on stdout."""
    import json

    from harness.records import to_json

    click.echo(escape_json(json.dumps(to_json(value), indent=2, ensure_ascii=False)))


def terminal_width() -> int | None:
    """The columns of letters that stdout has; None where it is no terminal, and nothing has to fit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def echo_row(line: str) -> None:
    """Print a line of a list; on a terminal cut to its width, so that the list keeps its columns."""
    width = terminal_width()
    if width is not None:
        from harness.ranking.terminal import shorten

        line = shorten(line, width)
    click.echo(line)


def size(count: int) -> str:
    """A number of bytes as a person reads it: "1.2 GB"."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def age(seconds: float) -> str:
    """How long ago something was: "5 min", "3 d"."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
