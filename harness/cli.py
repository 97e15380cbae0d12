"""The command line: words in, one call, words out. stdout is data, stderr is talk.

Exit status: 0 done, 1 failed with one clear line, 2 usage, 130 interrupted. Each command is a module of
`harness.commands`, imported when it is used.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from harness import __version__
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.registry import Registry

# name -> (module below harness.commands, one line of help); the line is here so that --help imports no command.
COMMANDS = {
    "eval": ("eval", "Adapt a model to a task, let it write, judge and score."),
    "score": ("score", "Judge and score completions made elsewhere, or add a metric to a run."),
    "study": ("study", "A grid of runs: run it, continue it, report it."),
    "plan": ("plan", "What a method would train on a model, from its configuration alone."),
    "leaderboard": ("leaderboard", "Rows of finished runs, ranked: table, markdown, csv, json, latex or a page."),
    "compare": ("compare", "Is one run better than another? A paired test on the same problems."),
    "verify": ("verify", "Are a run's numbers what its records give?"),
    "show": ("show", "A run, or a plugin with its options."),
    "plugins": ("plugins", "Every method, task and metric, and who offers it."),
    "plugin": ("plugin", "Write a plugin of your own, and check it."),
    "sandbox": ("sandbox", "Try the sandbox's promises on this machine."),
    "doctor": ("doctor", "What this machine has, and what is missing for what."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are used, with a suggestion for a mistyped name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands, then those of plugins."""
        return [*COMMANDS, *_plugin_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; third parties are asked only for a name that is not built in."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"harness.commands.{COMMANDS[cmd_name][0]}")
            command: click.Command = module.command
            return command
        return _registry(ctx).command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name when there is no such command."""
        name = args[0]
        if self.get_command(ctx, name) is None:
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per command, without importing the built-in ones."""
        rows = [(name, words) for name, (_, words) in COMMANDS.items()]
        rows += list(_plugin_commands(ctx).items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugin_commands(ctx: click.Context) -> dict[str, str]:
    """Commands of third parties with a line of help; a plugin is imported for it only when it is new or changed."""
    from harness.discovery import remembered_commands

    found = remembered_commands()
    if found is None:
        found = {name: words for name, _, words in _registry(ctx).commands()}
    return found


def _registry(ctx: click.Context) -> Registry:
    """One registry for building the command line, so that a broken plugin is named once."""
    from harness.registry import Registry

    if "harness.registry" not in ctx.meta:
        ctx.meta["harness.registry"] = Registry()
    registry: Registry = ctx.meta["harness.registry"]
    return registry


def _trace_plugins(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        os.environ["HARNESS_TRACE_PLUGINS"] = "1"  # the workers of a study are to hear of it too


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
def cli() -> None:
    """Which way of adapting a code model is worth it, for your task, your data and your GPU?

    \b
    harness eval --method lora --task apps        the built-in model and sample, no download
    harness leaderboard                           what came out
    """


def main() -> None:
    """The entry point: expected failures are one line, anything else keeps its traceback."""
    try:
        status = cli.main(standalone_mode=False, auto_envvar_prefix="HARNESS")
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except HarnessError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command continues", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of stdout went away (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...]:
    """A click callback for "1,5,10"."""
    if not value:
        return ()
    try:
        return tuple(int(item) for item in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers like 1,5,10") from None


def names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """A click callback for "lora,ia3"."""
    return tuple(item.strip() for item in (value or "").split(",") if item.strip())


def echo_json(value: Any) -> None:
    """Print `value` as JSON on stdout."""
    import json

    from harness.records import to_json

    click.echo(json.dumps(to_json(value), indent=2, ensure_ascii=False))
