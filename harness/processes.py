"""The processes of one command, where torchrun started several.

The first one does what a command alone does: it plans, locks, writes files, judges and prints. The others wait for
the parts of the work that all do together, and are silent. The first that fails tells why, in one line, and the others
end with it. A command alone is the first of one.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets for each process that it starts."""
_LONGEST_WAIT = timedelta(days=30)
"""The others wait while the first judges. Nobody waits for one that ended: its connections are closed."""
_ANSWER_WAIT = timedelta(seconds=1)
_AGREEMENT_SECONDS = 5.0
"""In which all fail that fail alike; a process that fails alone ends so much later."""
_LARGEST_FLATTENED = 1 << 20
"""Elements of a tensor up to which it is added up together with others: one call is faster than many."""


class OthersEnded(HarnessError):
    """Another process of this command ended before its work was done."""

    def __init__(self) -> None:
        super().__init__("another process of this command ended in the middle; the same command continues")


class Part(Protocol):
    """A part of the work that all processes do together; it is pickled for those that wait for it."""

    def run(self, bases: Any) -> None:
        """Do what of it is this process's, with the base models (`modeling.bases.LoadedBases`) that it has."""


@dataclass
class _Joined:
    """This process among `count`; `apart` while a part is under way, and for good when one failed."""

    number: int = 0
    count: int = 1
    store: Any = None
    apart: bool = False
    parts: int = 0
    channels: int = 0


_joined = _Joined()


def number() -> int:
    """Which of the processes this is, from 0."""
    return _joined.number


def count() -> int:
    """How many processes work on this command."""
    return _joined.count


def is_first() -> bool:
    """Whether this process writes files and prints."""
    return _joined.number == 0


def share(items: Sequence[T]) -> Sequence[T]:
    """Every `count`th of `items`, those of this process."""
    return items[_joined.number :: _joined.count]


# ---- together and apart ------------------------------------------------------------------------------------------


def asked() -> bool:
    """Whether torchrun started this process as one of several."""
    if not all(name in os.environ for name in _VARIABLES):
        return False
    return os.environ["WORLD_SIZE"].isdigit() and int(os.environ["WORLD_SIZE"]) > 1


def join() -> None:
    """Meet the other processes that torchrun started; nothing where it started no others.

    Raises:
        UsageError: there are more processes than GPUs on this machine, or the others cannot be reached.
    """
    if not asked():
        return
    import torch.distributed

    try:
        _meet(torch.distributed)
    except torch.distributed.DistError as error:
        text = " ".join(str(error).split())[:200]
        raise UsageError(f"the other processes that torchrun started cannot be reached: {text}") from None
    for name in _VARIABLES:  # what this process starts is none of them
        del os.environ[name]


