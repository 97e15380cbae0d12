"""A wall clock that is set while a command runs changes no result and no duration."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from benchmarks.faults import bench, clocks, kills

REPOSITORY = Path(__file__).parents[2]
WALL = re.compile(
    r"time\.time(_ns)?\(|datetime\.(now|utcnow|today)\(|clock_gettime(_ns)?\(time\.CLOCK_REALTIME|(gm|local)time\(\)"
)
KNOWN = {
    "harness/engines/scratch.py": 1,  # how old a folder is that nobody has locked
    "harness/evaluation/housekeeping.py": 1,  # how old the files of a run are
    "harness/studies/runner.py": 1,  # when a cell began and ended, for whoever reads the log
    "sandbox/linux/cgroup.py": 1,  # how old a group is whose owner cannot be asked
}


def test_a_run_under_a_clock_that_jumps_ends_equal_with_true_durations(whole: kills.Undisturbed, place: Path) -> None:
    said, seconds = clocks.run(whole.words(place))
    assert said.status == 0, said.err
    assert bench.result_of(place) == whole.result
    phases = clocks.durations(place)
    assert len(phases) >= 3 and min(phases) >= 0
    assert sum(phases) <= seconds


def test_runs_are_listed_by_when_they_were_written_also_where_that_is_tomorrow(
    ground: bench.Ground, place: Path
) -> None:
    for words in (ground.words("zero-shot", place), ground.scoring(place)):
        assert bench.run(words).status == 0
    first, second = sorted(place.glob("apps-*"))
    for folder, days in ((first, 1), (second, 2)):
        for path in folder.iterdir():
            os.utime(path, (time.time() + days * clocks.DAY,) * 2)
    listed = json.loads(bench.run(["runs", "--runs", str(place), "--json"]).out)
    assert [one["run"] for one in listed] == [second.name, first.name]
    assert [one["age"] for one in listed] == [0.0, 0.0]


@pytest.mark.parametrize("top", ["harness", "plugins", "sandbox"])
def test_no_module_measures_with_the_wall_clock(top: str) -> None:
    found = {
        str(path.relative_to(REPOSITORY)): len(WALL.findall(path.read_text("utf-8")))
        for path in (REPOSITORY / top).rglob("*.py")
        if path.name not in ("honest.py", "hostile_answers.py", "attacks.py")  # what candidates do
    }
    known = {name: count for name, count in KNOWN.items() if name.startswith(top)}
    assert {name: count for name, count in found.items() if count} == known
