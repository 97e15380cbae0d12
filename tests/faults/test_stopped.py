"""A command that stands still for a while, its jails with it, ends as one that was left alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults import bench, kills, stops


@pytest.fixture(scope="module")
def judged(ground: bench.Ground, tmp_path_factory: pytest.TempPathFactory) -> kills.Undisturbed:
    root = tmp_path_factory.mktemp("judged") / "runs"
    return kills.undisturbed(stops.judging(ground), root, stops.brief_limits)


@pytest.mark.long
@pytest.mark.parametrize("kind", stops.KINDS)
def test_programs_of_which_the_judge_stands_still_have_the_same_verdicts(
    kind: str, judged: kills.Undisturbed, place: Path
) -> None:
    where, fault = stops.stopped(judged, place, random.Random(2), kind)
    assert not fault, where
