"""Rows know where they stand; broken data is an error with a place, never a dropped row."""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import integers
from harness.data.sources import DataRow, divide, first_of_slices, open_path, rows
from harness.errors import DataError
from harness.records import Problem

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y,\n]"}]


def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path: Path) -> None:
    for name, text in (("d.json", json.dumps(ROWS)), ("d.jsonl", "\n".join(map(json.dumps, ROWS)))):
        (tmp_path / name).write_bytes(text.encode("utf-8-sig"))
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode("utf-8-sig")))
        assert [dict(row.values) for row in rows(tmp_path / name)] == ROWS
        assert [dict(row.values) for row in rows(tmp_path / f"{name}.gz")] == ROWS
    (tmp_path / "d.csv").write_bytes("a,b\n1,x\n".encode("utf-8-sig"))
    assert [dict(row.values) for row in rows(tmp_path / "d.csv")] == [{"a": "1", "b": "x"}]


def test_another_encoding_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes('{"a": 1}'.encode("utf-16"))
    with pytest.raises(DataError, match=r"d\.jsonl: not UTF-8 at byte 0; save it as UTF-8"):
        list(rows(tmp_path / "d.jsonl"))


@pytest.mark.parametrize(("name", "delimiter"), [("d.csv", ","), ("d.tsv", "\t"), ("d.csv.gz", ","), ("D.CSV", ",")])
def test_a_table_gives_text_by_column_and_knows_its_lines(tmp_path: Path, name: str, delimiter: str) -> None:
    text = f'id{delimiter}code\r\n1{delimiter}"print(1,\r\n 2)"\r\n\r\n2{delimiter}\r\n'.encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    found = list(rows(tmp_path / name))
    assert [dict(row.values) for row in found] == [{"id": "1", "code": "print(1,\r\n 2)"}, {"id": "2", "code": None}]
    assert [row.where.rpartition(", ")[2] for row in found] == ["line 2", "line 5"]


