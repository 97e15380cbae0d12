"""Rows know where they stand; broken data is an error with a place, never a dropped row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import DataRow, divide, first_of_slices, open_path, rows
from harness.errors import DataError
from harness.records import Problem

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y,\n]"}]


@pytest.mark.parametrize("name", ["d.json", "d.jsonl", "d.json.gz", "d.jsonl.gz", "d.parquet"])
def test_every_form_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    else:
        text = (
            json.dumps(ROWS, indent=1) if ".json" in name and ".jsonl" not in name else "\n".join(map(json.dumps, ROWS))
        )
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert [dict(row.values) for row in rows(path)] == ROWS


def test_a_truncated_array_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('[\n {"a": 1},\n {"a": ')
    with pytest.raises(DataError, match=r"d\.json, line 3: not JSON .*cut off"):
        list(rows(path))


def test_a_truncated_line_names_its_number(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"a": 1}\n\n{"a": ')
    with pytest.raises(DataError, match=r"d\.jsonl, line 3: not JSON"):
        list(rows(path))


def test_a_truncated_gzip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])
    with pytest.raises(DataError, match="broken gzip"):
        list(rows(path))


def test_a_row_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"a": 1}\n[1]\n')
    with pytest.raises(DataError, match="line 2: expected an object, found list"):
        list(rows(path))


def test_a_missing_field_and_a_wrong_type_are_named() -> None:
    row = DataRow({"a": 1}, "f, line 7")
    with pytest.raises(DataError, match=r"f, line 7: no field 'b' \(it has a\)"):
        row.get("b", str)
    with pytest.raises(DataError, match="f, line 7: field 'a' is int, not str"):
        row.get("a", str)
    assert row.get("b", str, "stand-in") == "stand-in"


def test_files_are_dealt_to_splits_by_their_names(tmp_path: Path) -> None:
    for name in ("cmd_dev.json", "x-train.jsonl", "test.json.gz", "README.md", "manifest.json"):
        (tmp_path / name).write_text("[]")
    found = open_path(tmp_path).splits()
    assert {split: [p.name for p in paths] for split, paths in found.items()} == {
        "train": ["x-train.jsonl"],
        "validation": ["cmd_dev.json"],
        "test": ["test.json.gz"],
    }


def test_a_folder_without_splits_says_what_it_expected(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("[]")
    with pytest.raises(DataError, match=r"no file is named after a split; expected names like train"):
        open_path(tmp_path).splits()


def test_a_missing_path_is_named() -> None:
    with pytest.raises(DataError, match="--data nowhere: no such file or folder"):
        open_path(Path("nowhere"))


def test_the_digest_sees_every_byte_and_name(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text("[]")
    before = open_path(tmp_path).digest
    path.write_text("[ ]")
    changed = open_path(tmp_path).digest
    path.rename(tmp_path / "test.json")
    assert len({before, changed, open_path(tmp_path).digest}) == 3


@given(st.lists(st.integers(), max_size=60), st.integers())
def test_dividing_loses_nothing_and_repeats_with_its_seed(items: list[int], seed: int) -> None:
    shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
    parts = divide(items, shares, seed)
    assert sorted(x for part in parts.values() for x in part) == sorted(items)
    assert parts == divide(items, shares, seed)


def test_a_limit_takes_problems_from_every_slice() -> None:
    problems = [Problem(f"{s}{i}", "", slice=s) for s in ("easy", "hard") for i in range(5)]
    assert [p.id for p in first_of_slices(problems, 3)] == ["easy0", "easy1", "hard0"]
    assert first_of_slices(problems, None) == problems


def test_a_hub_out_of_reach_is_asked_once_however_many_cells_of_a_study_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    from harness import data

    calls = []

    def unreachable(*words: object, **options: object) -> None:
        calls.append(words)
        raise LocalEntryNotFoundError("no connection\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    files = data.HubFiles("nobody/nothing", "0" * 40, {"test": "test.json"})
    reasons = []
    for _ in range(3):
        with pytest.raises(DataError) as caught:
            data.open_hub(files)
        reasons.append(str(caught.value))
    assert len(calls) == 1
    assert set(reasons) == {
        f"nobody/nothing@{'0' * 40}: cannot be fetched from the hub (no connection); "
        "check the connection, or give the files with --data PATH"
    }
