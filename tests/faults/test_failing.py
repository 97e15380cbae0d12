"""A file that cannot be read or written (EIO) is named in one line, and the run ends equal on a good disk."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.faults import bench, failing
from harness.config import read_file
from harness.data import rows
from harness.data.sources import Source
from harness.errors import HarnessError
from harness.modeling import base, chat, checkpoint
from harness.plugin_system.registry import Registry
from harness.studies import study


@pytest.fixture(scope="module")
def whole(ground: bench.Ground, tmp_path_factory: pytest.TempPathFactory) -> failing.Whole:
    places = (ground.data, ground.folder / "tiny-llama")
    root = tmp_path_factory.mktemp("whole") / "runs"
    return failing.undisturbed(lambda runs: ground.words("lora", runs), root, places)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_operation_that_fails_is_one_line_or_no_matter_and_the_run_ends_equal(
    seed: int, whole: failing.Whole, place: Path
) -> None:
    status, said, fault = failing.fail(whole, place, random.Random(seed))
    assert not fault, f"{status}: {said}"


REGISTRY = Registry()
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a configuration file": ("harness.toml", read_file),
    "a study": ("mine.toml", lambda file: study.read_text(str(file), REGISTRY)),
    "rows": ("test.jsonl", rows.text),
    "the digest of data": ("test.jsonl", lambda file: Source(file, "mine").digest),
    "the digest of weights": ("model.safetensors", lambda file: base._folder_digest(file.parent)),
    "a tokenizer's settings": ("tokenizer_config.json", lambda file: chat.no_template(file.parent)),
    "a model's configuration": ("config.json", checkpoint._json),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_file_in_which_a_read_fails_is_named_although_python_does_not(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, read = READERS[kind]
    (tmp_path / name).write_text("{}")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for owner, reader in ((Path, "read_bytes"), (Path, "read_text"), (hashlib, "file_digest")):
        monkeypatch.setattr(owner, reader, fail)
    with pytest.raises(HarnessError, match=f"^{re.escape(str(tmp_path / name))}: Input/output error; check the disk"):
        read(tmp_path / name)
