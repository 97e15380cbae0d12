"""A run that was killed anywhere, or whose checkpoint was damaged, ends as one that was left alone."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.decoding.generate import generate
from harness.errors import FileError
from harness.modeling.base import Base
from harness.modeling.prompts import Prompt
from harness.records import Sampling, Tuning, Watched
from harness.tuning import checkpoints
from harness.tuning.watching import Look

METHOD = "lora"
Rows = list[dict[str, list[int]]]
FILES = ("weights.safetensors", "state.safetensors", "state.json", "complete.json")


def made(count: int) -> Rows:
    """Rows of random lengths."""
    rng = random.Random(0)
    prompts = [[rng.randrange(1, 257) for _ in range(rng.randrange(2, 40))] for _ in range(count)]
    return [{"input_ids": [*p, 5, 6, 7], "labels": [*[-100] * len(p), 5, 6, 7]} for p in prompts]


def tune(model_folder: str, train: Rows, folder: Path, kill_at: int | None, together: bool) -> None:
    """Tune in this process; killed with SIGKILL at the `kill_at`-th use, write or removal of a checkpoint.

    Or three adapters `together`, that are looked at: a step of what is written for a look counts, too.
    """
    import torch

    torch.set_num_threads(1)
    from harness.modeling import base as model
    from harness.plugin_system.registry import Registry
    from harness.records import ModelSpec
    from harness.tuning import watching
    from harness.tuning.joint import JointTrainingLoop
    from harness.tuning.loop import TrainingLoop
    from harness.tuning.stacked import JointMember

    method = Registry().method(METHOD).plugin
    base = model.load(ModelSpec(model_folder), {})
    torch.manual_seed(0)
    adapted = method.adapt(base, method.Config())
    places = str(folder / "checkpoints")
    (folder / "checkpoints").mkdir(exist_ok=True)
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir") and places in str(arguments[0]):
            count()

    sys.addaudithook(audit)
    tuning = Tuning(0.03, epochs=2.0, batch_size=4, evaluate_every=0.4)
    more = (4, folder / "checkpoints")
    found: Any
    if together:
        watching.SHARE = 0.9999
        slower = [Tuning(rate, epochs=2.0, batch_size=4, evaluate_every=0.4) for rate in (0.03, 0.01, 0.003)]
        members = [JointMember.of(adapted, one, 7 + number) for number, one in enumerate(slower)]
        looks = [written_greedily(count)] * 3
        loop = JointTrainingLoop(adapted, members, train[:20], train[20:], *more, lambda *_: None, looks=looks)
        found = [(r.losses, r.history, {name: w.tolist() for name, w in some.items()}) for r, some in loop.run()]
    else:
        done = TrainingLoop(adapted, train[:20], train[20:], tuning, *more, 7, lambda *_: None).run()
        weights = {name: p.tolist() for name, p in adapted.model.named_parameters() if p.requires_grad}
        found = (done.losses, done.history, weights)
    (folder / "result.json").write_text(json.dumps(found))
    (folder / "seen").write_text(str(seen))


def written_greedily(count: Callable[[], None]) -> Look:
    """A look that writes with the adapter; `count` is called before each step of it."""

    def look(base: Base, _: Callable[[], None]) -> Watched:
        prompts = [Prompt("a", "a", (40, 41, 42)), Prompt("b", "b", (43, 44))]
        texts = [done[0].text for _, done in generate(base, prompts, Sampling(1, 4), 0, batch=2, on_step=count)]
        return Watched("length", float(len("".join(texts))), 2, 0.0)

    return look


Elsewhere = Callable[..., int | None]


@pytest.fixture(scope="module")
def elsewhere(model_of: Callable[[str], Path]) -> Elsewhere:
    """`tune` in a fresh process; its exit status."""
    model_folder, train = model_of("llama"), made(26)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.testing.warm"])

    def start(folder: Path, kill_at: int | None = None, together: bool = False) -> int | None:
        folder.mkdir(exist_ok=True)
        process = context.Process(target=tune, args=(str(model_folder), train, folder, kill_at, together))
        process.start()
        process.join()
        return process.exitcode

    return start


@pytest.fixture(scope="module")
def undisturbed(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The folder of a run that was left alone, and how many moments it has to be killed at."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert elsewhere(folder) == 0
    return folder, int((folder / "seen").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together and looked at"])
def test_a_run_that_is_killed_anywhere_ends_as_one_that_is_not(
    together: bool, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    assert elsewhere(whole, None, together) == 0
    expected, moments = (whole / "result.json").read_bytes(), int((whole / "seen").read_text())
    assert moments > 50
    for kill_at in sorted(random.Random(0).sample(range(2, moments), 5)):
        folder = tmp_path / str(kill_at)
        assert elsewhere(folder, kill_at, together) == -signal.SIGKILL
        assert not (folder / "result.json").exists()
        # Killed once more on the way, unless it is at the end by then.
        assert elsewhere(folder, 30, together) in (-signal.SIGKILL, 0)
        assert elsewhere(folder, None, together) == 0
        assert (folder / "result.json").read_bytes() == expected, f"killed at {kill_at} of {moments}"


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    damage: str, undisturbed: tuple[Path, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = undisturbed[0] / "checkpoints"
    steps = sorted(int(place.name.split("-")[1]) for place in source.iterdir())
    for name in FILES:
        folder = tmp_path / name
        shutil.copytree(source, folder)
        harm(folder / f"checkpoint-{steps[-1]}" / name, damage)
        found = checkpoints.last(folder)
        told = capsys.readouterr().err
        assert found is not None and found.step == steps[-2]
        assert not (folder / f"checkpoint-{steps[-1]}").exists()
        if (name, damage) != ("complete.json", "missing"):  # what a kill leaves
            # A digest that was flipped in the manifest speaks of another file.
            what = "" if name == "complete.json" else f"{name} is "
            assert f"checkpoint-{steps[-1]}: {what}" in told and told.count("\n") == 1


def harm(file: Path, damage: str) -> None:
    data = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        # In the middle of the manifest stand digests; elsewhere any bit will do.
        place = data.index(b'"sha256": "') + 12 if file.name == "complete.json" else len(data) // 2
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_a_checkpoint_whose_best_one_is_gone_is_not_used(undisturbed: tuple[Path, int], tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(undisturbed[0] / "checkpoints", folder)
    for place in folder.iterdir():
        facts = json.loads((place / "state.json").read_bytes())
        facts["best"] = 1  # none of them
        (place / "state.json").write_text(json.dumps(facts))
        stamp = checkpoints._stamp(place / "state.json")
        manifest = json.loads((place / "complete.json").read_bytes())
        manifest["files"]["state.json"] = stamp
        (place / "complete.json").write_text(json.dumps(manifest))
    assert checkpoints.last(folder) is None
    assert not list(folder.iterdir())


def test_the_last_two_checkpoints_are_kept_each_with_its_best_one(tmp_path: Path) -> None:
    import torch

    best = 0
    for step, loss in enumerate([3.0, 1.0, 2.0, 2.5, 0.5, 0.7], 1):
        losses = {0: 9.0, 1: 3.0, 2: 1.0, 5: 0.5}
        best = step if loss < losses[best] else best
        tensors = {"a": torch.full((3,), loss)}
        checkpoints.write(tmp_path, checkpoints.Checkpoint(step, tensors, tensors, {}), best)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["checkpoint-5", "checkpoint-6"]
    found = checkpoints.last(tmp_path)
    assert found is not None and found.step == 6
    assert checkpoints.weights(tmp_path, 5)["a"].tolist() == [0.5] * 3


def test_what_is_written_is_what_the_weights_were_and_not_what_they_became(tmp_path: Path) -> None:
    import torch

    weight, history = torch.zeros(1000), [(1, 0.5)]
    with checkpoints.Writer(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.write(checkpoints.Checkpoint(step, {"w": weight}, {"w": weight}, {"history": history}), step)
            weight += 1
            history.append((step, 0.0))
    found = checkpoints.last(tmp_path)
    assert found is not None and found.step == 3
    assert found.weights["w"].tolist() == [2.0] * 1000
    assert found.facts["history"] == [[1, 0.5], [1, 0.0], [2, 0.0]]


def test_a_checkpoint_that_cannot_be_written_ends_the_run_with_its_name(tmp_path: Path) -> None:
    import torch

    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"), checkpoints.Writer(tmp_path / "file") as writer:
        writer.write(checkpoints.Checkpoint(1, {"w": torch.zeros(1)}, {}, {}), 1)


@pytest.mark.parametrize("name", ["state.json", "complete.json"])
def test_a_checkpoint_that_cannot_be_read_is_named_and_not_the_one_that_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    tensors = {"w": torch.zeros(1)}
    for step in (1, 2):
        checkpoints.write(tmp_path, checkpoints.Checkpoint(step, tensors, tensors, {}), step)
    broken, real = tmp_path / "checkpoint-2" / name, Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(FileError, match=re.escape(f"{broken}: Input/output error; check the disk")):
        if name == "state.json":
            checkpoints.write(tmp_path, checkpoints.Checkpoint(3, tensors, tensors, {}), 3)
        else:
            checkpoints.last(tmp_path)
