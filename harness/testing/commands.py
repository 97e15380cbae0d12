"""What a command has to keep: it is there, says what it does, and costs nothing until it is called."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from harness.testing.contract import Contract, heavy_imports


class CommandContract(Contract):
    """Checks of the command `harness NAME`."""

    kind: ClassVar[str] = "command"

    @cached_property
    def command(self) -> Any:
        """The click command, found as `harness NAME` finds it."""
        command = self.registry.command(self.name)
        assert command is not None, f"there is no command {self.name!r}"
        return command

    def test_it_is_described(self) -> None:
        """`harness --help` shows a line for it"""
        assert self.command.get_short_help_str(), "its function has no docstring, which is its line in `harness --help`"

    def test_its_options_are_described(self) -> None:
        """every option of it has help"""
        import click

        without = [p.opts[0] for p in self.command.params if isinstance(p, click.Option) and not p.help]
        assert not without, f"no help for {', '.join(without)}"

    def test_its_help_can_be_printed(self) -> None:
        """its help can be printed"""
        from click.testing import CliRunner

        from harness.cli import cli

        result = CliRunner().invoke(cli, [self.name, "--help"])
        why = result.output or repr(result.exception)
        assert result.exit_code == 0, f"harness {self.name} --help ends with {result.exit_code}: {why}"

    def test_it_is_found_without_heavy_imports(self) -> None:
        """listing it imports no heavy library"""
        owner = next(origin.module for name, origin, _ in self.registry.commands() if name == self.name)
        heavy = heavy_imports(f"Registry().command({self.name!r})", owner)
        assert not heavy, f"finding it imports {', '.join(heavy)}; import them inside the command"
