"""Ranks from records and from intervals, each against all pairs looked at one by one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from harness.plugin import Metric
from harness.plugin_system.registry import Registry
from harness.ranking import ranking
from harness.ranking.boards import rank_boards
from harness.ranking.ranking import (
    Ranked,
    check_estimates,
    installed_metric,
    rank,
    rank_by_intervals,
    ranking_column,
    scores_of,
)
from harness.ranking.rows import group_rows
from harness.ranking.seed_groups import ScoredRun, SeedGroup, ungrouped
from harness.ranking.uncertainty import Uncertainty, has_too_few_seeds, label_with_seeds, uncertainty_of_rows
from harness.records import Completion, Cost, Estimate, ModelSpec, Record, Row, Run, Sampling, Score, Tuning
from harness.stats.estimates import estimate

COLUMN = ("exact_match", "em@1", None)
EM = Registry().metric("exact_match").plugin


def run_of(method: str, seed: int = 1, tuned: bool = True) -> Run:
    return Run(
        "conala",
        "1",
        method,
        ModelSpec("org/coder"),
        ("exact_match",),
        Sampling(1, 64),
        Tuning(3e-4) if tuned else None,
        {},
        "d",
        "w",
        None,
        (1,),
        seed,
    )


def records_of(values: Any) -> list[Record]:
    return [
        Record(f"p{i:02}", None, "", 0, (), 0, (Completion("x", 1),), (), (Score("exact_match", {"em@1": float(v)}),))
        for i, v in enumerate(values)
    ]


def written(synthetic: ModuleType, root: Path, name: str, values: Any, seed: int = 1) -> tuple[Row, Path]:
    found = records_of(values)
    estimates = estimate(EM, [r.scores[0] for r in found], resamples=200)
    row = Row(f"{name}-{seed}", run_of(name, seed), tuple(estimates), (), {}, 0, 0)
    return row, synthetic.write(root, row, found)


def ranked(synthetic: ModuleType, root: Path, boards: dict[str, Any], **options: Any) -> Ranked:
    pairs = [written(synthetic, root, name, values) for name, values in boards.items()]
    folders = {row.run_id: folder for row, folder in pairs}
    return rank([row for row, _ in pairs], folders, COLUMN, **options)


def test_two_rows_that_differ_alone_are_not_told_apart_among_many(synthetic: ModuleType, tmp_path: Path) -> None:
    """Seven problems differ, all in one way: p = 2 / 2**7 for the two alone, more than 5 % among eight rows."""
    good, bad = [1] * 8 + [0] * 8, [1] + [0] * 15
    alone = ranked(synthetic, tmp_path / "two", {"good": good, "bad": bad})
    assert alone.ranks == ((1, 1), (2, 2))
    rng = np.random.default_rng(0)
    others = {f"m{i}": rng.permutation([1] * 5 + [0] * 11) for i in range(8)}
    among = ranked(synthetic, tmp_path / "many", {"good": good, "bad": bad, **others})
    assert among.ranks[0] == (1, 10) and among.ranks[1] == (1, 10)
    assert among.basis == "paired tests of all pairs on 16 problems, corrected together (max-T) at 5 %"


def test_no_row_stands_behind_24_others_while_one_of_its_score_shares_the_first_rank(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    """The best solve 40 of 60. Two rows solve 30: one of them nothing that the best do not, so that tests tell it from
    all 24; the other 15 that they do not, so that none does."""
    best = {f"best-{i}": [1] * 40 + [0] * 20 for i in range(24)}
    within, beside = [1] * 30 + [0] * 30, [1] * 15 + [0] * 25 + [1] * 15 + [0] * 5
    found = ranked(synthetic, tmp_path, {**best, "within": within, "beside": beside})
    assert found.row_tests is not None
    told = found.row_tests.tests.ranks(higher_is_better=True)
    assert told[24][0] == 25 and told[25][0] == 1, "as the tests alone have it"
    assert found.ranks[24] == found.ranks[25] == (1, 26)
    assert {found.ranks[i][0] for i in range(24) if found.ranks[i] is not None} == {1}


def test_a_run_without_a_value_has_no_rank_and_the_others_are_tested(synthetic: ModuleType, tmp_path: Path) -> None:
    pairs = [written(synthetic, tmp_path, name, v) for name, v in {"a": [1] * 12, "b": [0] * 12}.items()]
    lost = [replace(r, scores=(Score("exact_match", why="no"),)) for r in records_of([0] * 12)]
    row = Row("c-1", run_of("c"), (Estimate("exact_match", "em@1", None, None, None, 0, 12),), (), {}, 0, 0)
    pairs.append((row, synthetic.write(tmp_path, row, lost)))
    found = rank([row for row, _ in pairs], {row.run_id: folder for row, folder in pairs}, COLUMN)
    assert found.ranks == ((1, 1), (2, 2), None)
    assert found.row_tests is not None and found.row_tests.rows == (0, 1)


def test_ranks_are_by_the_metric_that_is_asked_for_though_another_calls_its_measure_the_same(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    pairs = [written(synthetic, tmp_path, name, v) for name, v in {"a": [1] * 12, "b": [0] * 12}.items()]
    namesake = Estimate("gone", "em@1", 0.5, None, None, 12, higher_is_better=False)
    rows = [replace(row, estimates=(replace(namesake, value=0.1), *row.estimates)) for row, _ in pairs]
    rows[0] = replace(rows[0], estimates=(replace(namesake, value=None), *rows[0].estimates[1:]))
    found = rank(rows, {row.run_id: folder for row, (_, folder) in zip(rows, pairs, strict=True)}, COLUMN)
    assert found.ranks == ((1, 1), (2, 2))


def row_with(low: float | None, value: float | None, high: float | None, *, higher: bool = True) -> Row:
    one = Estimate("exact_match", "em@1", value, low, high, 9, higher_is_better=higher)
    return Row("x", run_of("lora"), (one,), (), {}, 0, 0)


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_ranks_by_intervals_count_the_rows_whose_widened_intervals_lie_beyond(count: int, higher: bool) -> None:
    rng = np.random.default_rng(count)
    for _ in range(15):
        ends = np.sort(rng.random((count, 3)), axis=1)
        rows = [row_with(*map(float, one), higher=higher) for one in ends]
        pairs = max(1, count * (count - 1) // 2)
        stretch = max(1.0, NormalDist().inv_cdf(1 - 0.025 / pairs) / 1.959963984540054)
        wide = [(v - stretch * (v - low), v + stretch * (high - v)) for low, v, high in ends]
        found = rank_by_intervals(ungrouped(rows), COLUMN, "why")
        for (low, high), place in zip(wide, found.ranks, strict=True):
            above, below = sum(o[0] > high for o in wide), sum(o[1] < low for o in wide)
            better, worse = (above, below) if higher else (below, above)
            assert place == (1 + better, count - worse)
        assert found.basis == "why"


def test_a_row_without_an_interval_stands_at_its_value_and_one_without_a_value_nowhere() -> None:
    rows = [row_with(None, 0.5, None), row_with(0.6, 0.7, 0.8), row_with(None, None, None), row_with(0.4, 0.5, 0.55)]
    assert rank_by_intervals(ungrouped(rows[:3]), COLUMN, "").ranks == ((2, 2), (1, 1), None)


class Code(Metric):
    name = "code"

    def primary(self, ks):
        return "code"


def test_what_ranks_is_the_first_metrics_main_measure_or_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ranking._PLUGINS, "code", Code())

    def row(*names: tuple[str, str, str | None]) -> Row:
        estimates = tuple(Estimate(m, n, 0.5, None, None, 9, slice=s) for m, n, s in names)
        return Row("x", replace(run_of("lora"), ks=(1, 10)), estimates, (), {}, 0, 0)

    em = [("exact_match", "em@1", None), ("exact_match", "em@10", None), ("exact_match", "em@1/paper", None)]
    group = [row(("exact_match", "em@10", "hard"), *em, ("bleu", "bleu", None))]
    assert ranking_column(group, None) == em[0]
    assert ranking_column(group, "em@1") == em[0] and ranking_column(group, "em@1/paper") == em[2]
    assert ranking_column(group, "exact_match") == em[0]
    code = [row(("code", "ngram", None), ("code", "code", "hard"), ("code", "code", None))]
    assert ranking_column(code, None) == ("code", "code", None) == ranking_column(code, "code")
    assert ranking_column(code, "ngram") == ("code", "ngram", None)
    assert ranking_column([row(("code", "ngram", None))], None) == ("code", "ngram", None)
    assert ranking_column(group, "bleu") == ("bleu", "bleu", None)
    assert ranking_column(group, "gone") is None and ranking_column([row()], None) is None
    assert ranking_column([row(("nowhere", "b", None), ("nowhere", "a", None))], None) == ("nowhere", "b", None)
    assert ranking_column([row(*em[:1])], None) == em[0]


def test_boards_without_records_say_why_they_are_ranked_by_intervals(
    synthetic: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [written(synthetic, tmp_path, "lora", [seed % 2, 1, 0, 1], seed) for seed in range(5)]
    pairs.append(written(synthetic, tmp_path, "ia3", [0, 1, 0, 1]))
    rows, folders = [row for row, _ in pairs], {row.run_id: folder for row, folder in pairs}

    def basis(**options: bool) -> str:
        return rank(rows, folders, COLUMN, **options).basis

    plain = "intervals that do not overlap"
    assert rank(rows, {}, COLUMN).basis == plain
    assert rank(rows, folders, ("gone", "g", None)).basis == (
        f"{plain} (the metric gone is not installed, so no test can be made)"
    )
    monkeypatch.setattr(ranking, "PAIRED_ROWS", 2)
    assert basis().startswith("paired tests")
    assert basis(separate_seeds=True) == (
        f"{plain} (more than 2 rows: each seed is one; select fewer for paired tests)"
    )
    monkeypatch.setattr(ranking, "PAIRED_ROWS", 1)
    assert basis() == f"{plain} (more than 1 rows: each seed is one; select fewer for paired tests)"
    monkeypatch.setattr(ranking, "PAIRED_ROWS", 6)
    monkeypatch.setattr(ranking, "READ_RUNS", 6)
    assert basis(separate_seeds=True).startswith("paired tests")
    monkeypatch.setattr(ranking, "READ_RUNS", 5)
    assert basis() == f"{plain} (more than 6 rows, or 5 runs: each seed is a row; select fewer for paired tests)"


def test_rows_without_a_common_problem_are_ranked_by_their_intervals(synthetic: ModuleType, tmp_path: Path) -> None:
    pairs = [written(synthetic, tmp_path, "a", [1, 1])]
    moved = [replace(r, id=f"q{r.id}") for r in records_of([0, 0])]
    row = Row("b-1", run_of("b"), tuple(estimate(EM, [r.scores[0] for r in moved])), (), {}, 0, 0)
    pairs.append((row, synthetic.write(tmp_path, row, moved)))
    found = rank([row for row, _ in pairs], {row.run_id: folder for row, folder in pairs}, COLUMN)
    assert found.basis == "intervals that do not overlap (no problem is scored in all rows)"


def test_records_that_do_not_give_the_result_are_refused_with_both_numbers(tmp_path: Path) -> None:
    scored = [(r.id, r.scores[0]) for r in records_of([1, 0, 1, 1])]

    def row(value: float | None, n: int, **fields: Any) -> Row:
        one = replace(Estimate("exact_match", "em@1", value, None, None, n), **fields)
        return Row("x", run_of("lora"), (one,), (), {}, 0, 0)

    for fine in (row(0.75, 4), row(0.75 + 1e-12, 4), row(None, 0), row(0.1, 2, slice="hard"), row(0.1, 2, metric="m")):
        check_estimates(fine, scored, EM, tmp_path)
    for value, n, words in (
        (0.7500001, 4, "0.750000 on 4 problems, result.json has 0.750000 on 4 problems"),
        (0.75, 5, "gives em@1 0.750000 on 4 problems, result.json has 0.750000 on 5 problems"),
        (0.5, 4, "result.json has 0.500000"),
    ):
        with pytest.raises(Exception, match=words) as refused:
            check_estimates(row(value, n), scored, EM, tmp_path)
        assert str(tmp_path / "records.jsonl") in str(refused.value)
    with pytest.raises(Exception, match="gives em@9 nan on 0 problems"):
        check_estimates(row(0.75, 4, measure="em@9"), scored, EM, tmp_path)


def test_scores_of_a_metric_are_found_in_records() -> None:
    records = [replace(r, scores=(*r.scores, Score("bleu", {"bleu": 0.5}))) for r in records_of([1, 0])]
    assert [(name, score.metric) for name, score in scores_of(records, "bleu")] == [("p00", "bleu"), ("p01", "bleu")]
    assert installed_metric("gone") is None and type(installed_metric("exact_match")) is type(EM)


def group(values: np.ndarray, tuned: bool = True) -> SeedGroup:
    """(seeds, problems) as one row."""
    members = []
    for seed, one in enumerate(values, 1):
        records = tuple((r.id, None, r.scores) for r in records_of(one))
        found = tuple(estimate(EM, [r.scores[0] for r in records_of(one)], resamples=50))
        members.append(ScoredRun(Row(f"r{seed}", run_of("lora", seed, tuned), found, (), {}, 0, 0), records))
    whole = tuple(estimate(EM, [r.scores[0] for r in records_of(values.mean(axis=0))], resamples=50))
    return SeedGroup(replace(members[0].row, estimates=whole), tuple(members))


def test_the_errors_of_a_row_are_those_of_its_problems_answers_and_seeds() -> None:
    from harness.stats.paired_sample import align_problems
    from harness.stats.pairwise_tests import compare_all_pairs

    rng = np.random.default_rng(5)
    values = [
        rng.random((1, 20)) + 0.2 * rng.random((3, 20)) + np.array([[0.2], [-0.2], [0.0]]),
        rng.random((1, 20)) - 0.5,
        rng.random((1, 20)) - 1,
    ]
    groups = [group(one) for one in values]
    tests = compare_all_pairs(EM, align_problems(EM, [one.scored("exact_match") for one in groups], "em@1"), "em@1")
    row_tests = ranking.RowTests(tests, (0, 1, 2))
    first, second, third = uncertainty_of_rows(Ranked(tuple(groups), (None,) * 3, "", row_tests=row_tests), COLUMN)
    three = values[0]
    rest = three - three.mean(axis=0) - three.mean(axis=1, keepdims=True) + three.mean()
    answers = np.sum(rest**2) / (19 * 2) / 60
    problems = np.var(three.mean(axis=0), ddof=1) / 20
    seeds = np.var(three.mean(axis=1), ddof=1) / 3 - answers
    assert first.problems == pytest.approx((problems - answers) ** 0.5)
    assert (first.answers, first.training) == pytest.approx((answers**0.5, seeds**0.5))
    assert first.detectable == tests.detectable(0, 1)  # the best row is told from the next
    assert second.detectable == tests.detectable(1, 0) and third.detectable == tests.detectable(2, 0)
    assert second.problems == pytest.approx((np.var(values[1], ddof=1) / 20) ** 0.5)
    assert (second.answers, second.training) == (None, None)
    assert first.seeds == (1, 2, 3) and first.runs == ("r1", "r2", "r3")
    assert first.values == pytest.approx(three.mean(axis=1))
    assert uncertainty_of_rows(Ranked(tuple(groups), (None,) * 3, ""), COLUMN)[0].problems is None


def test_a_row_that_was_not_tested_has_its_seeds_and_no_errors_and_a_lone_one_has_no_rival() -> None:
    from harness.stats.paired_sample import align_problems
    from harness.stats.pairwise_tests import compare_all_pairs

    rng = np.random.default_rng(6)
    groups = [group(rng.random((count, 20)) - number) for number, count in enumerate((1, 3, 2))]
    tested = [groups[0], groups[2]]
    tests = compare_all_pairs(EM, align_problems(EM, [one.scored("exact_match") for one in tested], "em@1"), "em@1")
    row_tests = ranking.RowTests(tests, (0, 2))
    first, second, third = uncertainty_of_rows(Ranked(tuple(groups), (None,) * 3, "", row_tests=row_tests), COLUMN)
    assert (second.problems, second.answers, second.training, second.detectable) == (None,) * 4
    assert (second.seeds, len(second.values)) == ((1, 2, 3), 3)
    assert first.problems and third.problems and third.seeds == (1, 2)
    assert (first.detectable, third.detectable) == (tests.detectable(0, 1), tests.detectable(1, 0))
    alone = compare_all_pairs(EM, align_problems(EM, [groups[0].scored("exact_match")], "em@1"), "em@1")
    [lone] = uncertainty_of_rows(Ranked((groups[0],), (None,), "", row_tests=ranking.RowTests(alone, (0,))), COLUMN)
    assert lone.problems == pytest.approx(first.problems) and lone.detectable is None
    gone = ("gone", "em@1", None)
    assert uncertainty_of_rows(Ranked((groups[0],), (None,), "", row_tests=row_tests), gone)[0].problems is None


def test_each_row_is_told_from_the_best_wherever_that_stands() -> None:
    from harness.stats.paired_sample import align_problems
    from harness.stats.pairwise_tests import compare_all_pairs

    rng = np.random.default_rng(7)
    groups = [group(width * rng.random((1, 20)) + mean) for width, mean in ((1.0, 1.0), (3.0, 0.0), (0.1, 5.0))]
    tests = compare_all_pairs(EM, align_problems(EM, [one.scored("exact_match") for one in groups], "em@1"), "em@1")
    found = uncertainty_of_rows(
        Ranked(tuple(groups), (None,) * 3, "", row_tests=ranking.RowTests(tests, (0, 1, 2))), COLUMN
    )
    assert [one.detectable for one in found] == [tests.detectable(0, 2), tests.detectable(1, 2), tests.detectable(2, 0)]
    assert len({round(one.detectable or 0, 6) for one in found}) > 1 and tests.detectable(0, 1) != found[0].detectable


def test_the_score_and_the_seconds_of_writing_of_each_seed_are_kept() -> None:
    one = group(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    spent = [(Cost("tune", 9.0, 1), Cost("generate", 5.0, 1)), (), (Cost("generate", 7.0, 1),)]
    members = [replace(m, row=replace(m.row, costs=c)) for m, c in zip(one.members, spent, strict=True)]
    other = Estimate("bleu", "em@1", 0.9, None, None, 2)
    for i, estimates in ((0, (other, *members[0].row.estimates)), (1, (other,))):
        members[i] = replace(members[i], row=replace(members[i].row, estimates=estimates))
    [found] = uncertainty_of_rows(Ranked((replace(one, members=tuple(members)),), (None,), ""), COLUMN)
    assert (found.values, found.writing) == ((0.5, None, 0.0), (5.0, 7.0))


def test_the_errors_of_a_row_read_as_a_sentence() -> None:
    one = Uncertainty((1,), ("r",), 0.0123, None, None, 0.0456)
    assert one.sentence() == (
        "standard error by cause, in points: problems 1.23; smallest difference found in 4 of 5 attempts 4.6"
    )
    whole = replace(one, answers=0.02, training=0.0, detectable=None)
    assert whole.sentence() == "standard error by cause, in points: problems 1.23, single answers 2.00, seeds 0.00"
    assert Uncertainty((1,), ("r",)).sentence() == ""
    assert [has_too_few_seeds(replace(one, seeds=tuple(range(n)))) for n in (1, 2, 3, 4)] == [True, True, False, False]


def test_the_number_of_seeds_stands_in_the_label_of_what_was_tuned_or_has_several() -> None:
    one, three = np.zeros((1, 4)), np.zeros((3, 4))
    assert label_with_seeds("lora", group(one)) == "lora (1 seed)"
    assert label_with_seeds("lora (r=8)", group(one)) == "lora (r=8; 1 seed)"
    assert label_with_seeds("lora (seed=1)", group(one)) == "lora (seed=1)"
    assert label_with_seeds("icl", group(one, tuned=False)) == "icl"
    assert label_with_seeds("icl", group(three, tuned=False)) == "icl (3 seeds)"
    assert label_with_seeds("lora (seed=1)", group(three)) == "lora (seed=1; 3 seeds)"


def test_a_board_in_another_order_keeps_each_rows_rank_and_tests(synthetic: ModuleType, tmp_path: Path) -> None:
    boards = {"low": [0] * 20, "top": [1] * 20, "mid": [1, 0] * 10}
    pairs = [written(synthetic, tmp_path, name, values) for name, values in boards.items()]
    rows = [replace(row, trainable_parameters=i) for i, (row, _) in enumerate(pairs)]
    folders = {row.run_id: folder for row, folder in pairs}
    for sort, order in ((None, ["top", "mid", "low"]), ("trainable", ["low", "top", "mid"])):
        [board] = rank_boards(rows, folders, sort=sort)
        assert [row.run.method for row in board.rows] == order
        assert {row.run.method: board.rank_text(i) for i, row in enumerate(board.rows)} == {
            "low": "3",
            "top": "1",
            "mid": "2",
        }
        assert board.row_tests is not None
        values = dict(zip(board.row_tests.rows, board.row_tests.tests.values, strict=True))
        assert [values[i] for i in range(3)] == [e.value for row in board.rows for e in row.estimates]
        assert [u.runs for u in board.uncertainty] == [(row.run_id,) for row in board.rows]
        assert board.labels == tuple(f"{name} (1 seed)" for name in order)
    assert group_rows(rows) == [rows]


def test_rank_texts_are_a_place_a_range_or_nothing(synthetic: ModuleType, tmp_path: Path) -> None:
    rows = [written(synthetic, tmp_path, name, values)[0] for name, values in {"a": [1] * 9, "b": [0] * 9}.items()]
    [board] = rank_boards([*rows, replace(rows[0], run_id="c", run=run_of("c"), estimates=rows[0].estimates[1:])])
    assert [board.rank_text(i) for i in range(3)] == ["1", "2", "-"]
    [near] = rank_boards([rows[0], replace(rows[0], run_id="d", run=run_of("d"))])
    assert [near.rank_text(i) for i in range(2)] == ["1-2", "1-2"]
    assert list(itertools.chain(near.ranks, near.ranks_to)) == [1, 1, 2, 2]
