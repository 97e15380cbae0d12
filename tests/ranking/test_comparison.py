"""Two sides are compared on the same problems, measure by measure, and what is no side is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness import api, files
from harness.errors import RunError, UsageError
from harness.plugin_system.registry import Registry
from harness.ranking.comparison import compare_runs, extraction_notes, has_measure
from harness.records import Completion, Cost, Estimate, ModelSpec, Record, Row, Run, Sampling, Score, Tuning
from harness.stats import paired_comparison
from harness.stats.estimates import estimate

EM = Registry().metric("exact_match").plugin
BLEU = Registry().metric("bleu").plugin
RUN = Run(
    "conala",
    "1",
    "lora",
    ModelSpec("org/coder"),
    ("exact_match",),
    Sampling(2, 64),
    Tuning(3e-4),
    {"conala": {}, "lora": {"r": 16}, "exact_match": {"normalisation": "literal"}},
    "d",
    "w",
    None,
    (1,),
    1,
)
GOOD, BAD = [1.0] * 9 + [0.0] * 3, [1.0] * 2 + [0.0] * 10


def scores(values: list[float], *, bleu: bool = False, second: bool = False) -> list[tuple[str, tuple[Score, ...]]]:
    """(problem, scores): EM in two normalisations, with `second` for k = 2 too, and BLEU if it is asked for."""
    made = []
    for i, value in enumerate(values):
        more = {"em@2": 1.0} if second else {}
        one = (Score("exact_match", {"em@1": value, **more, "em@1/paper": 1 - value}),)
        if bleu:
            one += (BLEU.score(_Words, [Completion("a b c d" if value else "a b x d", 1)], (), (1,), BLEU.Config()),)
        made.append((f"p{i:02}", one))
    return made


class _Words:
    """A problem of four words."""

    references = ("a b c d",)


def run_of(
    synthetic: ModuleType,
    root: Path,
    name: str,
    values: list[float],
    run: Run = RUN,
    **fields: Any,
) -> Path:
    """A finished run; its row has the measures that its scores give, and its result the digest of its records."""
    scored = scores(values, bleu="bleu" in run.metrics, second=2 in run.ks)
    found = [Record(id, None, "", 0, (), 0, (Completion("x", 1),), (), one) for id, one in scored]
    estimates = [
        e
        for metric in (EM, BLEU)
        if metric.name in run.metrics
        for e in estimate(metric, [s for _, one in scored for s in one if s.metric == metric.name], resamples=50)
    ]
    row = replace(Row(name, run, tuple(estimates), (Cost("generate", 1.0, 1),), {}, 0, 0), **fields)
    folder: Path = synthetic.write(root, row, found)
    result = json.loads((folder / "result.json").read_text())
    result["records_sha256"] = files.file_digest(folder / "records.jsonl")
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture
def sides(synthetic: ModuleType, tmp_path: Path) -> tuple[Path, Path]:
    return run_of(synthetic, tmp_path, "a", GOOD), run_of(synthetic, tmp_path, "b", BAD, replace(RUN, method="ia3"))


def test_each_main_measure_is_compared_and_variants_where_everything_is_asked_for(sides: tuple[Path, Path]) -> None:
    [one] = compare_runs(sides[:1], sides[1:])
    pairs = [[(id, found[0]) for id, found in scores(values)] for values in (GOOD, BAD)]
    assert one == paired_comparison.compare(EM, *pairs, "em@1")
    assert (one.a, one.b, one.wins, one.losses, one.n) == (0.75, pytest.approx(2 / 12), 7, 0, 12)
    [again] = compare_runs(sides[1:], sides[:1])
    assert again.difference == pytest.approx(-one.difference) and again.difference < 0
    whole = compare_runs(sides[:1], sides[1:], everything=True)
    assert [(c.metric, c.measure) for c in whole] == [("exact_match", "em@1"), ("exact_match", "em@1/paper")]
    assert whole[1].difference == pytest.approx(-whole[0].difference)


def test_a_measure_is_compared_that_all_runs_have_over_all_problems(synthetic: ModuleType, tmp_path: Path) -> None:
    both = replace(RUN, metrics=("bleu", "exact_match"), ks=(1,))
    first = run_of(synthetic, tmp_path, "a", GOOD, both)
    second = run_of(synthetic, tmp_path, "b", BAD, replace(both, method="ia3"))
    assert [c.measure for c in compare_runs([first], [second])] == ["bleu", "em@1"]
    without = run_of(synthetic, tmp_path, "c", BAD, replace(RUN, method="ia3"))
    assert (
        [c.measure for c in compare_runs([first], [without])]
        == ["em@1"]
        == [c.measure for c in compare_runs([without], [first])]
    )
    two = run_of(synthetic, tmp_path, "two", GOOD, replace(both, ks=(1, 2)))
    assert [c.measure for c in compare_runs([two], [second])] == ["bleu", "em@1"]
    assert [c.measure for c in compare_runs([second], [two])] == ["bleu", "em@1"]
    assert [c.measure for c in compare_runs([two], [two])] == ["bleu", "em@1", "em@2"]
    part = Estimate("exact_match", "em@2", 0.5, None, None, 12)
    row = json.loads((first / "result.json").read_text())["row"]
    hard = replace(part, measure="em@1", slice="hard", value=0.1)
    kept = tuple(Estimate(**e) for e in row["estimates"])
    other = run_of(synthetic, tmp_path, "d", GOOD, replace(both, seed=2), estimates=(hard, *kept))
    assert [c.measure for c in compare_runs([other], [second])] == ["bleu", "em@1"]
    assert has_measure(Row("x", RUN, (part,), (), {}, 0, 0), "exact_match", "em@2")
    assert not has_measure(Row("x", RUN, (part,), (), {}, 0, 0), "exact_match", "em@1")
    assert not has_measure(Row("x", RUN, (part,), (), {}, 0, 0), "bleu", "em@2")


def test_what_a_side_learnt_from_is_warned_of_and_left_out_of_a_second_comparison(sides: tuple[Path, Path]) -> None:
    """The problems that B has learnt from, and B alone, are taken from both."""
    leaks = [{"test": f"p{i:02}", "train": "t", "split": "train", "by": "code", "likeness": 1.0} for i in (0, 11, 11)]
    files.write_sealed(sides[1] / "leakage.json", {"compared": {"test": 12, "train": 9}, "pairs": leaks})
    [whole] = compare_runs(sides[:1], sides[1:])
    kept = [[(id, found[0]) for id, found in scores(values)][1:11] for values in (GOOD, BAD)]
    assert whole.without_leaks == paired_comparison.compare(EM, *kept, "em@1")
    assert replace(whole, without_leaks=None) == paired_comparison.compare(
        EM, *([(id, found[0]) for id, found in scores(values)] for values in (GOOD, BAD)), "em@1"
    )
    text = str(api.compare(*sides))
    assert "warning: 2 of 12 test problems stand, exactly or nearly, in what B learnt from (leakage.json)" in text
    assert "what A learnt from" not in text
    [line] = [line for line in text.splitlines() if line.startswith("without the 2 problems that a side learnt from")]
    assert "A 80.00, B 10.00; difference +70.00 points" in line


def test_where_every_problem_is_a_leak_there_is_only_the_warning(sides: tuple[Path, Path]) -> None:
    for folder in sides:
        leaks = [{"test": f"p{i:02}", "train": "t", "split": "train", "by": "code", "likeness": 1.0} for i in range(12)]
        files.write_sealed(folder / "leakage.json", {"compared": {"test": 12, "train": 9}, "pairs": leaks})
    [whole] = compare_runs(sides[:1], sides[1:])
    assert whole.without_leaks is None
    text = str(api.compare(*sides))
    assert all(f"12 of 12 test problems stand, exactly or nearly, in what {side} learnt from" in text for side in "AB")


@pytest.mark.parametrize("tuned", [(True, True), (True, False), (False, True)])
def test_a_comparison_knows_which_side_was_tuned(
    synthetic: ModuleType, tmp_path: Path, tuned: tuple[bool, bool]
) -> None:
    folders = [
        run_of(synthetic, tmp_path, name, values, replace(RUN, method=name, tuning=RUN.tuning if has else None))
        for name, values, has in zip("ab", (GOOD, BAD), tuned, strict=True)
    ]
    assert compare_runs(folders[:1], folders[1:])[0].tuned == tuned


@pytest.mark.parametrize("change", [{"data_digest": "e"}, {"task_version": "2"}, {"limit": 12}, {"task": "apps"}])
def test_runs_on_other_problems_are_refused(
    sides: tuple[Path, Path], synthetic: ModuleType, tmp_path: Path, change: dict[str, Any]
) -> None:
    other = run_of(synthetic, tmp_path, "other", BAD, replace(RUN, **change))
    said = r"a and other are not on the same problems \(task, version, data, limit\)"
    with pytest.raises(UsageError, match=said):
        compare_runs(sides[:1], [other])
    with pytest.raises(UsageError, match=said):
        compare_runs([sides[0], other], sides[1:])


def test_runs_that_were_written_otherwise_are_on_the_same_problems(
    sides: tuple[Path, Path], synthetic: ModuleType, tmp_path: Path
) -> None:
    warm = replace(RUN, sampling=Sampling(2, 64, temperature=0.8), seed=5)
    other = run_of(synthetic, tmp_path, "warm", BAD, warm)
    assert compare_runs(sides[:1], [other])[0].n == 12


def test_a_side_is_the_seeds_of_one_method_whatever_metrics_were_added_to_some(
    sides: tuple[Path, Path], synthetic: ModuleType, tmp_path: Path
) -> None:
    options = {**RUN.options, "bleu": {"tokenize": "none"}, "exact_match": {"normalisation": "paper"}}
    more = replace(RUN, seed=2, metrics=("exact_match", "bleu"), ks=(1, 3), options=options)
    second = run_of(synthetic, tmp_path, "more", GOOD[::-1], more)
    [one] = compare_runs([sides[0], second], sides[1:])
    assert one.seeds == (2, 1)
    for change in (
        {"options": {**RUN.options, "lora": {"r": 8}}},
        {"model": ModelSpec("org/other")},
        {"sampling": Sampling(2, 65)},
        {"model_digest": "v"},
        {"method": "ia3"},
    ):
        name = next(iter(change))
        third = run_of(synthetic, tmp_path, name, GOOD, replace(RUN, seed=3, **change))
        said = f"a and {name} differ in more than the seed: they are not one side"
        with pytest.raises(UsageError, match=said):
            compare_runs([sides[0], second, third], sides[1:])
        with pytest.raises(UsageError, match=said):
            compare_runs(sides[1:], [sides[0], third])
    again = run_of(synthetic, tmp_path, "again", GOOD, replace(RUN, seed=2))
    with pytest.raises(UsageError, match="again: seed 2 is there twice on one side"):
        compare_runs([sides[0], second, again], sides[1:])


def test_a_side_whose_records_are_not_those_of_its_result_is_refused(
    sides: tuple[Path, Path], synthetic: ModuleType, tmp_path: Path
) -> None:
    wrong = (Estimate("exact_match", "em@1", 0.5, None, None, 12),)
    other = run_of(synthetic, tmp_path, "other", GOOD, replace(RUN, seed=2), estimates=wrong)
    for first, second in (([sides[0], other], sides[1:]), (sides[1:], [sides[0], other])):
        with pytest.raises(RunError, match=r"other/records\.jsonl: gives em@1 0\.750000 on 12 problems"):
            compare_runs(first, second)
    path = sides[1] / "records.jsonl"
    path.write_text(path.read_text().replace('"prompt_tokens": 0', '"prompt_tokens": 1'))
    with pytest.raises(RunError, match=r"not what result\.json was computed from"):
        compare_runs(sides[:1], sides[1:])


def notes(synthetic: ModuleType, root: Path, *sides: list[dict[str, int] | None]) -> list[str]:
    folders = [
        [run_of(synthetic, root, f"{at}-{number}", GOOD, readings=one) for number, one in enumerate(side)]
        for at, side in enumerate(sides)
    ]
    return extraction_notes(*folders)


def test_a_warning_is_given_where_a_fifth_of_the_answers_was_found_otherwise(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    found = notes(synthetic, tmp_path, [{"bare": 50}, {"bare": 30, "fenced": 20}], [{"bare": 60, "fenced": 40}])
    assert found[:2] == ["A  answers found: 80 bare; 20 fenced", "B  answers found: 60 bare; 40 fenced"]
    assert found[2:] == [
        "warning: 20% of the answers were found by other rules (harness docs answers); look at some completions of "
        "both runs (harness leaderboard --format html) before you take a difference for one of code"
    ]
    near = notes(synthetic, tmp_path / "near", [{"bare": 80, "fenced": 20}], [{"bare": 61, "fenced": 39}])
    assert len(near) == 2


def test_nothing_is_said_where_a_run_does_not_record_its_rules(synthetic: ModuleType, tmp_path: Path) -> None:
    assert notes(synthetic, tmp_path / "a", [{"bare": 5}, None], [{"bare": 5}]) == []
    assert notes(synthetic, tmp_path / "b", [{"bare": 5}], [None]) == []
