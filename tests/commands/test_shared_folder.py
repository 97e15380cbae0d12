"""Runs in a folder that several people share: each member of its group can read and continue what another made."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.tuning import checkpoints


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder whose group is handed on to what is made in it, under the umask of people who share."""
    folder = tmp_path / "shared"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, -1, 4321)
    folder.chmod(0o2770)
    before = os.umask(0o007)
    yield folder
    os.umask(before)


def test_every_file_of_a_run_and_its_tuning_can_be_read_and_written_by_the_group(
    shared: Path, tiny_model: Path
) -> None:
    rows = [
        {"instruction": f"Double {n}.", "answer": f"x = {2 * n}", "split": split}
        for n, split in enumerate(["train", "train", "validation", "test"])
    ]
    data = shared / "rows.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = ["eval", "--method", "lora", "--task", "my", "--data", data, "--model", tiny_model]
    more = [
        "--runs",
        str(shared / "runs"),
        "--candidates",
        "1",
        "-k",
        "1",
        "--max-new-tokens",
        "4",
        "--set",
        "lora.epochs=1",
    ]
    done = CliRunner().invoke(cli, [*map(str, words), *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = list((shared / "runs").rglob("*"))
    assert "adapter_model.safetensors" in {path.name for path in found}
    modes = {str(path.relative_to(shared)): stat.filemode(path.stat().st_mode) for path in found}
    assert {name: mode for name, mode in modes.items() if mode not in ("-rw-rw----", "drwxrws---")} == {}
    assert {path.stat().st_gid for path in found} == {shared.stat().st_gid}


def test_every_file_of_a_checkpoint_can_be_read_by_the_group_which_may_go_on_from_it(shared: Path) -> None:
    import torch

    tensors = {"a": torch.zeros(3)}
    checkpoints.write(shared / "checkpoints", checkpoints.Checkpoint(1, tensors, tensors, {}), 1)
    modes = {path.name: stat.filemode(path.stat().st_mode) for path in (shared / "checkpoints").rglob("*")}
    assert set(modes.values()) == {"-rw-rw----", "drwxrws---"}, modes
