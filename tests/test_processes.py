"""What the processes of a command say to each other; two real ones, over the loopback."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from harness import processes
from harness.errors import ModelError
from harness.evaluation.worker import serve
from tests.two_processes import in_two


def everything(folder: Path) -> dict[str, Any]:
    """One of each."""
    import torch

    own = float(processes.number() + 1)
    tensors = [torch.full((3,), own), torch.full((2, 2), own, dtype=torch.float64), torch.full((1 << 20, 2), own)]
    processes.add_up(tensors)
    weight = torch.nn.Parameter(torch.full((2,), own))
    processes.copy_from_first([weight])
    channel, came = processes.Channel(), []
    if processes.is_first():
        came = [*channel.arrived(), *channel.rest()]
    else:
        for value in ({"id": "a"}, [1, 2], None):
            channel.send(value)
    return {
        "sums": [float(tensor.mean()) for tensor in tensors],
        "copied": weight.tolist(),
        "any": [processes.any_of(False), processes.any_of(not processes.is_first())],
        "from first": processes.from_first(processes.number()),
        "gathered": processes.gathered(processes.number()),
        "share": processes.share("abcde"),
        "came": came,
        "tells": processes.any_of(processes.tells_failure()),
        "done": parts_done(folder),
        "told": "" if processes.is_first() else why_it_ends(),
    }


class Appending:
    """A part that notes its word, and fails for the word "no"."""

    def __init__(self, word: str, folder: Path) -> None:
        self.word, self.folder = word, folder

    def run(self, _: object) -> None:
        with (self.folder / f"{processes.number()}").open("a") as file:
            file.write(f"{self.word} ")
        if self.word == "no":
            raise ModelError("no")


def parts_done(folder: Path) -> str:
    """What this process has done of three parts, the second of which fails in both."""
    if not processes.is_first():
        serve()
    else:
        for word in ("one", "no", "two"):
            part = Appending(word, folder)
            with contextlib.suppress(ModelError), processes.shared(part):
                part.run(None)
        processes._broadcast(None)
    return (folder / f"{processes.number()}").read_text()


def why_it_ends() -> str:
    """What the second process says where the first, which ends now, hands out nothing more."""
    with pytest.raises(processes.OthersEnded) as error:
        processes.next_part()
    return str(error.value)


@pytest.mark.slow
def test_two_processes_add_up_copy_send_and_miss_each_other(tmp_path: Path) -> None:
    first, second = in_two(everything, tmp_path)
    assert second["told"] == "another process of this command ended in the middle; the same command continues"
    assert first["came"] == [{"id": "a"}, [1, 2]] and second["came"] == []
    assert (first["share"], second["share"]) == ("ace", "bd")
    for name, expected in {
        "sums": [3.0, 3.0, 3.0],
        "copied": [1.0, 1.0],
        "any": [False, True],
        "from first": 0,
        "gathered": [0, 1],
        "tells": True,
        "done": "one no two ",
    }.items():
        assert first[name] == second[name] == expected, name


def test_a_command_alone_is_the_first_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not processes.asked()
    processes.join()
    assert (processes.number(), processes.count(), processes.is_first()) == (0, 1, True)
    assert processes.from_first("a") == "a" and processes.gathered("a") == ["a"]
    assert processes.share([1, 2]) == [1, 2] and processes.tells_failure()
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert not processes.asked(), "some images set it, and no torchrun started others"


def test_one_process_that_torchrun_started_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not processes.asked()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert processes.asked()
