"""The report sets ours beside the published, and says plainly what was not run."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from harness.plugin_system.loading import OURS
from harness.plugin_system.registry import Registry
from harness.plugins.studies.weyssow2024.exhibits import PUBLISHED
from harness.report import study_report
from harness.studies import study

if TYPE_CHECKING:
    from tests.report.conftest import Browser

STUDY = """
title = "LoRA and examples"
shows = ["table3", "figure5", "figure7"]
[[grid]]
task = ["conala"]
model = ["codellama/CodeLlama-7b-hf", "codellama/CodeLlama-7b-Python-hf"]
method = ["lora"]
[[grid]]
task = ["conala"]
model = ["codellama/CodeLlama-7b-hf"]
method = ["rag"]
seed = [42, 777]
options = { "rag.n" = [1, 4] }
"""


@pytest.fixture
def one(tmp_path: Path) -> study.StudyFile:
    path = tmp_path / "small.toml"
    path.write_text(STUDY)
    return study.load(str(path))


@pytest.fixture
def root(synthetic: ModuleType, tmp_path: Path) -> Path:
    """Runs of CodeLlama-7b: LoRA, and RAG with one example under two seeds."""
    folder = tmp_path / "runs"
    specs = [("lora", 42, 0, 0.6), ("rag", 42, 1, 0.4), ("rag", 777, 1, 0.5)]
    for number, (method, seed, n, skill) in enumerate(specs):
        rng = random.Random(number)
        found = list(synthetic.records(rng, skill, 80, examples=n))
        run = synthetic.run_spec(method, seed, "codellama/CodeLlama-7b-hf", examples=n)
        synthetic.write(folder, synthetic.row(run, found, rng), found)
    return folder


def write(one: study.StudyFile, root: Path, out: Path) -> list[str]:
    return study_report.write_report(one, False, {}, root, out)


def table(text: str, title: str) -> list[dict[str, str]]:
    """The Markdown table below a heading."""
    lines = text.partition(f"## {title}")[2].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_ours_its_interval_and_the_published_value_stand_side_by_side(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    write(one, root, tmp_path / "out")
    lines = table((tmp_path / "out" / "report.md").read_text(), "Table 3")
    mine = next(line for line in lines if (line["model"], line["method"]) == ("CodeLlama-7B", "LoRA"))
    result = json.loads(next(root.glob("conala-lora-*/result.json")).read_text())
    value = next(e for e in result["row"]["estimates"] if e["measure"] == "em@10")
    assert mine["CoNaLa EM@10 ours"].replace("\\", "").startswith(f"{100 * value['value']:.2f} [")
    assert mine["CoNaLa EM@10/paper published"] == "39.31"
    assert mine["CodeAlpacaPy EM@10 ours"] == "not in this study"
    assert (mine["trainable ours"], mine["trainable published"]) == ("12.5M", "12.5M")
    assert mine["CoNaLa CodeBLEU ours"] == "codebleu was not computed"
    assert len(lines) == len(PUBLISHED["table3"]["rows"]) + 2
    assert {line["method"] for line in lines if "RAG" in line["method"]} == {"RAG (n=1)", "RAG (n=4)"}


def test_two_models_with_one_last_name_are_two_lines_of_a_study(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    models = '["codellama/CodeLlama-7b-hf", "fork/CodeLlama-7b-hf", "a/final", "b/final"]'
    path.write_text(f'shows = ["table3"]\n[[grid]]\ntask = ["conala"]\nmodel = {models}\nmethod = ["lora"]\n')
    said = study_report.write_report(study.load(str(path)), False, {}, tmp_path / "runs", tmp_path / "out")
    assert said[0] == "4 of 4 cells have no run:"
    lines = table((tmp_path / "out" / "report.md").read_text(), "Table 3")
    ran = {
        line["model"]: line["CoNaLa EM@10/paper published"]
        for line in lines
        if line["CoNaLa EM@10/paper ours"] == "not run"
    }
    assert ran == {"CodeLlama-7B": "39.31", "fork/CodeLlama-7b-hf": "–", "a/final": "–", "b/final": "–"}


def test_what_was_not_run_is_said_with_its_reason(one: study.StudyFile, root: Path, tmp_path: Path) -> None:
    said = write(one, root, tmp_path / "out")
    assert said[0] == "3 of 6 cells have no run:"
    assert "lora on conala, CodeLlama-7b-Python-hf, seed 42: not run" in said
    text = (tmp_path / "out" / "report.md").read_text()
    lines = table(text, "Table 3")
    other = next(line for line in lines if (line["model"], line["method"]) == ("CodeLlama-7B-Python", "LoRA"))
    assert other["CoNaLa EM@10/paper ours"] == "not run" and other["CoNaLa EM@10/paper published"] == "36.28"
    assert "## Not run" in text


def test_a_curve_pools_the_seeds_of_a_number_of_examples(one: study.StudyFile, root: Path, tmp_path: Path) -> None:
    write(one, root, tmp_path / "out")
    lines = table((tmp_path / "out" / "report.md").read_text(), "Figure 7")
    rag = {line["examples"]: line for line in lines if line["method"] == "RAG"}
    values = []
    for path in root.glob("conala-rag-*/result.json"):
        estimates = json.loads(path.read_text())["row"]["estimates"]
        values.append(next(e["value"] for e in estimates if e["measure"] == "em@10"))
    assert rag["1"]["EM@10/paper ours"].startswith(f"{100 * sum(values) / 2:.2f} ")
    assert rag["1"]["EM@10/paper published"] == "35.17"
    assert rag["4"]["EM@10/paper ours"] == "not run"


def test_what_was_published_is_there_for_models_that_the_study_has_not(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    write(one, root, tmp_path / "out")
    lines = table((tmp_path / "out" / "report.md").read_text(), "Figure 7")
    other = [line for line in lines if (line["task"], line["model"]) == ("CodeAlpacaPy", "CodeLlama-7B-Instruct")]
    assert [
        (line["method"], line["examples"], line["EM@10/paper ours"], line["EM@10/paper published"]) for line in other
    ] == [
        ("LoRA", "0", "not in this study", "17.04"),
        ("ICL", "best", "not in this study", "10.35"),
    ]


def test_no_number_is_said_to_be_published_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.write_text('shows = ["figure6"]\n[[builtin]]\ntask = ["conala"]\nmethod = ["lora"]\n')
    study_report.write_report(study.load(str(path)), True, {}, tmp_path / "runs", tmp_path / "out")
    lines = table((tmp_path / "out" / "report.md").read_text(), "Figure 6")
    assert "39.31" in {line["EM@10/paper published"] for line in lines}
    assert "CodeBLEU published" not in lines[0]


def test_a_table_wider_than_a_page_is_cut_into_parts_with_the_names_in_each(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    write(one, root, tmp_path / "out")
    text = (tmp_path / "out" / "report.tex").read_text().replace("\\allowbreak{}", "")
    parts = [part for part in text.split("\\begin{longtable}")[1:] if "Table 3" in part.split("\\toprule")[0]]
    assert len(parts) > 1
    for number, part in enumerate(parts, 1):
        assert f"part {number} of {len(parts)}" in part and "CodeLlama-7B & LoRA & " in part
    for column, value in (("CoNaLa EM@10/paper", "39.31"), ("CodeAlpacaPy EM@10/paper", "16.24")):
        assert any(column in part and value in part for part in parts)
    assert "?" not in text


def test_the_built_in_model_never_shares_an_axis_with_published_values() -> None:
    from harness.records import Estimate
    from harness.report.exhibits import OURS, Exhibit, Line, Value
    from harness.report.figures import _panels

    ours = Value(Estimate("exact_match", "em@10", 0.03, 0.02, 0.04, 60), None)
    known = Value(None, 39.3)
    lines = (
        Line(("conala", OURS, "lora"), (ours, ours)),
        Line(("conala", "CodeLlama-7B", "lora"), (known, known)),
    )
    for form in ("bars", "scatter", "curves"):
        exhibit = Exhibit("f", "F", ("task", "model", "method"), ("em@10", "peak GB"), lines, form)
        panels = _panels(exhibit)
        assert {OURS in line.names for panel in panels for line in panel.lines} == {True, False}
        for panel in panels:
            assert len({OURS in line.names for line in panel.lines}) == 1, form
        assert {panel.column for panel in panels} == ({0, 1} if form == "bars" else {0})


def test_a_run_with_a_changed_record_is_left_out_of_the_report(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    path = next(root.glob("conala-lora-*/records.jsonl"))
    path.write_text(path.read_text().replace('"em@10": 1.0', '"em@10": 0.0'))
    said = write(one, root, tmp_path / "out")
    assert any(f"left out: {path}: gives em@10 0.000000" in line for line in said)


def test_the_figures_are_drawn_and_the_same_runs_give_the_same_files(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'codetune-harness[plots]'")
    for name in ("one", "two"):
        write(one, root, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    pictures = [f"figure{n}.{form}" for n in (5, 7) for form in ("pdf", "png", "svg")]
    assert names == [*pictures, "index.html", "report.md", "report.tex"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert (tmp_path / "one" / "figure7.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_figures_tables_and_latex_call_methods_what_papers_call_them(
    one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'codetune-harness[plots]'")
    write(one, root, tmp_path / "out")
    picture = (tmp_path / "out" / "figure7.svg").read_text()
    words = set(re.findall(r">([^<>]+)</text>", picture))
    assert {"CodeLlama-7B, LoRA", "CodeLlama-7B, RAG", "EM@10/paper (%)", "CoNaLa"} <= words
    assert not [word for word in words if re.search(r"\b(lora|rag|icl|conala|em@)", word)]
    report, page = ((tmp_path / "out" / name).read_text() for name in ("report.md", "index.html"))
    assert "| CodeLlama-7B | LoRA |" in report and "<th scope='row'>LoRA</th>" in page
    assert "harness eval --method lora" in report, "commands stay as one types them"


def test_without_matplotlib_the_tables_are_there_and_the_remedy_is_said(
    one: study.StudyFile, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = write(one, root, tmp_path / "out")
    assert said[0] == "drawing figures needs matplotlib: pip install 'codetune-harness[plots]'"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["index.html", "report.md", "report.tex"]


def test_the_report_compiles_as_markdown_and_latex_that_fits_its_page(
    one: study.StudyFile, root: Path, tmp_path: Path, compile_tex: Callable[..., str]
) -> None:
    write(one, root, tmp_path / "out")
    html = MarkdownIt("commonmark").enable("table").render((tmp_path / "out" / "report.md").read_text())
    assert html.count("<table>") == 3 + 1  # three exhibits, one board
    text = (tmp_path / "out" / "report.tex").read_text()
    assert "resizebox" not in text
    compile_tex(text, tmp_path / "out")


@pytest.mark.parametrize("name", ["fair", "rq1", "rq2", "rq3", "rq4"])
def test_every_exhibit_of_a_shipped_study_compiles_within_the_width_of_the_text(
    name: str, tmp_path: Path, compile_tex: Callable[..., str]
) -> None:
    study_report.write_report(study.load(name), True, {}, tmp_path / "runs", tmp_path / "out")
    compile_tex((tmp_path / "out" / "report.tex").read_text(), tmp_path / "out")


def test_the_page_of_a_study_opens_with_the_answers_and_its_figures_follow(
    browser: Browser, one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    write(one, root, tmp_path / "out")
    browser.show(width=1280, height=720)
    browser.open(tmp_path / "out" / "index.html")
    browser.wait("document.querySelector('#problem h3')")
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    assert browser.run(bottom, "#answers > div:last-child .command") < 720
    top = "return document.getElementById(arguments[0]).getBoundingClientRect().top"
    assert browser.run(top, "answers") < browser.run(top, "table3") < browser.run(top, "table-title")


def test_the_page_of_a_report_is_accessible(
    browser: Browser, axe: str, one: study.StudyFile, root: Path, tmp_path: Path
) -> None:
    write(one, root, tmp_path / "out")
    browser.open(tmp_path / "out" / "index.html")
    browser.wait("document.querySelector('#problem h3')")
    browser.run(axe)
    found: list[Any] = browser.run("return axe.run().then((r) => r.violations.map((v) => [v.id, v.impact]))")
    assert [v for v in found if v[1] in ("serious", "critical")] == []
    assert browser.log("browser") == []


def test_every_table_and_figure_that_a_shipped_study_shows_exists() -> None:
    registry = Registry()
    ours = [o for o in registry.entries("study").values() if o.origin.distribution == OURS]
    shown = {name for one in ours for name in study.load(one.name, registry).shows}
    assert shown == {name for one in ours for name in one.plugin.exhibits()}


def test_token_lengths_come_from_the_data_alone(tmp_path: Path) -> None:
    said = study_report.write_report(study.load("fig2"), True, {}, tmp_path / "runs", tmp_path / "out")
    assert not said
    lines = table((tmp_path / "out" / "report.md").read_text(), "Figure 2")
    found = {(line["task"], line["what"]): line for line in lines}
    assert len(found) == 6
    for line in found.values():
        marks = [int(line[name]) for name in ("5 %", "25 %", "median", "75 %", "95 %")]
        assert marks == sorted(marks) and marks[0] > 0
    assert int(found["APPS", "instruction"]["median"]) > int(found["CoNaLa", "instruction"]["median"])
