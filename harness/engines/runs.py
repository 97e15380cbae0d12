"""Makes runs and tunings on a Ray cluster.

Jobs that share a base model are tasks; Ray finds each a node. What a task makes comes back file by file and is put into
the folder of runs when a job has ended, so that a node that dies costs only what it had not finished: that is ordered
again, which is noted. A failure of a job itself is its result, as in this process.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import shutil
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import files
from harness.disk import file_errors
from harness.engines import node
from harness.engines.cluster import Cluster, Lost, Room, gist
from harness.engines.parcels import ArrivedTorn, Contents, Inbox, contents, pieces
from harness.errors import HarnessError, RunError
from harness.evaluation.executor import Job, JobError, JobResult, Sweep, Tuned, run_job
from harness.evaluation.runs import TUNINGS
from harness.modeling.bases import LoadedBases
from harness.plugin_system.registry import Registry

ATTEMPTS = 4
"""How often a job is begun at the most when the nodes it runs on are lost."""
ROUNDS = 2
"""Tasks for each place in the cluster: the more, the evener the end, and the more often a base model is loaded."""
_PIECES_AHEAD = 4
_SECONDS_BEFORE_NOTE = 60.0


def shares(jobs: Sequence[Job], at_once: int) -> list[tuple[Job, ...]]:
    """The jobs of each task: of one base model, those with one tuning together, tasks of about the same length.

    There are about `ROUNDS` times as many as run at once. Neighbours are dealt out in turn, since they take alike.
    """
    groups: dict[str, dict[str, list[Job]]] = {}
    for job in jobs:
        groups.setdefault(job.group, {}).setdefault(job.tuning or job.run_id, []).append(job)
    found = []
    for group in groups.values():
        units = list(group.values())
        size = sum(len(unit) for unit in units)
        count = min(len(units), max(1, math.ceil(ROUNDS * at_once * size / len(jobs))))
        dealt = [itertools.chain.from_iterable(units[number::count]) for number in range(count)]
        found += [tuple(share) for share in dealt]
    return found


class RayExecutor:
    """Makes runs on the nodes of a cluster (`harness.evaluation.executor.Executor`)."""

    def __init__(self, cluster: Cluster, room: Room, registry: Registry) -> None:
        self._cluster = cluster
        self._registry = registry
        self._room = room
        self._make = cluster.function(
            _make_on_node, room, num_returns="streaming", _generator_backpressure_num_objects=_PIECES_AHEAD
        )
        self._retries: dict[Job, int] = {}
        self._holds: dict[Job, contextlib.ExitStack] = {}

    @property
    def retried(self) -> list[str]:
        """The ids of the runs that were begun again because what they ran on was lost."""
        return [job.run_id for job in self._retries]

    def run(self, jobs: Sequence[Job], started: Callable[[Job], None]) -> Iterator[JobResult]:
        """As `Executor.run`. What could not be planned is tried here, where it fails again with its reason."""
        for job in [job for job in jobs if not job.run_id]:
            started(job)
            yield run_job(job, self._registry, LoadedBases())
        waiting = deque(shares([job for job in jobs if job.run_id], self._room.at_once))
        elsewhere: list[Job] = []
        running: dict[Any, _Task] = {}
        with contextlib.ExitStack() as stack:
            stack.callback(self._end, running)
            while waiting or running or elsewhere:
                self._order(waiting, running, elsewhere)
                if not running:
                    _wait_for(elsewhere[0])
                    waiting.append((elsewhere.pop(0),))
                    continue
                task = self._next_to_speak(running)
                yield from self._listen(task, running, waiting, started)

    def _order(self, waiting: deque[tuple[Job, ...]], running: dict[Any, _Task], elsewhere: list[Job]) -> None:
        """Order what waits, up to a few more tasks than run at once; what another process makes is left aside."""
        while waiting and len(running) < ROUNDS * self._room.at_once:
            share = waiting.popleft()
            held = tuple(job for job in share if self._hold(job))
            elsewhere += [job for job in share if job not in held]
            if held:
                task = _Task(self._cluster, self._make, held, self._room.cores)
                running[task.stream] = task

    def _hold(self, job: Job) -> bool:
        """Hold the folder of a run, so that no other process makes it; False where one does."""
        if job in self._holds:
            return True
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(files.locked(job.runs / job.run_id))
            except RunError:
                return False
            self._holds[job] = stack.pop_all()
        return True

    def _next_to_speak(self, running: Mapping[Any, _Task]) -> _Task:
        while not (found := self._cluster.ready(list(running), _SECONDS_BEFORE_NOTE)):
            if all(task.begun is None for task in running.values()):
                print("note: the cluster has had no room for a run yet; see: ray status", file=sys.stderr, flush=True)
        return running[found[0]]

    def _listen(
        self,
        task: _Task,
        running: dict[Any, _Task],
        waiting: deque[tuple[Job, ...]],
        started: Callable[[Job], None],
    ) -> Iterator[JobResult]:
        """What one message of a task means."""
        try:
            message = task.receive()
        except Lost as lost:
            running.pop(task.stream).close()
            yield from self._again(task, str(lost), waiting)
            return
        except Exception as error:  # noqa: BLE001 - what a node says is the failure of its jobs
            running.pop(task.stream).close()
            yield from (self._ended(JobResult(job, 0.0, error=_job_error(error)), {}) for job in task.unfinished)
            return
        if message is None:
            running.pop(task.stream).close()
        elif isinstance(message, node.Started):
            started(task.jobs[message.place])
        elif isinstance(message, node.Made) and message.result is not None:
            yield self._ended(message.result, task.facts)

    def _ended(self, result: JobResult, facts: Mapping[str, Any]) -> JobResult:
        self._holds.pop(result.job).close()
        retries = self._retries.get(result.job, 0)
        return replace(result, facts={**facts, **({"retries": retries} if retries else {})})

    def _again(self, task: _Task, why: str, waiting: deque[tuple[Job, ...]]) -> Iterator[JobResult]:
        """Have the unfinished jobs of a lost task made again; one that was under way too often has failed."""
        rest = task.unfinished
        if rest:
            job = rest[0]
            self._retries[job] = self._retries.get(job, 0) + 1
            if self._retries[job] >= ATTEMPTS:
                yield self._ended(JobResult(job, task.seconds, error=_lost_too_often(why)), task.facts)
                rest = rest[1:]
        if not rest:
            return
        waiting.appendleft(rest)
        others = f" and {len(rest) - 1} that it had not begun" if rest[1:] else ""
        print(f"note: {task.where} was lost ({why}); made again: {rest[0].run_id}{others}", file=sys.stderr, flush=True)

    def _end(self, running: dict[Any, _Task]) -> None:
        """Give back what is held."""
        for task in running.values():
            task.cancel()
        for hold in self._holds.values():
            hold.close()
        self._holds.clear()

    def tune(self, sweeps: Sequence[Sweep], started: Callable[[int], None]) -> Iterator[Tuned]:
        """As `Executor.tune`; a sweep is a task, so that tunings of one kind can be made at once."""
        waiting, lost = deque(range(len(sweeps))), Counter[int]()
        running: dict[Any, _Task] = {}
        places: dict[_Task, int] = {}
        with contextlib.ExitStack() as stack:
            stack.callback(self._end, running)
            while waiting or running:
                while waiting and len(running) < ROUNDS * self._room.at_once:
                    place = waiting.popleft()
                    task = _Task(self._cluster, self._make, tuple(sweeps[place]), self._room.cores, only_tune=True)
                    running[task.stream], places[task] = task, place
                task = self._next_to_speak(running)
                yield from self._listen_to_sweep(task, places[task], running, waiting, lost, started)

    def _listen_to_sweep(
        self,
        task: _Task,
        place: int,
        running: dict[Any, _Task],
        waiting: deque[int],
        lost: Counter[int],
        started: Callable[[int], None],
    ) -> Iterator[Tuned]:
        """What one message of a task that tunes means."""
        try:
            message = task.receive()
        except Lost as why:
            running.pop(task.stream).close()
            lost[place] += 1
            if lost[place] >= ATTEMPTS:
                yield Tuned(place, task.seconds, _lost_too_often(str(why)))
                return
            waiting.append(place)
            print(f"note: {task.where} was lost ({why}); its tunings are made again", file=sys.stderr, flush=True)
            return
        except Exception as error:  # noqa: BLE001 - what a node says is the failure of its sweep
            running.pop(task.stream).close()
            yield Tuned(place, task.seconds, _job_error(error))
            return
        if message is None:
            running.pop(task.stream).close()
        elif isinstance(message, node.Started):
            started(place)
        elif isinstance(message, node.Made):
            yield Tuned(place, task.seconds, message.error)


class _Task:
    """Jobs that were ordered together, and what has come back of them."""

    def __init__(
        self, cluster: Cluster, make: Any, jobs: tuple[Job, ...], cores: int, *, only_tune: bool = False
    ) -> None:
        self.jobs = jobs
        self.begun: node.Started | None = None
        self._cluster = cluster
        self._done = 0
        self._heard = time.monotonic()
        self._root = jobs[0].runs
        with file_errors(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            self._box = Path(tempfile.mkdtemp(prefix=files.DRAFT, dir=self._root))
        self._inbox = Inbox(self._box)
        given = _made_before(jobs, only_tune)
        order = node.Order(jobs, node.Surroundings.here(cores), given, only_tune)
        paths = {digest: path for path, digest in given.items()}
        sent = {digest: [cluster.put(piece) for piece in pieces(self._root / path)] for digest, path in paths.items()}
        self.stream = make.remote(order, sent)

    def receive(self) -> node.Message | None:
        """The next message, when the files that it brings are in their places; None at the end.

        Raises:
            Lost: the task is lost; what it has not finished must be ordered again.
        """
        try:
            message: node.Message = self._cluster.value(self.stream)
        except StopIteration:
            return None
        if isinstance(message, node.Started):
            self.begun, self._heard = message, time.monotonic()
        elif isinstance(message, node.Piece):
            self._inbox.take(message.digest, message.data)
        else:
            try:
                self._inbox.deliver(message.contents, self._root)
            except ArrivedTorn as error:
                raise Lost(str(error)) from None
            self._done += 1
        return message

    @property
    def seconds(self) -> float:
        """How long ago the last job began, or without one the task was ordered."""
        return round(time.monotonic() - self._heard, 1)

    @property
    def unfinished(self) -> tuple[Job, ...]:
        """The jobs whose results have not come back."""
        return self.jobs[self._done :]

    @property
    def where(self) -> str:
        """The node that the task runs on, in words."""
        return f"node {self.begun.node}" if self.begun else "a node"

    @property
    def facts(self) -> dict[str, Any]:
        """Where the task runs, for the log."""
        if self.begun is None:
            return {}
        return {"engine": "ray", "node": self.begun.node, "isolation": self.begun.isolation}

    def cancel(self) -> None:
        """Interrupt it; what it has not sent is lost."""
        self._cluster.cancel(self.stream)
        self.close()

    def close(self) -> None:
        """Delete what has arrived and is in its place by now."""
        shutil.rmtree(self._box, ignore_errors=True)


def _make_on_node(order: node.Order, sent: Mapping[str, Sequence[Any]]) -> Iterator[node.Message]:
    """On a node: what is ordered. `sent` has the references of the pieces of each file that was made before."""
    import ray

    def given(digest: str) -> Iterator[bytes]:
        return (ray.get(piece) for piece in sent[digest])

    context = ray.get_runtime_context()
    yield from node.make(order, given, f"{ray.util.get_node_ip_address()} ({context.get_node_id()[:8]})")


def _made_before(jobs: Sequence[Job], only_tune: bool) -> Contents:
    """What there is of jobs and their tunings, finished or broken off."""
    root = jobs[0].runs
    names = dict.fromkeys(f"{TUNINGS}/{job.tuning}" for job in jobs if job.tuning)
    names |= {} if only_tune else dict.fromkeys(job.run_id for job in jobs)
    return contents(root, [name for name in names if (root / name).is_dir()])


def _wait_for(job: Job) -> None:
    """Until no other process makes the run."""
    with files.locked(job.runs / job.run_id, wait_for="this run"):
        pass


def _lost_too_often(why: str) -> JobError:
    return JobError(HarnessError.__name__, f"lost {ATTEMPTS} times with what it ran on, lastly: {why}")


def _job_error(error: Exception) -> JobError:
    if isinstance(error, HarnessError):
        return JobError.of(error)
    return JobError(type(error).__name__, gist(error), traceback=str(error))
