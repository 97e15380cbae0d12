"""What a node makes is what one process makes; it goes on from what there is, and takes no secret along."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import node
from harness.engines.parcels import Inbox, contents, pieces
from harness.evaluation.executor import Job, JobResult, resolve_job, resolved, run_job
from harness.evaluation.request import Request
from harness.evaluation.runs import COMPLETIONS, COSTS, RECORDS, RESULT
from harness.evaluation.runs import typed_lines as lines
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry
from harness.records import Cost
from harness.sandbox.linux.cgroup import SHARE, cores

REQUEST = Request("zero-shot", "conala", limit=2, candidates=2, max_new_tokens=4, ks=(1,))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job whose run is made already, in this process."""
    job = Job(REQUEST, (), tmp_path_factory.mktemp("here"))
    job = resolved(job, resolve_job(job, Registry()))
    assert run_job(job, Registry(), LoadedBases()).error is None
    return job


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[node.Surroundings]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    yield node.Surroundings.here(1)
    SHARE.set(None)


def made(order: node.Order, root: Path) -> JobResult:
    """The result of the one job of an order, whose files are then below `root`."""

    def given(digest: str) -> Iterator[bytes]:
        (path, *_) = [path for path, found in order.given.items() if found == digest]
        return pieces(order.jobs[0].runs / path)

    box = root / "box"
    box.mkdir(parents=True)
    inbox = Inbox(box)
    started, *messages, last = node.make(order, given, "10.0.0.7")
    assert isinstance(started, node.Started) and started.node == "10.0.0.7"
    for message in messages:
        assert isinstance(message, node.Piece)
        inbox.take(message.digest, message.data)
    assert isinstance(last, node.Made) and last.result is not None
    inbox.deliver(last.contents, root)
    return last.result


def test_a_node_makes_the_records_that_this_process_makes(
    job: Job, surroundings: node.Surroundings, tmp_path: Path
) -> None:
    result = made(node.Order((job,), surroundings, {}), tmp_path / "there")
    assert result.row is not None and result.job == job
    there = tmp_path / "there" / job.run_id
    assert (there / RECORDS).read_bytes() == (job.runs / job.run_id / RECORDS).read_bytes()
    assert not list(Path(tempfile.gettempdir()).glob(f"harness-node-*/runs/{job.run_id}"))


def test_a_node_goes_on_from_what_is_written(job: Job, surroundings: node.Surroundings, tmp_path: Path) -> None:
    broken = replace(job, runs=tmp_path / "broken")
    folder = broken.runs / job.run_id
    folder.mkdir(parents=True)
    whole = job.runs / job.run_id
    for path in whole.iterdir():
        if path.name not in (RESULT, RECORDS, COSTS, ".lock"):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / COMPLETIONS).write_bytes((whole / RECORDS).read_bytes())
    order = node.Order((broken,), surroundings, contents(broken.runs, [job.run_id]))
    assert made(order, tmp_path / "there").row is not None
    costs = lines(tmp_path / "there" / job.run_id / COSTS, Cost)
    assert [cost.phase for cost in costs] == [], "nothing was written again"


def test_a_run_that_would_be_another_one_on_a_node_fails(
    job: Job, surroundings: node.Surroundings, tmp_path: Path
) -> None:
    other = replace(job, run_id=job.run_id[:-8] + "00000000")
    result = made(node.Order((other,), surroundings, {}), tmp_path / "there")
    assert result.error is not None
    assert result.error.message.startswith(f"{other.run_id}: would be {job.run_id} now; the data, the model")


def test_a_node_takes_over_the_command_and_the_settings_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_SET_BY_USER", "1")
    monkeypatch.setenv("SOME_TOKEN", "secret")
    found = node.Surroundings.here(1)
    assert "SOME_TOKEN" not in found.variables
    monkeypatch.delenv("HARNESS_SET_BY_USER")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    replace(found, folder=str(folder), words=("harness", "study", "run")).take_over()
    assert os.environ["HARNESS_SET_BY_USER"] == "1"
    assert cores() == 1, "another task of the node has the others"
    assert (Path.cwd(), sys.argv) == (folder, ["harness", "study", "run"])
    replace(found, folder=str(tmp_path / "not here")).take_over()
    assert Path.cwd() == folder
