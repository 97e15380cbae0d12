"""Control groups, on a folder that looks like one."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.sandbox.linux import cgroup, kernel


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


def version_2(monkeypatch, own: str = "/") -> Path:
    root = Path(tempfile.mkdtemp())
    (root / "cgroup.controllers").write_text("memory pids")
    monkeypatch.setattr(cgroup, "_ROOT", root)
    monkeypatch.setattr(cgroup, "_own", lambda: root / own.lstrip("/"))
    return root


def test_groups_whose_owner_has_ended_are_removed_by_the_next_run(monkeypatch):
    root = version_2(monkeypatch)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    me, space = os.getpid(), cgroup._pid_space()
    started = cgroup._started(me)
    dead = [f"harness-{ended.pid}.77.{space}-0123abcd", f"harness-{me}.{started - 1}.{space}-0123abcd"]
    alive = [f"harness-{me}.{started}.{space}-0123abcd", f"harness-{ended.pid}.77.{space + 1}-0123abcd"]
    alive += ["harness-1-aa", "others", f"harness-{ended.pid}.77.{space}-0123abcd.service"]
    full = f"harness-{ended.pid}.78.{space}-0123abcd"
    for name in (*dead, *alive, full):
        (root / name).mkdir()
    (root / full / "task").touch()  # as the kernel, which removes no group that something is in
    group = cgroup.ControlGroup(1 << 20, 9)
    assert {path.name for path in root.iterdir() if path.is_dir()} == {*alive, full, group.folders[0].name}
    assert cgroup._OURS.fullmatch(group.folders[0].name)


@pytest.fixture
def asked_before():
    """The namespace of the process that the test's is forked from, which has asked for its own as in a whole run."""
    return cgroup._pid_space()


def test_a_group_of_a_killed_run_is_gone_after_the_next(monkeypatch, asked_before):
    assert cgroup._pid_space() != asked_before
    root = Path("/tmp/groups")
    try:
        for controller in ("memory", "pids"):
            (root / controller).mkdir(parents=True)
            kernel.mount("cgroup", str(root / controller), "cgroup", 0, controller)
    except OSError as problem:
        pytest.skip(f"no control groups of version 1 here: {problem}")
    program = """
import os, signal
from pathlib import Path
from harness.records import Limits
from harness.sandbox.linux import cgroup, kernel
from harness.sandbox.jails.jail import Jail
cgroup._ROOT = Path("/tmp/groups")
jail = Jail(Limits())
print(*jail.group.folders, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    repository = Path(__file__).parents[3]
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, cwd=repository, check=False)
    left = [Path(word) for word in done.stdout.split()]
    assert len(left) == 2, done.stderr
    assert all(folder.exists() for folder in left)
    monkeypatch.setattr(cgroup, "_ROOT", root)
    deadline = time.monotonic() + 20
    while any(folder.exists() for folder in left) and time.monotonic() < deadline:
        time.sleep(0.05)  # the jail ends with its supervisor, but not at the same moment
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        cgroup.ControlGroup(1 << 20, 9).remove()
    assert not any(folder.exists() for folder in left)


def test_where_the_root_is_not_ours_a_group_is_made_beside_the_own_one(monkeypatch):
    """As in a scope of systemd that a user has started: it lies in a slice that is the user's."""
    root = version_2(monkeypatch, "/user.slice/user@7.service/app.slice/run-1.scope")
    slice_ = root / "user.slice" / "user@7.service" / "app.slice"
    (slice_ / "run-1.scope").mkdir(parents=True)
    refuse(monkeypatch, root)
    group = cgroup.ControlGroup(1 << 20, 9)
    assert [folder.parent for folder in group.folders] == [slice_]
    assert group.limits() == ["memory.max=1048576", "pids.max=9"]


def test_inside_the_own_group_where_only_that_was_handed_over(monkeypatch):
    root = version_2(monkeypatch, "/system.slice/job.service")
    (root / "system.slice" / "job.service").mkdir(parents=True)
    refuse(monkeypatch, root, root / "system.slice")
    group = cgroup.ControlGroup(1 << 20, 9)
    assert [folder.parent for folder in group.folders] == [root / "system.slice" / "job.service"]


def test_where_processes_may_not_be_moved_no_group_is_claimed(monkeypatch):
    root = version_2(monkeypatch)
    (root / "cgroup.procs").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cgroup.ControlGroup(1 << 20, 9).folders == []
    assert [path for path in root.iterdir() if path.is_dir()] == []


def test_controllers_that_are_not_handed_down_yet_are_asked_for(monkeypatch):
    root = version_2(monkeypatch)
    wrote, real = [], Path.write_text

    def write_text(self, text, *arguments):
        if self.name == "cgroup.subtree_control":
            wrote.append(text)
        elif not wrote:
            raise FileNotFoundError(2, "no such controller", str(self))
        return real(self, text, *arguments)

    monkeypatch.setattr(Path, "write_text", write_text)
    group = cgroup.ControlGroup(1 << 20, 9)
    assert (wrote, group.limits()) == (["+memory +pids"], ["memory.max=1048576", "pids.max=9"])
    assert group.folders[0].parent == root


def test_a_group_without_any_limit_is_removed(monkeypatch):
    root = version_2(monkeypatch)

    def write_text(self, *_):
        raise PermissionError(13, "no", str(self))

    monkeypatch.setattr(Path, "write_text", write_text)
    assert cgroup.ControlGroup(1 << 20, 9).folders == []
    assert [path for path in root.iterdir() if path.is_dir()] == []


def test_the_own_group_is_read_from_the_kernels_account(monkeypatch):
    assert cgroup._own().is_relative_to(cgroup._ROOT)


def refuse(monkeypatch, *folders: Path) -> None:
    """Lets nobody make a folder in one of `folders`."""
    real = Path.mkdir

    def mkdir(self, *arguments, **keywords):
        if self.parent in folders:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **keywords)

    monkeypatch.setattr(Path, "mkdir", mkdir)


def test_groups_that_say_nothing_of_their_owner_are_removed_after_an_hour(monkeypatch):
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
