"""What is installed is what is in the folders, and nothing heavy is imported for nothing."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _folders(top: str, package: str) -> set[str]:
    return {
        ".".join([package, *path.parent.relative_to(ROOT / top).parts])
        for path in (ROOT / top).rglob("__init__.py")
        if "builtin/model" not in str(path)
    }


def test_the_packages_of_setup_cfg_are_the_folders() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = (
        _folders("harness", "harness") | _folders("plugins", "harness.plugins") | _folders("sandbox", "harness.sandbox")
    )
    assert listed == folders


def test_listing_and_resolving_import_no_heavy_library() -> None:
    program = """
import sys
from click.testing import CliRunner
from harness.cli import cli
for words in (["--help"], ["plugins"], ["eval", "--help"], ["show", "lora"], ["leaderboard", "--help"]):
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, (words, result.output, result.exception)
print(sorted({"torch", "transformers", "datasets", "peft", "sentence_transformers", "bitsandbytes"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_readme_tree_names_the_folders() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    tree = readme.split("```text", 1)[1].split("```", 1)[0]
    named = {
        line.split()[0].rstrip("/") for line in tree.strip().splitlines() if line.strip() and not line.startswith(" ")
    }
    assert {"harness", "plugins/methods", "plugins/tasks", "plugins/metrics", "sandbox", "tests"} <= named
    assert not [name for name in named if not (ROOT / name).exists()]
