"""What every plugin has to keep, and how checks are run and told."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import typing
import unittest
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from harness.config import coerce, option_text
from harness.errors import UsageError
from harness.plugin_system.discovery import SWITCH
from harness.plugin_system.loading import OURS
from harness.plugin_system.registry import PluginEntry, Registry

HEAVY = ("torch", "transformers", "datasets", "peft", "sentence_transformers", "bitsandbytes", "tensorflow", "jax")
_SECRETS = ("key", "apikey", "token", "secret", "password", "passwd", "credential")

_LONGEST_NAME = 40
"""Signs of a name in a figure: one that is longer leaves no room for the figure."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one plugin: "kept", "broken" or "skipped", in words, with the reason."""

    check: str
    verdict: str
    description: str
    reason: str = ""


class Contract:
    """Checks of what an installed distribution offers under `name`; each kind has its own."""

    name: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    scratch: Path

    def setup_method(self) -> None:
        """A folder for one check."""
        self.scratch = Path(tempfile.mkdtemp(prefix="harness-check-"))

    def teardown_method(self) -> None:
        """Away with it."""
        shutil.rmtree(self.scratch)

    @cached_property
    def registry(self) -> Registry:
        """The plugins of this environment."""
        return Registry()


class PluginContract(Contract):
    """Checks of any method, task, metric or backend."""

    @cached_property
    def entry(self) -> PluginEntry[Any]:
        """The plugin, found as a command finds it."""
        plugin: PluginEntry[Any] = getattr(self.registry, self.kind)(self.name)
        return plugin

    @property
    def plugin(self) -> Any:
        """The object that the plugin's hook returned."""
        return self.entry.plugin

    @cached_property
    def config(self) -> Any:
        """The plugin's options at their defaults."""
        return self.plugin.Config()

    def test_it_is_described(self) -> None:
        """it says what it is in a docstring"""
        assert type(self.plugin).__doc__, (
            f"class {type(self.plugin).__name__} has no docstring; its first line is shown by `harness plugins`"
        )

    def test_its_names_in_print_are_short_lines(self) -> None:
        """what papers call it, where it says so, is a short text of one line"""
        measures = getattr(self.plugin, "display_measures", {})
        for name in (getattr(self.plugin, "display_name", ""), *measures, *measures.values()):
            assert isinstance(name, str) and name.isprintable() and len(name) <= _LONGEST_NAME, (
                f"{name!r} is no name for a figure; give one line of at most {_LONGEST_NAME} signs"
            )

    def test_its_options_are_described_and_can_be_set(self) -> None:
        """every option has a default and help, is frozen, and can be written on the command line"""
        config = self.plugin.Config
        assert config.__dataclass_params__.frozen, "Config is not frozen; write @dataclass(frozen=True)"
        hints = typing.get_type_hints(config)
        for field in dataclasses.fields(config):
            where = f"--set {self.name}.{field.name}"
            assert field.metadata.get("help"), f"{field.name} has no help; write option(default, 'what it means')"
            default = getattr(self.config, field.name)
            text = option_text(default)
            try:
                again = coerce(text, hints[field.name], where)
            except UsageError as error:
                raise AssertionError(f"its default cannot be written on the command line: {error}") from None
            assert again == default, f"{where}={text} gives {again!r}, not the default {default!r}"

    def test_no_option_holds_a_secret(self) -> None:
        """no option holds a key or token: options are written into every run"""
        for field in dataclasses.fields(self.plugin.Config):
            # `api_key` holds one, `trainable_token_indices` does not.
            last = field.name.lower().rpartition("_")[2]
            text = isinstance(getattr(self.config, field.name), str | None)  # a number is no secret: `prng_key`
            assert last not in _SECRETS or not text, (
                f"option {field.name} looks like a secret; read it from the environment instead"
            )

    def test_it_is_found_without_heavy_imports(self) -> None:
        """finding it imports no heavy library"""
        if ":" in self.name:
            raise unittest.SkipTest("a member of a family is looked up in the library that has it")
        origin = self.entry.origin
        heavy = heavy_imports(
            f"getattr(Registry(), {self.kind!r})({self.name!r})", "" if origin.distribution == OURS else origin.module
        )
        assert not heavy, f"finding it imports {', '.join(heavy)}; import them inside the functions that need them"


def heavy_imports(looking: str, only: str) -> list[str]:
    """The heavy libraries that `looking` a plugin up imports, where no third party but the entry point `only` is let
    in: another one's manners are not this one's."""
    program = f"import sys; from harness.plugin_system.registry import Registry; {looking}; "
    return python(f"{program} print(*sorted({set(HEAVY)!r} & set(sys.modules)))", **{SWITCH: only}).split()


def python(program: str, **environ: str) -> str:
    """What `program` prints in a fresh process of this interpreter.

    Raises:
        AssertionError: it failed; says how.
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    assert done.returncode == 0, f"in a fresh process: {last}"
    return done.stdout
