"""A finished run is believed because its numbers can be computed again, and a touched one is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import files
from harness.cli import cli
from harness.config import Settings
from harness.errors import RunError
from harness.evaluation import rescoring as external
from harness.evaluation import runs
from harness.evaluation.judge import LocalBench
from harness.evaluation.plan import RunPlan
from harness.evaluation.request import Request
from harness.evaluation.verification import Check, verify
from harness.plugin_system.registry import Registry
from harness.records import Completion, Execution, Outcome, Problem


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of ten problems, half of them solved, with metrics and options of its own."""
    rows = [{"nl": f"say {i}", "cmd": f"print({i})", "question_id": f"{i}-1"} for i in range(10)]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    lines = [{"id": f"{i}-1", "completions": [f"print({i})" if i % 2 else "nothing", "x = 1"]} for i in range(10)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    request = Request("external", "conala", data=tmp_path / "test.json", metrics=("exact_match", "codebleu"), ks=(1, 2))
    external.score_file(
        request,
        tmp_path / "mine.jsonl",
        "mine",
        Registry(),
        Settings(["codebleu.profile=fixed"], environ={}),
        tmp_path / "runs",
    )
    (folder,) = runs.finished(tmp_path / "runs")
    return folder


def change(path: Path, edit: Any) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_untouched_run_holds_with_its_own_options(run: Path) -> None:
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds"] * 5, found
    assert found[3].detail == "20 scores"


def test_data_is_fetched_only_where_it_was_named(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's run names a data set of the hub, which is not asked because somebody looks at the run."""
    asked: list[bool] = []
    reload_plan = external.reload_plan

    def seen(*arguments: Any, fetch: bool) -> Any:
        asked.append(fetch)
        return reload_plan(*arguments, fetch=fetch)

    monkeypatch.setattr(external, "reload_plan", seen)
    list(verify(run, None, judge=False))
    list(verify(run, tmp_path, judge=False))
    assert asked == [False, True]


def test_an_adapter_that_is_not_the_one_that_was_tuned_breaks_the_run(run: Path) -> None:
    (run / "adapter").mkdir()
    weights = run / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(b"as tuned")
    tuned = {
        "trainable_parameters": 1,
        "total_parameters": 2,
        "costs": [],
        "adapter": {weights.name: files.stamp(weights)},
    }
    files.write_sealed(run / "tuning.json", tuned)
    result = json.loads((run / "result.json").read_text())
    del result["inputs"], result["sha256"]
    (run / "result.json").write_text(json.dumps(result))
    assert next(iter(verify(run, None, judge=False))).verdict == "holds"
    weights.write_bytes(b"altered")
    broken = next(iter(verify(run, None, judge=False)))
    assert broken.verdict == "broken" and "adapter_model.safetensors: not what was tuned" in broken.detail


def test_a_changed_completion_a_changed_score_and_a_lost_record_are_each_seen(run: Path) -> None:
    untouched = (run / "records.jsonl").read_text()

    def other_text(lines: list[Any]) -> None:
        lines[0]["completions"][0]["text"] = "print(0)"

    def other_score(lines: list[Any]) -> None:
        (score,) = (s for s in lines[1]["scores"] if s["metric"] == "exact_match")
        score["values"]["em@1"] = 0.0

    for edit, estimates in ((other_text, "broken"), (other_score, "holds")):
        change(run / "records.jsonl", edit)
        records, _, _, scores, last = verify(run, None, judge=False)
        assert (records.verdict, scores.verdict, last.verdict) == ("broken", "broken", estimates)
        (run / "records.jsonl").write_text(untouched)
    change(run / "records.jsonl", lambda lines: lines.pop())
    found = list(verify(run, None, judge=False))
    assert found[2].verdict == "broken" and "9 records for 10 problems" in found[2].detail


def test_a_changed_estimate_is_seen(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    result["row"]["estimates"][0]["value"] += 0.1
    (run / "result.json").write_text(json.dumps(result))
    with pytest.raises(RunError, match=r"result\.json: changed since it was written"):
        list(verify(run, None, judge=False))
    del result["sha256"]
    (run / "result.json").write_text(json.dumps(result))
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds"] * 4 + ["broken"], found
    assert "now 0.5" in found[4].detail


def test_a_changed_line_of_costs_is_seen_and_one_that_was_added_is_not(run: Path) -> None:
    (run / "costs.jsonl").write_text("")
    result = json.loads((run / "result.json").read_text())
    assert "costs.jsonl" not in result["inputs"]  # nothing was judged
    files.append(run / "costs.jsonl", {"phase": "judge", "seconds": 1.0, "peak_rss_bytes": 1})
    files.write_sealed(run / "result.json", {**result, "inputs": runs.input_stamps(run)})
    files.append(run / "costs.jsonl", {"phase": "judge", "seconds": 2.0, "peak_rss_bytes": 1})
    runs.check_inputs(run)
    (run / "costs.jsonl").write_text((run / "costs.jsonl").read_text().replace("1.0", "9.0"))
    with pytest.raises(RunError, match=r"costs\.jsonl: not what result\.json was computed from"):
        runs.check_inputs(run)


def test_older_results_and_newer_plugins_are_no_broken_runs(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    del result["records_sha256"], result["inputs"], result["sha256"]
    (run / "result.json").write_text(json.dumps(result))
    about = json.loads((run / "run.json").read_text())
    about["plugins"]["codebleu"]["digest"] = "0" * 64
    del about["sha256"]
    (run / "run.json").write_text(json.dumps(about))
    records, plugins, *rest = verify(run, None, judge=False)
    assert (records.verdict, plugins.verdict) == ("not made", "not made")
    assert plugins.detail == "changed since: codebleu"
    assert [check.verdict for check in rest] == ["holds"] * 3
    about["plugins"]["conala"]["digest"] = "0" * 64
    (run / "run.json").write_text(json.dumps(about))
    assert list(verify(run, None, judge=False))[1].detail == "changed since: conala, codebleu"


def test_data_that_is_not_at_hand_is_no_broken_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "test.json").rename(tmp_path / "elsewhere" / "test.json")
    found = list(verify(run, None, judge=False))
    assert [check.verdict for check in found] == ["holds", "not made", "holds"]
    assert found[1].detail.endswith("; where its data lies elsewhere now: --data PATH")
    given = list(verify(run, tmp_path / "nowhere", judge=False))[1]
    assert given.verdict == "not made" and "nowhere" in given.detail and "--data PATH" not in given.detail
    assert found[2].claim == "the estimates and their intervals are what the scores give", "which needs no data"
    shown = CliRunner().invoke(cli, ["verify", str(run)]).stdout.splitlines()[1]
    assert shown.startswith("-   the scores are what the metrics give: not checked, --data ")
    assert [check.verdict for check in verify(run, tmp_path / "elsewhere", judge=False)] == ["holds"] * 5


class Elsewhere(LocalBench):
    """A place where every program passes."""

    def verdicts(self, plan: RunPlan, answers: Iterable[tuple[Problem, Completion]]) -> Iterator[Execution] | None:
        return (Execution(Outcome.PASSED, 1, 1) for _ in answers)


def test_executed_completions_run_again(tmp_path: Path) -> None:
    lines = [{"id": f"{i}", "completions": [f"print({i})", "1 / 0"]} for i in range(3)]
    rows = [
        {
            "problem_id": i,
            "question": f"Print {i}.",
            "difficulty": "introductory",
            "solutions": "[]",
            "input_output": json.dumps({"inputs": [""], "outputs": [f"{i}\n"]}),
        }
        for i in range(3)
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    request = Request("external", "apps", data=tmp_path / "test.jsonl", ks=(1,))
    path, settings = tmp_path / "mine.jsonl", Settings(environ={})
    external.score_file(request, path, "mine", Registry(), settings, tmp_path / "runs")
    (folder,) = runs.finished(tmp_path / "runs")
    *_, judged = verify(folder, None, judge=True)
    assert (judged.verdict, judged.detail) == ("holds", "6 completions")
    *_, judged = verify(folder, None, judge=True, bench=Elsewhere())
    assert judged.verdict == "broken" and "3 of 6 differ" in judged.detail

    def passed(lines: list[Any]) -> None:
        lines[0]["executions"][1] = lines[0]["executions"][0]

    change(folder / "records.jsonl", passed)
    *_, judged = verify(folder, None, judge=True)
    assert judged.verdict == "broken" and "1 of 6 differ" in judged.detail


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six problems in one cheap metric, one of them without a score; copied for each change."""
    root = tmp_path_factory.mktemp("kept")
    rows = [{"nl": f"say {i}", "cmd": f"print({i})", "question_id": f"{i}-1"} for i in range(6)]
    (root / "test.json").write_text(json.dumps(rows))
    lines = [{"id": f"{i}-1", "completions": [f"print({i % 4})", "x = 1"]} for i in range(6)]
    (root / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    request = Request("external", "conala", data=root / "test.json", metrics=("exact_match",), ks=(1, 2))
    settings = Settings(["exact_match.normalisation=ast"], environ={})
    external.score_file(request, root / "mine.jsonl", "mine", Registry(), settings, root / "runs")
    return root


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    (folder,) = runs.finished(kept / "runs")
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def checks(folder: Path, kept: Path) -> list[Check]:
    """All but the one about the files of a tuning, which there is none of here."""
    found = list(verify(folder, kept / "test.json", judge=False))
    return [check for check in found if check.claim != "costs, tuning and adapter are those of the result"]


CLAIMS = (
    "the records are those of the result",
    "task and metrics are the ones that made the run, to the byte",
    "every problem of the data has one record, and no other has",
    "the scores are what the metrics give",
    "the estimates and their intervals are what the scores give",
)


def test_what_holds_is_said_with_how_much_was_looked_at(copied: Path, kept: Path) -> None:
    assert checks(copied, kept) == [
        Check(CLAIMS[0], "holds"),
        Check(CLAIMS[1], "holds"),
        Check(CLAIMS[2], "holds", "6 problems"),
        Check(CLAIMS[3], "holds", "6 scores"),
        Check(CLAIMS[4], "holds", "6 estimates"),
    ]
    *_, judged = verify(copied, kept / "test.json", judge=True)
    assert judged == Check("the sandbox gives the same verdicts again", "not made", "no completion was executed")


def test_a_run_is_verified_under_its_own_options_whatever_the_environment_says(
    copied: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_EXACT_MATCH__NORMALISATION", "paper")
    assert [check.verdict for check in checks(copied, kept)] == ["holds"] * 5


def score_of(lines: list[Any], at: int) -> Any:
    (score,) = lines[at]["scores"]
    return score


def unscored(lines: list[Any]) -> None:
    score_of(lines, 0).update(values={}, why="lost")


def added_why(lines: list[Any]) -> None:
    score_of(lines, 0).update(why="lost")


def without_measure(lines: list[Any]) -> None:
    del score_of(lines, 0)["values"]["em@2"]


def without_score(lines: list[Any]) -> None:
    lines[0]["scores"] = []


def nearly(lines: list[Any]) -> None:
    score_of(lines, 0)["values"]["em@1"] -= 1e-7


@pytest.mark.parametrize("edit", [unscored, added_why, without_measure, without_score, nearly])
def test_a_score_that_was_taken_away_or_moved_a_little_is_broken(copied: Path, kept: Path, edit: Any) -> None:
    change(copied / "records.jsonl", edit)
    found = checks(copied, kept)
    assert [check.verdict for check in found] == ["broken", "holds", "holds", "broken", "holds"]
    assert found[3].detail == "1 scores differ; the first is exact_match of 0-1"
    assert "not what result.json was computed from" in found[0].detail


def test_rounding_and_measures_that_were_added_for_another_k_are_no_change(copied: Path, kept: Path) -> None:
    def edit(lines: list[Any]) -> None:
        score_of(lines, 0)["values"]["em@1"] += 1e-12
        score_of(lines, 1)["values"]["em@5"] = 0.0

    change(copied / "records.jsonl", edit)
    assert [check.verdict for check in checks(copied, kept)] == ["broken", "holds", "holds", "holds", "holds"]


@pytest.mark.parametrize("field", ["value", "low", "high", "n", "unscored"])
def test_each_number_of_an_estimate_is_compared(copied: Path, kept: Path, field: str) -> None:
    result = json.loads((copied / "result.json").read_text())
    one = result["row"]["estimates"][1]
    one[field] += 1 if field in ("n", "unscored") else 1e-6
    files.write_sealed(copied / "result.json", result)
    last = checks(copied, kept)[4]
    assert last.verdict == "broken" and last.detail.startswith(f"{one['measure']}: ")
    one[field] = (one[field] - 1) if field in ("n", "unscored") else one[field] - 1e-6 + 1e-12
    files.write_sealed(copied / "result.json", result)
    assert checks(copied, kept)[4].verdict == "holds"


def test_an_estimate_that_is_missing_or_has_no_interval_is_broken(copied: Path, kept: Path) -> None:
    whole = json.loads((copied / "result.json").read_text())
    lost = json.loads(json.dumps(whole))
    del lost["row"]["estimates"][0]
    files.write_sealed(copied / "result.json", lost)
    assert checks(copied, kept)[4].detail.startswith("em@1: nothing, now 0.6666")
    open_ended = json.loads(json.dumps(whole))
    open_ended["row"]["estimates"][0]["low"] = None
    files.write_sealed(copied / "result.json", open_ended)
    assert "[None, " in checks(copied, kept)[4].detail


def test_records_of_no_problem_and_two_of_one_are_broken(copied: Path, kept: Path) -> None:
    text = (copied / "records.jsonl").read_text()
    (copied / "records.jsonl").write_text(text + text.splitlines(keepends=True)[2])
    assert checks(copied, kept)[2] == Check(CLAIMS[2], "broken", "7 records for 6 problems; see 2-1")
    (copied / "records.jsonl").write_text(text.replace('"3-1"', '"9-9"', 1))
    assert checks(copied, kept)[2] == Check(CLAIMS[2], "broken", "6 records for 6 problems; see 3-1")


def test_verdicts_are_compared_by_outcome_passed_and_total(tmp_path: Path) -> None:
    row = {
        "problem_id": 1,
        "question": "Print.",
        "difficulty": "interview",
        "solutions": "[]",
        "input_output": json.dumps({"inputs": ["", ""], "outputs": ["1\n", "2\n"]}),
    }
    (tmp_path / "test.jsonl").write_text(json.dumps(row))
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "completions": ["print(1)", "print(2)"]}))
    request = Request("external", "apps", data=tmp_path / "test.jsonl", ks=(1,))
    external.score_file(request, tmp_path / "mine.jsonl", "mine", Registry(), Settings(environ={}), tmp_path / "runs")
    (folder,) = runs.finished(tmp_path / "runs")
    text = (folder / "records.jsonl").read_text()
    for field, value in (("outcome", "raised"), ("passed", 2), ("total", 3)):

        def edit(lines: list[Any], field: str = field, value: Any = value) -> None:
            lines[0]["executions"][1][field] = value

        change(folder / "records.jsonl", edit)
        *_, judged = verify(folder, None, judge=True)
        shown = value if field == "outcome" else "failed"
        assert judged.verdict == "broken", field
        assert judged.detail == f"1 of 2 differ; completion 1 of 1: {shown}, now failed"
        (folder / "records.jsonl").write_text(text)
