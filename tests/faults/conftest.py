"""Runs that are made once and then altered, killed, starved of room and shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import altered, bench, kills


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> bench.Ground:
    """A tiny model, eight problems to learn from and six to be tested with."""
    bench.warm_up()
    return bench.prepare(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="session")
def base(ground: bench.Ground, tmp_path_factory: pytest.TempPathFactory) -> altered.Base:
    """Three finished runs and one that broke off in the middle of judging."""
    return altered.make_base(ground, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def whole(ground: bench.Ground, tmp_path_factory: pytest.TempPathFactory) -> kills.Undisturbed:
    """A run that nothing has disturbed."""
    return kills.undisturbed(lambda root: ground.words("lora", root), tmp_path_factory.mktemp("whole") / "runs")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the runs of a test are."""
    return tmp_path / "runs"
