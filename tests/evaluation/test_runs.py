"""Reading finished run folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import files
from harness.errors import RunError
from harness.evaluation import runs


def test_a_result_of_another_schema_is_refused(tmp_path: Path) -> None:
    files.write_json(tmp_path / "result.json", {"schema": 0, "row": {}})
    with pytest.raises(RunError, match="schema 0, this harness reads 1"):
        runs.read_row(tmp_path)


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
