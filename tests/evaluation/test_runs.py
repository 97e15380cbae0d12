"""Names of run folders, and what is refused in one: what is not finished, not whole or not what a row came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.errors import RunError
from harness.evaluation import runs
from harness.records import Cost, Estimate, ModelSpec, Record, Row, Run, Sampling, Score, Tuning, digest, to_json

RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("org/coder"),
    ("m",),
    Sampling(1, 8),
    Tuning(1e-4),
    {"m": {"x": 1}, "lora": {"r": 1}},
    "d",
    "w",
    None,
    (1,),
    1,
)
ROW = Row("conala-lora", RUN, (Estimate("m", "m", 0.5, 0.25, 0.75, 4),), (Cost("tune", 1.0, 2),), {}, 1, 2)


def test_a_folder_is_named_by_what_was_asked_and_by_all_that_completions_depend_on() -> None:
    without = replace(RUN, metrics=(), ks=(), options={"lora": {"r": 1}})
    assert runs.run_id(RUN) == f"conala-lora-coder-{digest(without)[:8]}"
    assert runs.run_id(replace(RUN, metrics=("m", "n"), ks=(1, 5), options={**RUN.options, "n": {}})) == runs.run_id(
        RUN
    )
    assert runs.run_id(replace(RUN, options={**RUN.options, "lora": {"r": 2}})) != runs.run_id(RUN)
    assert runs.run_id(replace(RUN, builtin_data=True)).startswith("conala-lora-coder-sample-")
    odd = runs.run_id(replace(RUN, method="lora+icl", model=ModelSpec("a/b c:d*é_1.5")))
    assert odd.startswith("conala-lora+icl-b_c_d_é_1.5-")


@pytest.mark.parametrize("letter", ["x", "é", "中", "𠀀"])
def test_a_name_is_as_long_as_a_file_name_may_be_and_cut_between_letters(letter: str) -> None:
    name = runs.run_id(replace(RUN, model=ModelSpec(letter * 300)))
    width = len(letter.encode())
    assert 255 - width < len(name.encode()) <= 255 and "\ufffd" not in name
    assert name.startswith(f"conala-lora-{letter}") and len(name.rpartition("-")[2]) == 8
    fits = ModelSpec("x" * (255 - 9 - len("conala-lora-")))
    assert runs.run_id(replace(RUN, model=fits)).rpartition("-")[0] == f"conala-lora-{fits.name}"


def result(folder: Path, row: Any = ROW, **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files.write_sealed(folder / "result.json", {"schema": 1, "row": to_json(row), **more})
    return folder


def test_a_result_is_read_with_its_json(tmp_path: Path) -> None:
    row, data = runs.read_result(result(tmp_path / "a", more=3))
    assert row == ROW == runs.read_row(tmp_path / "a") == runs.finished_row(tmp_path / "a")
    assert data["more"] == 3 and data["row"] == to_json(ROW)
    assert runs.finished_row(tmp_path) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"schema": 0, "row": {}}, "schema 0, this harness reads 1"),
        ({"schema": 2, "row": {}}, "schema 2, this harness reads 1"),
        ({"schema": True, "row": {}}, "schema True, this harness reads 1"),
        ({"row": {}}, "schema None, this harness reads 1"),
        ([], "schema None, this harness reads 1"),
        ({"schema": 1}, "'row'"),
        ({"schema": 1, "row": {"run_id": "x"}}, "Row: expected every required field"),
        ({"schema": 1, "row": {**to_json(ROW), "run_id": "a/b"}}, "'a/b' is no name of a run"),
        ({"schema": 1, "row": {**to_json(ROW), "run_id": ""}}, "'' is no name of a run"),
        ({"schema": 1, "row": {**to_json(ROW), "run_id": "."}}, "'.' is no name of a run"),
        ({"schema": 1, "row": {**to_json(ROW), "run_id": ".."}}, "'..' is no name of a run"),
    ],
)
def test_a_result_that_is_none_is_refused(tmp_path: Path, value: Any, words: str) -> None:
    (tmp_path / "result.json").write_text(json.dumps(value))
    with pytest.raises(RunError) as refused:
        runs.read_row(tmp_path)
    assert words in str(refused.value) and str(tmp_path / "result.json") in str(refused.value)


@pytest.mark.parametrize("place", ["value", "low", "high", "seconds", "energy_joules", "examples"])
def test_a_result_with_a_number_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    data = to_json(replace(ROW, examples=0.5, costs=(Cost("tune", 1.0, 2, energy_joules=3.0),)))
    holder = data["estimates"][0] if place in data["estimates"][0] else data["costs"][0]
    (data if place == "examples" else holder)[place] = 12345
    text = json.dumps({"schema": 1, "row": data})
    (tmp_path / "result.json").write_text(text)
    assert runs.read_row(tmp_path).run_id == ROW.run_id
    (tmp_path / "result.json").write_text(text.replace("12345", "1e999"))
    with pytest.raises(RunError, match=r"result\.json: a number in it is infinite or none; delete the folder"):
        runs.read_row(tmp_path)


def test_records_are_those_of_the_result_or_being_written_again_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("one")
    before = files.file_digest(path)
    result(tmp_path, **{runs.DIGEST: before})
    assert runs.records_are_current(tmp_path)
    runs.check_records(tmp_path)
    runs.announce_records(tmp_path, "two")
    assert runs.records_are_current(tmp_path)
    path.write_text("two")
    assert not runs.records_are_current(tmp_path)
    with pytest.raises(RunError, match=r"records\.jsonl: being scored again, or that broke off; run the same command"):
        runs.check_records(tmp_path)
    path.write_text("three")
    with pytest.raises(RunError, match=r"records\.jsonl: not what result\.json was computed from: changed or torn"):
        runs.records_are_current(tmp_path)
    result(tmp_path)
    assert runs.records_are_current(tmp_path), "an earlier version did not say"
    assert runs.records_are_current(tmp_path, {runs.DIGEST: files.file_digest(path)})
    with pytest.raises(RunError, match=r"records\.jsonl: not what"):
        runs.records_are_current(tmp_path, {runs.DIGEST: "0" * 64})
    runs.announce_records(tmp_path / "new", "x")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["tuning.json", "costs.jsonl", "leakage.json", "batch.json"])
def test_every_file_that_a_row_is_computed_from_is_checked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("12345")
    stamps = runs.input_stamps(tmp_path)
    assert set(stamps) == {name} and stamps[name]["sha256"] == files.file_digest(path)
    result(tmp_path, inputs=stamps)
    runs.check_inputs(tmp_path)
    path.write_text("1234567")
    if name == "costs.jsonl":
        runs.check_inputs(tmp_path)
        path.write_text("1234x67")
    for asked in (None, {"inputs": stamps}):
        with pytest.raises(RunError, match=f"{path.name}: not what result.json was computed from: changed or torn"):
            runs.check_inputs(tmp_path, asked)
    (tmp_path / "result.json").unlink()
    with pytest.raises(RunError, match=f"{path.name}: not what"):
        runs.check_inputs(tmp_path, {"inputs": stamps})
    result(tmp_path)
    runs.check_inputs(tmp_path)
    result(tmp_path, inputs=[3])
    runs.check_inputs(tmp_path)


def test_lines_are_read_as_their_type_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    scored = (Score("m", {"m": 1.0}), Score("n", why="no"))
    records = [Record("1", "easy", "", 0, (), 0, (), (), scored), Record("2", None, "", 0, (), 0, ())]
    path.write_text("".join(map(files.line, records)))
    assert runs.read_records(tmp_path) == records
    assert runs.read_scores(tmp_path) == [("1", "easy", scored), ("2", None, ())]
    assert runs.typed_lines(tmp_path / "gone.jsonl", Record) == []
    torn = path.read_text()[:-5]
    path.write_text(torn)
    for read in (runs.read_records, runs.read_scores):
        with pytest.raises(RunError, match=r"records\.jsonl: the last line is torn"):
            read(tmp_path)
    assert path.read_text() == torn and runs.typed_lines(path, Record, repair=True) == records[:1]
    path.write_text(files.line(records[0]) + '{"id": "2", "scores": [{"metric": 3}], "slice": null}\n')
    with pytest.raises(RunError, match=r"records\.jsonl, line 2: .*; delete that line to do it again"):
        runs.read_records(tmp_path)
    with pytest.raises(RunError, match=r"records\.jsonl, line 2: Score\.metric: expected a str, found 3"):
        runs.read_scores(tmp_path)
    for line in ('{"id": "2", "slice": null}', '{"id": "2", "scores": []}', "[]"):
        path.write_text(line + "\n")
        with pytest.raises(RunError, match="line 1"):
            runs.read_scores(tmp_path)


def test_finished_folders_are_those_with_a_result_by_name_or_the_one_that_is_named(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        result(tmp_path / name)
    (tmp_path / "none").mkdir()
    (tmp_path / "file").touch()
    assert runs.finished(tmp_path) == [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    assert runs.finished(tmp_path / "b") == [tmp_path / "b"]
    assert runs.finished(tmp_path / "none") == []


def test_a_folder_that_is_no_finished_run_is_told_with_what_may_be_meant(tmp_path: Path) -> None:
    for name in ("my-lora-1f", "my-icl-2e", "begun", "other"):
        (tmp_path / name).mkdir()
    for name in ("my-lora-1f/result.json", "my-icl-2e/result.json", "begun/run.json"):
        (tmp_path / name).touch()
    for name, says in {
        "my-lora-1": f"no such folder; did you mean '{tmp_path}/my-lora-1f'?",
        "nothing/alike": "no such folder; see: harness runs",
        "other": "no run; see: harness runs",
        "begun": f"not finished; the command that began it continues it: harness show {tmp_path}/begun",
    }.items():
        with pytest.raises(RunError) as refused:
            runs.read_row(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name}: {says}"
