"""A real package of a third party, installed, works in the same command without a change in harness.

`tests/third_party` is built and installed as pip does it, into a folder of its own that is put on the path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import warm

PACKAGE = Path(__file__).parent / "third_party"
Harness = Callable[..., subprocess.CompletedProcess[str]]


def install(package: Path, target: Path, scratch: Path) -> None:
    """What `pip install` leaves, without touching the environment of the tests or the package's own folder."""
    copy = scratch / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    words = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *words, "--target", str(target), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in."""
    target = tmp_path_factory.mktemp("installed")
    install(PACKAGE, target, tmp_path_factory.mktemp("scratch"))
    return target


@pytest.fixture
def harness(installed: Path, tmp_path: Path) -> Harness:
    """Runs `harness …` where the package is installed."""

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        surroundings = {
            **os.environ,
            "PYTHONPATH": str(installed),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            **environ,
        }
        return warm.harness(*words, cwd=tmp_path, environ=surroundings)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "sums"
    folder.mkdir()
    for split, numbers in (("train", range(1, 9)), ("validation", range(9, 11)), ("test", range(11, 15))):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps({"number": n}) + "\n" for n in numbers))
    return folder


def test_a_foreign_method_task_and_metric_run_in_one_command_beside_built_in_ones(
    harness: Harness, data: Path, tmp_path: Path, installed: Path
) -> None:
    log = tmp_path / "heard.jsonl"
    words = ["--method", "probe-bias,lora", "--task", "probe-sums", "--metric", "probe_length,exact_match"]
    done = harness("eval", *words, "--data", str(data), "--set", "lora.epochs=1", "--json", HARNESS_PROBE_LOG=str(log))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["run"]["method"] for row in rows] == ["probe-bias", "lora"]
    assert {row["run"]["task"] for row in rows} == {"probe-sums"}
    assert {e["measure"] for row in rows for e in row["estimates"]} >= {"chars@1", "chars@2", "em@1", "em@2"}
    assert 0 < rows[0]["trainable_parameters"] < rows[0]["total_parameters"]

    about = json.loads((tmp_path / "runs" / rows[0]["run_id"] / "run.json").read_text("utf-8"))
    source = hashlib.sha256((installed / "harness_probe" / "__init__.py").read_bytes()).hexdigest()
    foreign = {"distribution": "harness-probe", "version": "1.2.3", "module": "probe", "digest": source}
    assert {about["plugins"][name] == foreign for name in ("probe-bias", "probe-sums", "probe_length")} == {True}
    assert about["plugins"]["exact_match"]["distribution"] == "codetune-harness"

    heard = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    validated = [one for one in heard if one["hook"] == "validated"]
    assert len(validated) == 2 and all(one["step"] == one["of"] for one in validated), "one step of each method"
    assert heard[:2] == validated, "tunings come first"
    assert [one["hook"] for one in heard[2:]] == ["started", *["record"] * 4, "finished"] * 2
    assert heard[2] == {"hook": "started", "task": "probe-sums", "method": "probe-bias"}


def test_its_completions_are_judged_by_the_sandbox(harness: Harness, data: Path, tmp_path: Path) -> None:
    texts = [{"id": str(n), "completions": [f"def add(x):\n    return x + {min(n, 13)}"]} for n in range(11, 15)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in texts))
    words = ["--task", "probe-sums", "--data", str(data), "--metric", "pass_at_k,probe_length", "--json"]
    done = harness("score", "--completions", "mine.jsonl", *words)
    assert done.returncode == 0, done.stderr
    found = {e["measure"]: e["value"] for e in json.loads(done.stdout)[0]["estimates"]}
    assert found["pass@1"] == 0.75
    assert found["chars@1"] == len(texts[0]["completions"][0])


def _edit(place: Path, old: str, new: str) -> str:
    """Change the installed plugin as its author does; the digest of its file afterwards."""
    module = place / "harness_probe" / "__init__.py"
    text = module.read_text("utf-8")
    assert text.count(old) == 1
    module.write_text(text.replace(old, new), "utf-8")
    return hashlib.sha256(module.read_bytes()).hexdigest()


@pytest.fixture
def own(installed: Path, tmp_path: Path) -> Path:
    """A copy of the installed package, to be changed."""
    shutil.copytree(installed, tmp_path / "own")
    return tmp_path / "own"


@pytest.mark.slow
def test_a_metric_that_is_added_later_or_was_changed_is_scored_now_and_recorded_with_its_origin(
    harness: Harness, own: Path, data: Path, tmp_path: Path
) -> None:
    texts = [{"id": str(n), "completions": [f"{n}", "four"]} for n in range(11, 15)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in texts))
    words = ["score", "--completions", "mine.jsonl", "--task", "probe-sums", "--data", str(data), "--json", "-k", "1,2"]

    def scored(*words: str) -> dict[str, float]:
        done = harness(*words, PYTHONPATH=str(own))
        assert done.returncode == 0, done.stderr
        return {e["measure"]: e["value"] for e in json.loads(done.stdout)[0]["estimates"]}

    assert "chars@1" not in scored(*words, "--metric", "exact_match")
    (run,) = (tmp_path / "runs").glob("probe-sums-*")
    assert "probe_length" not in json.loads((run / "run.json").read_text("utf-8"))["plugins"]
    assert scored("score", str(run), "--metric", "probe_length", "--json")["chars@2"] == 3.0
    before = json.loads((run / "run.json").read_text("utf-8"))["plugins"]["probe_length"]
    assert (before["distribution"], before["version"]) == ("harness-probe", "1.2.3")

    changed = _edit(own, "[len(completion.text) for", "[2 * len(completion.text) for")
    assert before["digest"] != changed
    assert scored(*words, "--metric", "exact_match,probe_length")["chars@2"] == 6.0
    assert json.loads((run / "run.json").read_text("utf-8"))["plugins"]["probe_length"]["digest"] == changed
    assert f"probe_length (harness-probe 1.2.3, {changed[:12]})" in harness("show", str(run)).stdout
    finished = (run / "result.json").stat().st_mtime_ns
    assert scored(*words, "--metric", "exact_match,probe_length")["chars@2"] == 6.0
    assert (run / "result.json").stat().st_mtime_ns == finished


def test_a_run_or_tuning_by_another_state_of_a_plugin_is_kept_and_said_to_be(
    harness: Harness, own: Path, data: Path, tmp_path: Path
) -> None:
    words = ["--method", "probe-bias", "--task", "probe-sums", "--data", str(data), "--candidates", "1", "--limit", "2"]

    def notes() -> list[str]:
        done = harness("eval", *words, "--max-new-tokens", "2", PYTHONPATH=str(own))
        rows.append(done.stdout)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "another state of" in line]

    rows: list[str] = []
    assert notes() == notes() == []
    _edit(own, "return x + {number}", "return {number} + x")
    (run,) = (tmp_path / "runs").glob("probe-sums-*")
    (tuning,) = (tmp_path / "runs" / "tunings").iterdir()
    made = "another state of probe-sums, probe-bias (harness-probe 1.2.3); remove it to make it anew"
    assert notes() == [f"note: {run.relative_to(tmp_path)} was made by {made}"]
    shutil.rmtree(run)
    assert notes() == [f"note: {tuning.relative_to(tmp_path)} was made by {made}"]
    assert ["tuned by another state of" in row for row in rows] == [False, False, False, True]


def test_its_command_is_one_of_ours_and_is_not_imported_again_to_be_listed(harness: Harness) -> None:
    first = harness("--trace-plugins", "--help")
    assert "Greet NAME" in first.stdout
    assert "trace: import" in first.stderr
    second = harness("--trace-plugins", "--help")
    assert second.stdout == first.stdout
    assert "trace" not in second.stderr
    assert harness("probe-hello", "plugins").stdout == "hello plugins\n"
    assert "Did you mean 'probe-hello'?" in harness("probe-helo").stderr


def test_every_part_of_it_is_listed_with_its_distribution(harness: Harness) -> None:
    rows = [line.split()[:4] for line in harness("plugins").stdout.splitlines() if "harness-probe" in line]
    names = {("method", "probe-bias"), ("task", "probe-sums"), ("metric", "probe_length"), ("command", "probe-hello")}
    names |= {("study", "probe-biases")}
    assert {(kind, name) for kind, name, *_ in rows} == names
    assert {tuple(row[2:]) for row in rows} == {("harness-probe", "1.2.3")}
    assert "--set probe-bias.learning_rate=0.001" in harness("show", "probe-bias").stdout


@pytest.mark.slow
def test_its_study_is_listed_run_and_reported_beside_ours(harness: Harness, tmp_path: Path) -> None:
    listed = harness("study", "list").stdout.splitlines()
    [line] = [line for line in listed if line.startswith("probe-biases")]
    assert line.split("  ", 1)[1].strip() == "Are biases enough?  (2 built-in)"
    assert any(line.startswith("rq1") for line in listed)

    done = harness("study", "run", "probe-biases", "--builtin")
    assert done.stdout == "probe-biases: 2 of 2 cells finished, in runs\n", done.stderr
    done = harness("study", "report", "probe-biases", "--builtin")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "studies" / "probe-biases" / "report"
    text = (folder / "report.md").read_text("utf-8")
    assert "Published values: made up for this package." in text
    table = text.partition("## Table 9: tuned biases")[2].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| built-in")]
    assert {(line[1], line[-1].strip()) for line in lines} == {("zero-shot", "12.50"), ("probe-bias", "–")}
    assert all("[" in line[2] for line in lines), "ours has its interval"
    page = (folder / "index.html").read_text("utf-8")
    assert "<h2 id='probe-table'>Table 9: tuned biases</h2>" in page


def test_a_user_may_show_its_table_and_a_broken_one_of_its_stops_nothing_else(
    harness: Harness, own: Path, tmp_path: Path
) -> None:
    grid = '[[builtin]]\ntask = ["conala"]\nmethod = ["zero-shot"]\n'
    (tmp_path / "mine.toml").write_text(f'shows = ["probe-table", "rq2:figure1"]\n{grid}')

    def report(place: Path) -> tuple[str, str]:
        words = ("study", "report", "mine.toml", "--builtin", "--output", "out")
        done = harness(*words, PYTHONPATH=str(place))
        assert done.returncode == 0, done.stderr
        return (tmp_path / "out" / "report.md").read_text("utf-8"), done.stderr

    text, _ = report(own)
    assert "## Table 9" in text and "## Figure 1" in text and "not run" in text
    _edit(own, "published.get(method)", "published[1 / 0]")
    text, said = report(own)
    assert "## Table 9" not in text and "## Figure 1" in text
    assert "the exhibit 'probe-table' raised ZeroDivisionError" in said
    assert "probe-table of harness-probe cannot be shown" in text


def test_third_parties_can_be_switched_off_and_chosen(harness: Harness) -> None:
    assert "probe" not in harness("plugins", HARNESS_PLUGINS="").stdout
    assert "probe" not in harness("--help", HARNESS_PLUGINS="").stdout
    for chosen in ("probe", "harness-probe", "probe,codetune-other"):
        assert "probe_length" in harness("plugins", HARNESS_PLUGINS=chosen).stdout
    done = harness("show", "lora", HARNESS_PLUGINS="prob")
    assert done.returncode == 0
    assert "HARNESS_PLUGINS names 'prob', which is not installed" in done.stderr


def test_a_mistyped_name_of_its_is_met_with_the_nearest_one(harness: Harness) -> None:
    done = harness("show", "probe_lenght")
    assert done.returncode == 2
    assert "Did you mean 'probe_length'?" in done.stderr
