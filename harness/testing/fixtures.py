"""Fixtures for a plugin's own tests: `pytest_plugins = ["harness.testing.fixtures"]` in a `conftest.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plugin_system.registry import Registry
from harness.testing.models import tiny_model as _tiny_model

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def harness_registry() -> Registry:
    """The plugins of this environment, third parties included."""
    return Registry()


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The folder of a causal model of 60,000 parameters, for `--model`."""
    return _tiny_model("causal")


@pytest.fixture
def harness_command(tmp_path: Path) -> Command:
    """`harness_command("eval", "--method", …)` runs harness in a folder of its own, in a fresh process."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    return run
