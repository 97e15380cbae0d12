"""`harness plugins`: all, or those of a kind."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.commands.plugins import KINDS_LISTED
from harness.plugin_system.registry import KINDS


def test_only_those_of_a_kind_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_PLUGINS", "")
    done = CliRunner().invoke(cli, ["plugins", "--kind", "decoder", "--json"])
    assert {row["kind"] for row in json.loads(done.output)["plugins"]} == {"decoder"}
    assert CliRunner().invoke(cli, ["plugins", "--kind", "listener"]).exit_code == 0
    assert set(KINDS) | {"command", "listener"} == set(KINDS_LISTED)
