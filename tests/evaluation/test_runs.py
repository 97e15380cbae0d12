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
