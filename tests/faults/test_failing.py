"""A file that cannot be read or written (EIO) is named in one line, and the run ends equal on a good disk."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import bench, failing


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
