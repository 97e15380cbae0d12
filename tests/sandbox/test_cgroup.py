"""Control groups, on a folder that looks like one."""

import os
import tempfile
from pathlib import Path

import pytest

from harness.sandbox import cgroup


def test_version_1_has_a_folder_for_each_controller(monkeypatch):
    root = Path(tempfile.mkdtemp())
    for controller in ("memory", "pids"):
        (root / controller).mkdir()
    monkeypatch.setattr(cgroup, "_ROOT", root)
    group = cgroup.ControlGroup(1 << 20, 9)
    assert group.limits() == ["memory.limit_in_bytes=1048576", "pids.max=9"]
    group.add(1234)
    assert [(folder / "cgroup.procs").read_text() for folder in group.folders] == ["1234", "1234"]


def test_a_kill_for_memory_is_seen_once(monkeypatch):
    root = Path(tempfile.mkdtemp())
    (root / "cgroup.controllers").write_text("memory pids")
    monkeypatch.setattr(cgroup, "_ROOT", root)
    group = cgroup.ControlGroup(1 << 20, 9)
    events = group.folders[0] / "memory.events"
    events.write_text("low 0\noom_kill 0\n")
    group._watch("memory.events")
    assert not group.killed()
    events.write_text("low 0\noom_kill 2\n")
    assert [group.killed(), group.killed()] == [True, False]


def test_where_no_group_can_be_made_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr(cgroup, "_ROOT", Path("/nonexistent"))
    group = cgroup.ControlGroup(1 << 20, 9)
    group.add(1)
    assert (group.limits(), group.killed()) == ([], False)
    group.remove()


def test_groups_of_killed_supervisors_are_removed_after_an_hour(monkeypatch):
    root = Path(tempfile.mkdtemp())
    (root / "cgroup.controllers").write_text("memory pids")
    old, new = root / "harness-1-aa", root / "harness-2-bb"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (1, 1))
    monkeypatch.setattr(cgroup, "_ROOT", root)
    cgroup.ControlGroup(1 << 20, 9)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cgroup.controllers": "cpu", "cpu.max": "150000 100000\n"}, 2),
        ({"cgroup.controllers": "cpu", "cpu.max": "900000 100000\n"}, 8),
        ({"cgroup.controllers": "cpu", "cpu.max": "max 100000\n"}, 8),
        ({"cgroup.controllers": "cpu"}, 8),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
)
def test_a_container_gets_as_many_workers_as_its_share_of_time_feeds(files, expected, monkeypatch):
    root = Path(tempfile.mkdtemp())
    (root / "cpu").mkdir()
    for name, text in files.items():
        (root / name).write_text(text)
    monkeypatch.setattr(cgroup, "_ROOT", root)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cgroup.cores() == expected
