"""The seeds of a method are one row, and a side of a comparison."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.errors import UsageError
from harness.plugin_system.registry import Registry
from harness.ranking import tables
from harness.ranking.boards import Board, rank_boards
from harness.ranking.comparison import compare_runs
from harness.ranking.rows import collect
from harness.ranking.seed_groups import RESAMPLES, ScoredRun, SeedGroup, group_seeds, ungrouped
from harness.records import Cost, Estimate, ModelSpec, Row, Run, Sampling, Score, Tuning
from harness.stats.estimates import estimate


@pytest.fixture
def root(synthetic: ModuleType, tmp_path: Path) -> Path:
    """Three seeds of two methods, and one of a third."""
    for number, (method, seed, skill) in enumerate(
        [*(("lora", s, 0.9) for s in (1, 2, 3)), *(("ia3", s, 0.3) for s in (1, 2, 3)), ("zero-shot", 1, 0.05)]
    ):
        rng = random.Random(number)
        found = list(synthetic.records(rng, skill, 150))
        synthetic.write(tmp_path / "runs", synthetic.row(synthetic.run_spec(method, seed), found, rng), found)
    return tmp_path / "runs"


def board_of(root: Path, **options: bool) -> Board:
    found = collect([root])
    [board] = rank_boards(found.rows, found.folders, metric="em@10", **options)
    return board


def test_runs_that_differ_in_nothing_but_the_seed_are_one_row_with_the_mean_of_their_values(root: Path) -> None:
    board, single = board_of(root), board_of(root, separate_seeds=True)
    assert board.labels == ("lora (3 seeds)", "ia3 (3 seeds)", "zero-shot")
    assert [one.seeds for one in board.uncertainty] == [(1, 2, 3), (1, 2, 3), (1,)]
    values = [e.value for row in single.rows[:3] if (e := single.column(row, single.ranked_by))]
    lora = board.column(board.rows[0], board.ranked_by)
    assert lora is not None and lora.value == pytest.approx(sum(v for v in values if v is not None) / 3)
    assert lora.n == 150 and lora.low is not None and lora.low < lora.value
    assert board.rows[0].outcomes["passed"] == sum(row.outcomes["passed"] for row in single.rows[:3])


def test_the_error_of_a_row_of_three_seeds_is_told_by_cause_and_of_one_seed_it_is_not(root: Path) -> None:
    lora, _, zero = board_of(root).uncertainty
    assert lora.problems and lora.answers is not None and lora.training is not None and lora.detectable
    assert zero.problems and zero.answers is None and zero.training is None
    assert lora.sentence().startswith("standard error by cause, in points: problems ")


def test_each_seed_is_a_row_where_it_is_asked_for(root: Path) -> None:
    text = CliRunner().invoke(cli, ["leaderboard", str(root), "--seeds"], catch_exceptions=False).output
    assert text.count("lora (seed=") == 3 and "1-4" in text
    assert "With fewer than 3 seeds they do not hold what training adds" in text
    whole = CliRunner().invoke(cli, ["leaderboard", str(root)], catch_exceptions=False).output
    assert whole.count("lora (3 seeds)") == 1 and "do not hold" not in whole
    assert whole.count("harness eval --method lora") == 3


def test_json_and_csv_have_the_range_of_ranks_the_seeds_and_the_noises(root: Path) -> None:
    found, board = collect([root]), board_of(root)
    first, *_ = json.loads("\n".join(tables.json_lines([board], found.folders, found.json)))
    assert (first["rank"], first["rank_to"], first["certainty"]["seeds"]) == (1, 1, [1, 2, 3])
    assert len(first["certainty"]["runs"]) == 3 and first["certainty"]["training"] is not None
    value = next(e["value"] for e in first["estimates"] if e["measure"] == "em@10" and e["slice"] is None)
    shown = board.column(board.rows[0], board.ranked_by)
    assert shown is not None and value == shown.value
    line = next(csv.DictReader(tables.csv([board]).splitlines()))
    assert (line["rank"], line["rank_to"], line["seeds"]) == ("1", "1", "1 2 3")


def test_compare_takes_the_seeds_of_a_side_together(root: Path) -> None:
    sides = [sorted(map(str, root.glob(f"conala-{method}-*"))) for method in ("lora", "ia3")]
    text = CliRunner().invoke(cli, ["compare", *sides[0], "vs", *sides[1]], catch_exceptions=False).output
    assert text.count("\nA  ") + text.startswith("A  ") == 3 and text.count("\nB  ") == 3
    assert "standard error by cause, in points: problems" in text and "decided at 5 %" in text
    [one, *_] = compare_runs([Path(p) for p in sides[0]], [Path(p) for p in sides[1]])
    assert one.seeds == (3, 3) and one.n == 150 and one.test == "paired permutation, with seeds"


def test_what_is_no_side_is_refused(root: Path) -> None:
    lora, ia3 = (sorted(root.glob(f"conala-{method}-*")) for method in ("lora", "ia3"))
    with pytest.raises(UsageError, match="differ in more than the seed"):
        compare_runs([lora[0], ia3[0]], [ia3[1]])
    with pytest.raises(UsageError, match="is there twice"):
        compare_runs([lora[0], lora[0]], [ia3[1]])
    done = CliRunner().invoke(cli, ["compare", str(lora[0])])
    assert done.exit_code != 0


EM = Registry().metric("exact_match").plugin
RUN = Run("t", "1", "lora", ModelSpec("m"), ("exact_match",), Sampling(1, 8), Tuning(1e-4), {}, "d", "w", None, (1,), 1)
ESTIMATES = tuple(
    Estimate(metric, measure, value, 0.0, 1.0, 4, slice=part)
    for metric, measure, part, value in (
        ("exact_match", "em@1", None, 0.5),
        ("exact_match", "em@1", "hard", 0.25),
        ("gone", "g", None, 0.5),
    )
)


def one_run(seed: int, values: list[float] | None = None, **fields: Any) -> ScoredRun:
    """A run of four problems, the last two of them hard."""
    run = fields.pop("run", RUN)
    records = tuple(
        (f"p{i}", "hard" if i > 1 else "easy", (Score("exact_match", {"em@1": value}), Score("gone", {"g": value})))
        for i, value in enumerate(values or [1.0, 0.0, 0.0, 1.0])
    )
    base = Row(f"run-{seed}", replace(run, seed=seed), ESTIMATES, (), {}, 1, 2)
    return ScoredRun(replace(base, **fields), records)


def grouped(*runs: ScoredRun) -> list[SeedGroup]:
    return group_seeds(runs, lambda name: EM if name == "exact_match" else None)


def test_scores_are_those_of_a_metric_and_of_a_slice() -> None:
    one = one_run(1, [1.0, 0.0, 0.5, 0.25])
    assert one.scored("gone") == [(f"p{i}", Score("gone", {"g": v})) for i, v in enumerate((1.0, 0.0, 0.5, 0.25))]
    assert [name for name, _ in one.scored("gone", "hard")] == ["p2", "p3"]
    assert one.scored("gone", "none") == [] == one.scored("other")
    [both] = grouped(one, one_run(2))
    assert [name for name, _ in both.scored("gone", "easy")] == ["p0", "p1", "p0", "p1"]
    assert [one.members for one in ungrouped([one, one_run(2)])] == [(one,), (one_run(2),)]
    assert ungrouped([one.row])[0] == SeedGroup(one.row, (ScoredRun(one.row),))


def test_groups_are_the_runs_of_one_method_by_seed_in_the_order_of_their_first() -> None:
    other = replace(RUN, method="ia3")
    found = grouped(one_run(3), one_run(9, run=other), one_run(1), one_run(2))
    assert [(one.row.run.method, one.seeds, one.runs) for one in found] == [
        ("lora", (1, 2, 3), ("run-1", "run-2", "run-3")),
        ("ia3", (9,), ("run-9",)),
    ]
    assert found[0].row.run_id == "run-1" and found[1].row == one_run(9, run=other).row


def test_the_estimates_of_a_group_are_those_of_all_its_seeds_and_a_plain_mean_where_the_metric_is_gone() -> None:
    values = [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0]
    second = one_run(2, values[1])
    ends = replace(second.row.estimates[2], value=1.0)
    second = replace(second, row=replace(second.row, estimates=(*second.row.estimates[:2], ends)))
    [both] = grouped(one_run(1, values[0]), second)
    whole, hard, gone = both.row.estimates
    problems = [f"p{i}" for i in range(4)] * 2
    scores = [Score("exact_match", {"em@1": v}) for part in values for v in part]
    assert (whole,) == tuple(estimate(EM, scores, problems=problems, resamples=RESAMPLES))
    assert (whole.value, whole.slice) == (0.625, None)
    assert (hard.value, hard.n, hard.slice) == (0.5, 2, "hard")
    assert gone == replace(ESTIMATES[2], value=0.75, low=None, high=None)


def test_a_measure_that_no_seed_has_is_the_mean_of_those_that_have_it() -> None:
    lost = replace(ESTIMATES[2], value=None)
    rows = [one_run(seed) for seed in (1, 2, 3)]
    kept = [(*ESTIMATES[:2], lost), ESTIMATES, ESTIMATES[:2]]
    made = [replace(r, row=replace(r.row, estimates=e)) for r, e in zip(rows, kept, strict=True)]
    assert grouped(*made)[0].row.estimates[2].value == 0.5
    none = [replace(r, row=replace(r.row, estimates=(*ESTIMATES[:2], lost))) for r in rows]
    assert grouped(*none)[0].row.estimates[2].value is None


def test_the_costs_of_a_group_are_the_mean_of_a_seed_and_the_largest_peak() -> None:
    first = Cost("tune", 10.0, 100, 1000, 5, 10, 4.0), Cost("generate", 1.0, 50)
    second = Cost("tune", 20.0, 300, 900, 8, 14, 6.0), Cost("generate", 3.0, 40)
    [both] = grouped(one_run(1, costs=first), one_run(2, costs=second))
    assert both.row.costs == (Cost("tune", 15.0, 300, 1000, 6, 12, 5.0), Cost("generate", 2.0, 50))
    bare = replace(second[0], peak_gpu_bytes=None, energy_joules=None)
    [part] = grouped(one_run(1, costs=first), one_run(2, costs=(bare,)))
    assert part.row.costs == (Cost("tune", 15.0, 300, None, 6, 12, None), Cost("generate", 1.0, 50))


def test_counts_add_up_notes_stand_once_and_examples_are_a_mean() -> None:
    first = {"outcomes": {"passed": 1}, "notes": ("a", "b"), "examples": 3.0, "readings": {"bare": 2}}
    second = {"outcomes": {"passed": 2, "failed": 4}, "notes": ("b", "c"), "examples": 4.0}
    [both] = grouped(one_run(1, **first), one_run(2, **second, readings={"bare": 1, "fenced": 5}))
    row = both.row
    assert (row.outcomes, row.notes, row.examples) == ({"passed": 3, "failed": 4}, ("a", "b", "c"), 3.5)
    assert row.readings == {"bare": 3, "fenced": 5}
    assert grouped(one_run(1, **first), one_run(2, **second))[0].row.readings is None