def _meet(dist: Any) -> None:
    import torch

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    port, attempt = int(os.environ["MASTER_PORT"]), os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.TCPStore(os.environ["MASTER_ADDR"], port, size, is_master=rank == 0 and not agent, multi_tenant=True)
    _joined.store = dist.PrefixStore(f"harness/{attempt}", store)
    _joined.number, _joined.count = rank, size
    backend = "gloo"
    if torch.cuda.is_available():
        _choose_gpu(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    group = dist.PrefixStore("group", _joined.store)
    dist.init_process_group(backend, store=group, rank=rank, world_size=size, timeout=_LONGEST_WAIT)


def _choose_gpu(local: int) -> None:
    import torch

    if local >= (gpus := torch.cuda.device_count()):
        raise UsageError(f"torchrun started more processes on this machine than it has GPUs ({gpus}); start {gpus}")
    torch.cuda.set_device(local)


def leave() -> None:
    """Let the waiting processes end, and part from them; nothing where a part failed, of which they know."""
    if _joined.count == 1 or _joined.apart:
        return
    import torch.distributed as dist

    _joined.apart = True
    if is_first():
        with contextlib.suppress(RuntimeError):  # one has ended already
            _broadcast(None)
    dist.destroy_process_group()


def tells_failure() -> bool:
    """Whether this process is the first to fail, and so tells why."""
    if _joined.count == 1:
        return True
    try:
        return bool(_joined.store.add("failed", 1) == 1)
    except RuntimeError:  # torchrun, which keeps the store, ended before
        return is_first()


@contextlib.contextmanager
def shared(part: Part) -> Iterator[None]:
    """Hand `part` to the other processes, while the block does what is the first one's.

    Where it fails in all of them alike, as by a loss that is no number, they stay together for the next part.

    Raises:
        OthersEnded: one failed, now or in an earlier part.
    """
    if _joined.count == 1:
        yield
        return
    if _joined.apart:
        raise OthersEnded
    _joined.apart = True
    _joined.parts += 1
    try:
        with others_named():
            _broadcast(part)
            yield
    except HarnessError as error:
        _joined.apart = not failed_in_all(error)
        raise
    _joined.apart = False


def next_part() -> Part | None:
    """Wait for what the first process hands out; None where all is done.

    Raises:
        OthersEnded: it ended before.
    """
    _joined.parts += 1
    with others_named():
        part: Part | None = _broadcast(None)
        return part


def failed_in_all(error: HarnessError) -> bool:
    """Whether the part, which failed in this process with `error`, fails by itself in every other one, too."""
    if isinstance(error, OthersEnded):
        return False
    key, end = f"part/{_joined.parts}", time.monotonic() + _AGREEMENT_SECONDS
    failed = _joined.store.add(key, 1)
    while failed < _joined.count and time.monotonic() < end:
        time.sleep(0.05)
        failed = _joined.store.add(key, 0)
    return bool(failed == _joined.count)


@contextlib.contextmanager
def others_named() -> Iterator[None]:
    """What torch raises in this block because another process ended is an expected failure."""
    try:
        yield
    except RuntimeError as error:
        import torch.distributed as dist

        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise OthersEnded from None


# ---- what they say to each other -----------------------------------------------------------------------------------


def _broadcast(value: Any) -> Any:
    import torch
    import torch.distributed as dist

    holder = [value]
    dist.broadcast_object_list(holder, src=0, device=torch.device("cpu"))
    return holder[0]


def from_first(value: T) -> T:
    """The `value` of the first process, in all of them."""
    return value if _joined.count == 1 else _broadcast(value)


def gathered(value: T) -> list[T]:
    """The value of each process, in all of them."""
    import torch.distributed as dist

    if _joined.count == 1:
        return [value]
    found: list[Any] = [None] * _joined.count
    dist.all_gather_object(found, value)
    return found


def any_of(value: bool) -> bool:
    """Whether `value` is true in one of the processes; they wait for each other, but not for their GPUs."""
    import torch
    import torch.distributed as dist

    flag = torch.tensor([int(value)])
    dist.all_reduce(flag)
    return bool(flag)


def add_up(tensors: Sequence[torch.Tensor]) -> None:
    """Replace each tensor by its sum over all processes, in place."""
    import torch
    import torch.distributed as dist

    if _joined.count == 1:
        return
    small: dict[torch.dtype, list[torch.Tensor]] = {}
    for tensor in tensors:
        if tensor.numel() > _LARGEST_FLATTENED and tensor.is_contiguous():
            dist.all_reduce(tensor)
        else:
            small.setdefault(tensor.dtype, []).append(tensor)
    for alike in small.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in alike])
        torch._foreach_copy_(alike, [part.view_as(tensor) for part, tensor in zip(parts, alike, strict=True)])


def copy_from_first(tensors: Sequence[torch.Tensor]) -> None:
    """Overwrite each tensor with that of the first process, in place."""
    import torch.distributed as dist

    if _joined.count == 1:
        return
    for tensor in tensors:
        dist.broadcast(tensor.detach(), src=0)


class Channel:
    """What the other processes send to the first while each goes on with its own work.

    All make the channels of a command in the same order.
    """

    def __init__(self) -> None:
        _joined.channels += 1
        self._name = f"channel/{_joined.channels}"
        self._sent = 0
        self._received = dict.fromkeys(range(1, _joined.count), 0)

    def send(self, value: Any) -> None:
        """Send `value` to the first process; None says that nothing more comes."""
        _joined.store.set(self._key(_joined.number, self._sent), pickle.dumps(value))
        self._sent += 1

    def arrived(self) -> Iterator[Any]:
        """What has come by now."""
        for sender in list(self._received):
            while sender in self._received and _joined.store.check([self._key(sender, self._received[sender])]):
                yield from self._take(sender)

    def rest(self) -> Iterator[Any]:
        """All that comes until everybody has sent None.

        Raises:
            OthersEnded: a sender failed.
        """
        while self._received:
            yield from self.arrived()
            waited = not self._received or self._waited(next(iter(self._received)))
            if not waited and _joined.store.check(["failed"]):
                raise OthersEnded

    def _waited(self, sender: int) -> bool:
        import torch.distributed as dist

        try:
            _joined.store.wait([self._key(sender, self._received[sender])], _ANSWER_WAIT)
        except dist.DistStoreError:
            return False
        return True

    def _take(self, sender: int) -> Iterator[Any]:
        key = self._key(sender, self._received[sender])
        value = pickle.loads(_joined.store.get(key))  # noqa: S301 - a process of this command sent it
        _joined.store.delete_key(key)
        self._received[sender] += 1
        if value is None:
            del self._received[sender]
        else:
            yield value

    def _key(self, sender: int, position: int) -> str:
        return f"{self._name}/{sender}/{position}"
