"""The packages in `examples/` are installed, pass their own tests and are used, through entry points only."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
WARNINGS = "filterwarnings=error\nignore:.*is_gradient_checkpointing.*:FutureWarning"  # peft's, as in setup.cfg
NEEDS = {
    "harness-checker": "harness",
    "harness-dora": "peft",
    "harness-humaneval": "harness",
    "harness-openai-backend": "openai",
    "harness-sql": "harness",
}


def test_every_example_is_tested() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")} == set(NEEDS)


_IN_SHORT = {"harness-sql", "harness-checker", "harness-openai-backend"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in _IN_SHORT else pytest.param(name, marks=pytest.mark.long) for name in NEEDS]
)
def test_an_example_is_installed_and_passes_its_own_tests(environment: Any, tmp_path: Path, name: str) -> None:
    if importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{name} needs {NEEDS[name]}: pip install '{EXAMPLES / name}'")
    # A copy, so that building leaves nothing in the checkout.
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    environment.install(folder)
    try:
        listed = json.loads(environment.harness("plugins", "--json").stdout)
        assert [row for row in listed["plugins"] if row["distribution"] == name]
        assert listed["left_out"] == listed["warnings"] == []
        # Only the tests remain, so that what they import is what was installed.
        for package in folder.glob("harness_*"):
            shutil.rmtree(package)
        done = environment.run("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-o", WARNINGS, cwd=folder)
        assert done.returncode == 0, done.stdout[-4000:]
    finally:
        environment.pip("uninstall", "--yes", name)
