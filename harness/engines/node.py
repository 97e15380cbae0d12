"""What runs on a node of a cluster: the runs and tunings of a task, a batch of candidates, and what a node is like."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import sandbox
from harness.engines.parcels import Contents, Inbox, contents, pieces, whole_tunings
from harness.engines.scratch import NODE_FOLDER, scratch
from harness.errors import HarnessError
from harness.evaluation.executor import (
    Job,
    JobError,
    JobResult,
    by_setting,
    resolve_job,
    run_job,
    tune_at_once,
    untuned_alike,
)
from harness.evaluation.halving import halving_folder, tune_settings
from harness.evaluation.provenance import versions
from harness.evaluation.runs import TUNINGS
from harness.modeling.bases import LoadedBases
from harness.modeling.quirks import prepare_process
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, Limits, Problem
from harness.sandbox.linux.cgroup import SHARE
from harness.task import Task


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What work finds around it: the folder that paths start from, the command, harness' own variables, cores."""

    folder: str
    words: tuple[str, ...]
    variables: Mapping[str, str]
    cores: int

    @classmethod
    def here(cls, cores: int) -> Surroundings:
        """Those of this process, with so many cores of the node."""
        own = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
        return cls(str(Path.cwd()), tuple(sys.argv), own, cores)

    def take_over(self) -> None:
        """Make them those of this process; a folder that is not on this node is left out."""
        SHARE.set(self.cores)
        os.environ.update(self.variables)
        sys.argv[:] = self.words
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        prepare_process()


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node is like: its isolation of untrusted programs, and the libraries that results depend on."""

    isolation: sandbox.IsolationLevel
    versions: Mapping[str, str]


def look_around(accept_unsafe: bool) -> NodeFacts:
    """The facts of this node."""
    return NodeFacts(sandbox.isolation_level(accept_unsafe), versions())


@dataclass(frozen=True, slots=True)
class Order:
    """What a task has to make: the runs of `jobs`, or with `only_tune` their tunings. `given` is there already."""

    jobs: tuple[Job, ...]
    surroundings: Surroundings
    given: Contents
    only_tune: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A job of the order, by its place, is begun on the node with this address, under this level of isolation."""

    place: int
    node: str
    isolation: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of the file with this digest."""

    digest: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """Files are sent as a whole: those of a job that has ended, with its result, or of the tunings of all jobs.

    `error` is why tunings could not be made.
    """

    contents: Contents
    result: JobResult | None = None
    error: JobError | None = None


Message = Started | Piece | Made


def make(order: Order, given: Callable[[str], Iterator[bytes]], node: str) -> Iterator[Message]:
    """Make what is ordered in a folder of this node's own, and send its files as soon as a job has ended.

    `given` gives the pieces of a file by its digest; `node` is this node's address.
    """
    order.surroundings.take_over()
    with scratch(NODE_FOLDER) as place:
        root, inbox = place / "runs", place / "inbox"
        for folder in (root, inbox):
            folder.mkdir()
        _unpack(order.given, given, Inbox(inbox), root)
        shutil.rmtree(inbox)
        sender = _Sender(root)
        jobs = [replace(job, runs=root) for job in order.jobs]
        level = sandbox.isolation_level(jobs[0].request.accept_unsafe).name
        if order.only_tune:
            yield Started(0, node, level)
            folders, error = _tune(jobs, root)
            yield from sender.send(folders, error=error)
            return
        registry, bases = Registry(), LoadedBases()
        for number, job in enumerate(jobs):
            yield Started(number, node, level)
            if alike := untuned_alike(job, jobs[number + 1 :], registry, {}):
                bases = tune_at_once(alike, registry, bases)
            result = run_job(job, registry, bases)
            if result.error is not None:
                bases = LoadedBases()  # it may carry half an adapter now
            yield from sender.send([job.run_id], replace(result, job=order.jobs[number]))


def _unpack(found: Contents, given: Callable[[str], Iterator[bytes]], inbox: Inbox, root: Path) -> None:
    for digest in dict.fromkeys(found.values()):
        for piece in given(digest):
            inbox.take(digest, piece)
    inbox.deliver(found, root)


def _tune(jobs: Sequence[Job], root: Path) -> tuple[list[str], JobError | None]:
    """Make the tunings of `jobs`: the folder that says which settings ended early, if any, and why it failed."""
    registry = Registry()
    try:
        settings = by_setting({job: resolve_job(job, registry) for job in jobs})
        tune_settings(settings, root, LoadedBases(), registry.notify)
    except HarnessError as error:
        return [], JobError.of(error)
    record = halving_folder(settings, root)
    return ([f"{TUNINGS}/{record.name}"] if record.is_dir() else []), None


class _Sender:
    """Sends each content once, and each tuning that was made here."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sent: set[str] = set()
        self._tunings = set(whole_tunings(root))

    def send(
        self, folders: Sequence[str], result: JobResult | None = None, *, error: JobError | None = None
    ) -> Iterator[Message]:
        """The files of `folders` and of new tunings, and what they are."""
        made = [name for name in whole_tunings(self._root) if name not in self._tunings]
        self._tunings.update(made)
        found = contents(self._root, [*made, *folders])
        for path, digest in found.items():
            if digest not in self._sent:
                self._sent.add(digest)
                yield from (Piece(digest, piece) for piece in pieces(self._root / path))
        yield Made(found, result, error)


def execute(
    surroundings: Surroundings,
    task: Task,
    answers: Sequence[tuple[Problem, Completion]],
    limits: Limits,
    accept_unsafe: bool,
) -> tuple[Execution, ...] | None:
    """An execution for each answer, in order; None when the task has no tests."""
    surroundings.take_over()
    verdicts = task.judge(iter(answers), limits=limits, accept_unsafe=accept_unsafe)
    return None if verdicts is None else tuple(verdicts)