def test_a_cell_may_be_longer_than_the_csv_module_allows(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a\n" + "x" * 200_000 + "\n")
    assert len(next(rows(tmp_path / "d.csv")).get("a", str)) == 200_000


BROKEN_TABLES = [
    ("a,b\n1,2\n1,2,3\n", r"line 3: 3 cells under 2 column names"),
    ('a,b\n1,"2\n', r"line 2: broken table .* quote not closed"),
    ("a,a\n1,2\n", r"line 1: two columns are called 'a'; rename one"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN_TABLES, ids=[words for _, words in BROKEN_TABLES])
def test_a_broken_table_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        list(rows(tmp_path / "d.csv"))


def _table(path: Path, values: list[dict[str, object]]) -> None:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(values), path)


HUB_LAYOUTS = [
    ["default/train/0000.parquet", "default/valid/0000.parquet", "default/test/0000.parquet"],
    [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet",
    ],
    ["plain/train-00000-of-00001.parquet", "plain/val-00000-of-00001.parquet", "plain/test-00000-of-00001.parquet"],
    ["Train/part/0.parquet", "dev/0.parquet", "test/0.parquet"],
]


@pytest.mark.parametrize("names", HUB_LAYOUTS, ids=[names[0] for names in HUB_LAYOUTS])
def test_the_hubs_layouts_are_dealt_to_splits(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        _table(tmp_path / name, [{"a": name}])
    found = open_path(tmp_path).splits()
    assert {"train", "validation", "test"} == set(found)
    read = [row.values["a"] for split in ("train", "validation", "test") for f in found[split] for row in rows(f)]
    assert read == names
    (only,) = open_path(tmp_path / names[-1]).splits()
    assert only == "test"


def test_two_data_sets_in_one_folder_are_never_mixed(tmp_path: Path) -> None:
    for name in ("all", "easy"):
        _table(tmp_path / name / "test" / "0000.parquet", [{"a": 1}])
    with pytest.raises(
        DataError, match=r"test files of two data sets, all and easy; name one folder, like --data .*easy"
    ):
        open_path(tmp_path).splits()
    assert set(open_path(tmp_path / "easy").splits()) == {"test"}


def test_what_a_download_leaves_behind_is_no_data(tmp_path: Path) -> None:
    _table(tmp_path / "data" / "test-00000-of-00001.parquet", [{"a": 1}])
    before = open_path(tmp_path).digest
    other = tmp_path / ".cache" / "huggingface" / "download" / "data" / "test-00000-of-00001.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    assert open_path(tmp_path).digest == before
    assert len(open_path(tmp_path).splits()["test"]) == 1


def test_a_saved_data_set_is_read_with_and_without_splits(tmp_path: Path) -> None:
    import datasets

    one = datasets.Dataset.from_list([{"a": 1, "turns": [{"role": "user", "content": "x"}]}])
    datasets.DatasetDict({"train": one, "validation": one, "test": one}).save_to_disk(str(tmp_path / "all"))
    found = open_path(tmp_path / "all").splits()
    assert {split: [path.name for path in paths] for split, paths in found.items()} == {
        "train": ["train"],
        "validation": ["validation"],
        "test": ["test"],
    }
    (row,) = rows(found["test"][0])
    assert dict(row.values) == {"a": 1, "turns": [{"role": "user", "content": "x"}]}
    assert row.where == f"{tmp_path / 'all' / 'test'}, row 1"
    one.save_to_disk(str(tmp_path / "single"))
    assert open_path(tmp_path / "single").splits() == {"": [tmp_path / "single"]}
    assert open_path(tmp_path / "single", whole=True).splits() == {"test": [tmp_path / "single"]}
    (arrow,) = (tmp_path / "single").glob("*.arrow")
    assert [dict(row.values) for row in rows(arrow)] == [dict(row.values)]


def test_a_saved_data_set_that_is_torn_is_named(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_list([{"a": 1}]).save_to_disk(str(tmp_path / "single"))
    (arrow,) = (tmp_path / "single").glob("*.arrow")
    arrow.write_bytes(b"no")
    with pytest.raises(DataError, match=r"single: not whole .*; save it again with datasets"):
        list(rows(tmp_path / "single"))
    with pytest.raises(DataError, match=r"\.arrow: not an Arrow file .*; save it again with datasets"):
        list(rows(arrow))
    (tmp_path / "d.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"d\.parquet: not a parquet file .*; fetch it again"):
        list(rows(tmp_path / "d.parquet"))


def test_integers_of_any_length_are_read(tmp_path: Path) -> None:
    long = 10**5000 + 7
    text = "[1" + "0" * 4999 + "7, -1" + "0" * 4999 + "7, 3]"
    (tmp_path / "d.jsonl").write_text(f'{{"a": {text}, "b": "{text}"}}\n')
    (tmp_path / "d.json").write_text(f'[{{"a": {text}, "b": "{text}"}}]')
    for name in ("d.jsonl", "d.json"):
        (row,) = rows(tmp_path / name)
        assert row.json("a") == row.json("b") == [long, -long, 3]
    assert integers.dumps({"a": [long, -long, "x", 1.5, None, True]}) == (
        '{"a": [1' + "0" * 4999 + "7, -1" + "0" * 4999 + '7, "x", 1.5, null, true]}'
    )


def test_a_name_without_a_split_is_the_test_split_only_where_all_of_it_is_asked_for(tmp_path: Path) -> None:
    for name in ("mine.jsonl", "train.jsonl", "0000.parquet"):
        (tmp_path / name).write_text("")
    assert open_path(tmp_path / "mine.jsonl").splits() == {"": [tmp_path / "mine.jsonl"]}
    assert open_path(tmp_path / "mine.jsonl", whole=True).splits() == {"test": [tmp_path / "mine.jsonl"]}
    assert open_path(tmp_path / "train.jsonl", whole=True).splits() == {"": [tmp_path / "train.jsonl"]}


def test_few_problems_are_cut_so_that_something_is_left_to_measure_on() -> None:
    shares = {"train": 0.7, "validation": 0.1, "test": 0.2}
    assert [{name: len(part) for name, part in divide(range(n), shares, 42).items()} for n in (1, 2, 10)] == [
        {"train": 0, "validation": 0, "test": 1},
        {"train": 1, "validation": 0, "test": 1},
        {"train": 7, "validation": 1, "test": 2},
    ]


def test_an_id_is_text_or_a_whole_number() -> None:
    assert DataRow({"id": 7}, "f").id("id") == "7" == DataRow({"other": "7"}, "f").id("id", "other")
    for value, words in ((True, "is bool, no id"), (1.5, "is float, no id"), (None, "is empty")):
        with pytest.raises(DataError, match=f"f, line 1: field 'id' {words}"):
            DataRow({"id": value}, "f, line 1").id("id")
    with pytest.raises(DataError, match=r"f: no field 'id' \(it has x\); add it"):
        DataRow({"x": 1}, "f").id("id")


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
    with pytest.raises(
        DataError, match=r"d\.jsonl, line 3: not JSON \(Expecting value at column 7\); is the file cut off\?"
    ):
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


@pytest.mark.parametrize(("others", "which"), [((), "the one file"), (("more.jsonl",), "one of the files")])
def test_a_folder_without_splits_says_what_to_type_for_one_of_its_files(
    tmp_path: Path, others: tuple[str, ...], which: str
) -> None:
    (folder := tmp_path / "my data").mkdir()
    for name in ("data.json", *others):
        (folder / name).write_text("[]")
    with pytest.raises(DataError) as caught:
        open_path(folder).splits()
    said, _, command = str(caught.value).rpartition(" --data ")
    assert said.endswith(f"; or name {which} itself:")
    assert open_path(Path(*shlex.split(command))).splits() == {"": [folder / "data.json"]}


def test_a_folder_that_holds_no_data_says_so(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("")
    with pytest.raises(DataError, match=r"no file here is read as data; expected names like train"):
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

    from harness.data import sources as data

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
