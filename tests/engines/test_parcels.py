"""Files travel whole or not at all, and are put into place such that a kill at any moment leaves a run to continue."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import files
from harness.engines import parcels
from harness.engines.parcels import ArrivedTorn, Inbox, contents, pieces

RUN = {"run.json": "{}", "costs.jsonl": "same\n", "records.jsonl": "same\n", "adapter/w": "w", "result.json": "{}"}
TUNING = {"tuning.json": "{}", "adapter/w": "w"}


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A folder of runs with a run and its tuning."""
    for folder, texts in {"one": RUN, "tunings/lora-1": TUNING, "validations/one": RUN, "validations/two": RUN}.items():
        for name, text in texts.items():
            path = tmp_path / "sent" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return tmp_path / "sent"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def travel(sent: Path, inbox: Path, root: Path, *folders: str) -> None:
    found = contents(sent, folders)
    for digest, path in {digest: path for path, digest in found.items()}.items():
        for piece in pieces(sent / path):
            Inbox(inbox).take(digest, piece)
    Inbox(inbox).deliver(found, root)


def texts(folder: Path) -> dict[str, str]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != files.LOCK]
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def test_a_run_and_its_tuning_arrive_as_they_were(
    sent: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "PIECE_BYTES", 3)
    root = tmp_path / "runs"
    travel(sent, inbox, root, "one", "tunings/lora-1")
    assert texts(root / "one") == RUN
    assert texts(root / "tunings" / "lora-1") == TUNING


def test_runs_on_validation_problems_arrive_each_in_its_folder(sent: Path, inbox: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    (root / "validations/two").mkdir(parents=True)
    (root / "validations/two/completions.jsonl").write_text("left")
    (root / "validations/three").mkdir()
    (root / "validations/three/run.json").write_text("another's")
    travel(sent, inbox, root, "validations/one", "validations/two")
    assert texts(root / "validations") == {
        **{f"{one}/{name}": text for one in ("one", "two") for name, text in RUN.items()},
        "three/run.json": "another's",
    }


def test_weights_are_one_file_on_disk_and_files_that_grow_are_not(sent: Path, inbox: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    travel(sent, inbox, root, "one", "tunings/lora-1")
    assert (root / "one/adapter/w").samefile(root / "tunings/lora-1/adapter/w")
    assert not (root / "one/costs.jsonl").samefile(root / "one/records.jsonl")


def test_a_file_that_arrives_torn_is_named_and_nothing_is_put_into_place(
    sent: Path, inbox: Path, tmp_path: Path
) -> None:
    found = contents(sent, ["one"])
    for digest, path in {digest: path for path, digest in found.items()}.items():
        Inbox(inbox).take(digest, (sent / path).read_bytes())
    Inbox(inbox).take(found["one/adapter/w"], b"more")
    with pytest.raises(ArrivedTorn, match="one/adapter/w: arrived torn"):
        Inbox(inbox).deliver(found, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_what_an_earlier_attempt_left_goes_and_locks_stay(sent: Path, inbox: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    (root / "one" / "adapter").mkdir(parents=True)
    for name in ("completions.jsonl", files.LOCK, "adapter/old"):
        (root / "one" / name).write_text("old")
    travel(sent, inbox, root, "one")
    assert texts(root / "one") == RUN
    assert (root / "one" / files.LOCK).is_file()


def test_without_its_last_file_a_run_is_unfinished(
    sent: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, order = tmp_path / "runs", []
    place = files.place
    monkeypatch.setattr(
        files, "place", lambda source, target, **more: order.append(target.name) or place(source, target, **more)
    )
    travel(sent, inbox, root, "one", "tunings/lora-1")
    assert order.index("tuning.json") == len(TUNING) - 1  # the tuning comes first, since the run needs it
    assert order[-1] == "result.json"


def test_a_tuning_that_is_there_already_stays(sent: Path, inbox: Path, tmp_path: Path) -> None:
    there = tmp_path / "runs" / "tunings" / "lora-1"
    there.mkdir(parents=True)
    (there / "tuning.json").write_text("mine")
    travel(sent, inbox, tmp_path / "runs", "tunings/lora-1")
    assert texts(there) == {"tuning.json": "mine"}
    assert parcels.whole_tunings(tmp_path / "runs") == ["tunings/lora-1"]


def test_locks_and_drafts_do_not_travel(sent: Path) -> None:
    (sent / "one" / files.LOCK).touch()
    (sent / "one" / f"{files.DRAFT}1").write_text("half")
    assert {Path(path).name for path in contents(sent, ["one"])} == {Path(name).name for name in RUN}
