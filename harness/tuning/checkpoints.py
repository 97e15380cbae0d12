"""Checkpoints of a tuning run: whole or not there, and damage is seen.

    checkpoint-108/
        weights.safetensors   what is trained
        state.safetensors     the optimiser's statistics, losses of the steps, states of random numbers
        state.json            the step, the validations so far
        complete.json         names, sizes and sha256 of the other files; written last and removed first

A run goes on from the newest checkpoint that is whole and whose best checkpoint (the one with the lowest validation
loss until then) is whole too. The last two are kept, each with its best one, so that one can be lost.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.disk import describe_os_error, file_errors, saving
from harness.errors import FileError
from harness.files import open_to_others, write_json

COMPLETE = "complete.json"
"""The manifest; a checkpoint without it was torn by a crash."""
_WEIGHTS, _STATE, _FACTS = "weights.safetensors", "state.safetensors", "state.json"
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A point at which a run can go on: tensors by name, and facts that JSON can hold."""

    step: int
    weights: Mapping[str, Any]
    state: Mapping[str, Any]
    facts: Mapping[str, Any]


class Writer:
    """Writes the checkpoints of a run below `folder`, one after another, while the run goes on.

    A context manager: what it was given is written when the block ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def __enter__(self) -> Writer:
        self._threads = ThreadPoolExecutor(1, "checkpoints")
        return self

    def write(self, checkpoint: Checkpoint, best: int) -> None:
        """Copy the tensors to the host, and write them (`write`) once the checkpoint before is written.

        Raises:
            FileError: the one before cannot be written.
        """
        import torch

        assert self._threads is not None
        copies = [{name: _on_host(t) for name, t in named.items()} for named in (checkpoint.weights, checkpoint.state)]
        for device in {tensor.device for tensor in checkpoint.weights.values() if tensor.is_cuda}:
            torch.cuda.synchronize(device)
        self._wait()
        copy = Checkpoint(checkpoint.step, copies[0], copies[1], _copied(checkpoint.facts))
        self._writing = self._threads.submit(write, self._folder, copy, best)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def __exit__(self, kind: object, *_: object) -> None:
        assert self._threads is not None
        self._threads.shutdown()
        if kind is None:
            self._wait()


def _on_host(tensor: Any) -> Any:
    """A copy that the training does not change; from a GPU it is there once that is synchronised."""
    tensor = tensor.detach()
    return tensor.to("cpu", non_blocking=True) if tensor.is_cuda else tensor.clone()


def _copied(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return json.loads(json.dumps(facts))  # type: ignore[no-any-return]


def write(folder: Path, checkpoint: Checkpoint, best: int) -> None:
    """Write a checkpoint below `folder`; then remove those that nobody needs any more. `best` is the best one's step.

    Raises:
        FileError: it cannot be written.
    """
    from safetensors.torch import save_file

    place = folder / f"checkpoint-{checkpoint.step}"
    with saving(place):
        remove(place)
        place.mkdir(parents=True)
        for name, tensors in ((_WEIGHTS, checkpoint.weights), (_STATE, checkpoint.state)):
            save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, place / name)
        open_to_others(place)
        write_json(place / _FACTS, {"step": checkpoint.step, "best": best, **checkpoint.facts})
        files = {name: _stamp(place / name) for name in (_WEIGHTS, _STATE, _FACTS)}
        write_json(place / COMPLETE, {"step": checkpoint.step, "files": files})
        found = _all(folder)
        needed = {_step(one) for one in found[-_KEPT:]} | {_facts(one)["best"] for one in found[-_KEPT:]}
        for old in found:
            if _step(old) not in needed:
                remove(old)


def last(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that a run can go on from, or None; torn and damaged ones are named and removed.

    Raises:
        FileError: a folder cannot be read or removed.
    """
    whole = {}
    with file_errors(folder):
        for place in _all(folder):
            if (why := _damage(place)) is None:
                whole[_step(place)] = place
                continue
            if why:
                print(f"note: {place}: {why}; going on from a checkpoint before it", file=sys.stderr)
            remove(place)
        for step in sorted(whole, reverse=True):
            facts = _facts(whole[step])
            if facts["best"] in whole:
                return _read(whole[step], facts)
            remove(whole[step])
    return None


def weights(folder: Path, step: int) -> Mapping[str, Any]:
    """The weights of the checkpoint at `step`, on the host.

    Raises:
        FileError: it is not there any more.
    """
    from safetensors.torch import load_file

    place = folder / f"checkpoint-{step}" / _WEIGHTS
    with file_errors(place):
        return load_file(place)


def copy_tensors(source: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """Copy tensors into those of the same names, in place, since CUDA graphs hold their addresses."""
    import torch

    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])


def remove(place: Path) -> None:
    """Take a checkpoint away, the manifest first, so that what a kill leaves is known to be torn.

    Raises:
        FileError: it cannot be removed.
    """
    with file_errors(place):
        if place.is_dir():
            (place / COMPLETE).unlink(missing_ok=True)
            shutil.rmtree(place)


def _read(place: Path, facts: Mapping[str, Any]) -> Checkpoint:
    from safetensors.torch import load_file

    return Checkpoint(facts["step"], load_file(place / _WEIGHTS), load_file(place / _STATE), facts)


def _damage(place: Path) -> str | None:
    """What is wrong with a checkpoint; empty where it was torn by a kill, None where nothing is."""
    try:
        listed = json.loads(_bytes(place / COMPLETE))["files"]
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError):
        return f"{COMPLETE} is damaged"
    for name, stamp in listed.items():
        file = place / name
        if not file.is_file():
            return f"{name} is missing"
        if _stamp(file) != stamp:
            return f"{name} is damaged"
    return None


def _facts(place: Path) -> Any:
    return json.loads(_bytes(place / _FACTS))


def _bytes(file: Path) -> bytes:
    """The bytes of a file, which is there or not.

    Raises:
        FileNotFoundError: it is not.
        FileError: it cannot be read; names it, and not the checkpoint that is being written.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileError(describe_os_error(error, file)) from None


def _stamp(file: Path) -> Mapping[str, Any]:
    with file_errors(file), file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _all(folder: Path) -> Sequence[Path]:
    """The folders of checkpoints, oldest first."""
    return sorted((p for p in folder.glob("checkpoint-*") if p.name[11:].isdigit()), key=_step)


def _step(place: Path) -> int:
    return int(place.name.rpartition("-")[2])
