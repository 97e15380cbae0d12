"""Each place of the study's tables asks for its own number: measure, slice, phase and published value."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugin_system.registry import Registry
from harness.plugins.studies.weyssow2024 import exhibits
from harness.records import Cost
from harness.report import figures
from harness.report.exhibits import StudyResults, Value

MODEL, METHOD = "CodeLlama-7B-Instruct", "lora"
SLICES, MEASURES = ("introductory", "interview", "competition"), ("tests_passed", "pass@1", "pass@2", "pass@5")


class Study:
    """One cell of results on each task; `value` gives back what it is asked for."""

    def __init__(self, costs: tuple[Cost, ...] = (), why: str = "", row: bool = True, rule: str = "literal") -> None:
        run = SimpleNamespace(options={"exact_match": {"normalisation": rule}})
        done = SimpleNamespace(costs=costs, trainable_parameters=12_500_000, run=run) if row else None
        self.result = SimpleNamespace(row=done, why=why)

    def models(self, task: str | None = None) -> list[str]:
        return ["ours/model"]

    def methods(self, task: str, model: str) -> list[str]:
        return [METHOD]

    def of(self, task: str, model: str, method: str) -> list[Any]:
        return [self.result] if (model, method) == ("ours/model", METHOD) else []

    def value(self, found: Any, measure: str, published: float | None, slice_: str | None = None) -> Value:
        return Value(f"{measure} of {slice_}" if found else None, published)


def test_table_4_has_every_difficulty_with_its_own_values() -> None:
    table: Any = exhibits.table4(Study())  # type: ignore[arg-type]
    lines = {line.names: line.values for line in table.lines}
    assert table.columns == tuple(f"{s} {m}" for s in SLICES for m in MEASURES)
    assert [value.ours for value in lines["ours/model", METHOD]] == [f"{m} of {s}" for s in SLICES for m in MEASURES]
    published = exhibits.PUBLISHED["table4"]
    texts = [i for i, cell in enumerate(published["rows"][0]) if isinstance(cell, str)]
    for row in published["rows"]:
        by_column = {c: row[i] for i, c in enumerate(published["columns"]) if i not in texts}
        found = lines[tuple(row[i] for i in texts)]
        assert [value.published for value in found] == [by_column[f"{s} {m}"] for s in SLICES for m in MEASURES]
        assert len({value.published for value in found}) > 3


def test_figure_1_is_the_memory_of_tuning_and_of_nothing_else() -> None:
    costs = (
        Cost("load", 1.0, 9, 30 * 10**9),
        Cost("tune", 1.0, 9, 19 * 10**9),
        Cost("generate", 1.0, 9, 40 * 10**9),
    )

    def shown(study: Study) -> Value:
        figure: Any = exhibits.figure1(study)  # type: ignore[arg-type]
        return next(line.values[0] for line in figure.lines if line.names == ("ours/model", METHOD))

    assert shown(Study(costs)) == Value(19.0, None)
    assert shown(Study((Cost("tune", 1.0, 9), *costs[::2]))) == Value(None, None, "no GPU")
    assert shown(Study(row=False, why="it was killed")) == Value(None, None, "it was killed")


def test_table_3_counts_what_is_trained_and_asks_for_both_tasks() -> None:
    table: Any = exhibits.table3(Study())  # type: ignore[arg-type]
    first, *rest = next(line.values for line in table.lines if line.names == ("ours/model", METHOD))
    assert first.ours == "12.5M"
    measures = ("em@1", "em@1/paper", "em@10", "em@10/paper", "codebleu")
    assert [value.ours for value in rest] == [f"{m} of None" for m in measures] * 2
    known = {tuple(row[:2]): row for row in exhibits.PUBLISHED["table3"]["rows"]}
    names = exhibits.PUBLISHED["table3"]["columns"]
    for line in table.lines:
        if (row := known.get(line.names)) is not None:
            assert line.values[0].published == row[2]
            told = {
                f"{t} {m}": row[names.index(f"{t} {m}")] for t in exhibits.TASKS for m in measures if "paper" not in m
            }
            for t, places in zip(exhibits.TASKS, (line.values[1:6], line.values[6:]), strict=True):
                wanted = [None, told[f"{t} em@1"], None, told[f"{t} em@10"], told[f"{t} codebleu"]]
                assert [value.published for value in places] == wanted, "it was counted by the paper's rule"


def test_table_3_asks_a_run_by_the_studys_rule_for_the_same_numbers_under_their_other_names() -> None:
    table: Any = exhibits.table3(Study(rule="paper"))  # type: ignore[arg-type]
    _, *rest = next(line.values for line in table.lines if line.names == ("ours/model", METHOD))
    measures = ("em@1/literal", "em@1", "em@10/literal", "em@10", "codebleu")
    assert [value.ours for value in rest] == [f"{m} of None" for m in measures] * 2


GB = 10**9


def results(*runs: tuple[str, int | None, dict[str, float]]) -> Any:
    """Results of methods on one model: (method, peak memory while tuning, measures)."""
    cells = []
    for method, peak, measures in runs:
        costs = [] if peak is None else [Cost("tune", 1.0, 9, peak), Cost("generate", 1.0, 9, 90 * GB)]
        estimates = [SimpleNamespace(measure=m, value=v, slice=None) for m, v in measures.items()]
        request = SimpleNamespace(method=method)
        row = SimpleNamespace(costs=costs, estimates=estimates)
        cells.append(SimpleNamespace(cell=SimpleNamespace(request=request), row=row, why=""))
    return SimpleNamespace(
        tasks=lambda: ["conala"],
        models=lambda _: ["m"],
        methods=lambda *_: [one.cell.request.method for one in cells],
        of=lambda *names: [one for one in cells if one.cell.request.method == names[-1]],
    )


def test_table_1_sets_memory_and_exact_match_of_each_technique_beside_the_papers_words() -> None:
    table = exhibits.table1(
        results(
            ("full-ft", 40 * GB, {"em@10": 0.2, "em@10/paper": 0.1}),
            ("lora", 19 * GB, {"em@10": 0.3}),
            ("peft:dora", 21 * GB, {"em@10": 0.25}),
            ("icl", None, {"em@10/paper": 0.05}),
            ("zero-shot", None, {"em@10": 0.9}),
            ("lora+rag", 50 * GB, {"em@10": 0.9}),
        )
    )
    assert [(line.names[0], [value.shown for value in line.values]) for line in table.lines] == [
        ("Full fine-tuning", [("40.00 GB while tuning", "high"), ("10.00 EM@10", "high")]),
        ("ICL and RAG", [("nothing is tuned", "low"), ("5.00 EM@10", "low")]),
        ("PEFT", [("19.00 to 21.00 GB while tuning", "low"), ("25.00 to 30.00 EM@10", "high")]),
    ]
    alone = exhibits.table1(results(("lora", None, {}))).lines
    assert [value.shown[0] for line in alone for value in line.values] == ["not in this study"] * 4 + [
        "not measured"
    ] * 2


def test_table_2_has_the_papers_problem_where_the_data_has_it_and_says_what_is_missing(tmp_path: Path) -> None:
    rows = [
        {"nl": "sort", "cmd": "x.sort()", "question_id": "1"},
        {"nl": "map two lists `keys` and `values`", "cmd": "{}", "question_id": "2"},
        {"nl": "map two lists `keys` and `values`", "cmd": "dict([(k, v) for k in x])", "question_id": "3"},
    ]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    missing = tmp_path / "missing"
    study = StudyResults(
        [], Registry(), data={"conala": tmp_path / "test.json", "codealpacapy": missing, "apps": missing}
    )
    prompt, answer, *rest = exhibits.table2(study).lines
    assert prompt.names[:2] == ("conala", "prompt")
    assert prompt.names[2] == "### Instruction:\nmap two lists `keys` and `values`\n### Response:\n"
    assert answer.names == ("conala", "ground truth", "dict([(k, v) for k in x])")
    assert [line.names[0] for line in rest] == ["codealpacapy", "apps"]
    assert all(str(missing) in line.names[2] for line in rest)
    sample = exhibits.table2(StudyResults([], Registry(), builtin=True)).lines
    assert [line.names[1] for line in sample] == ["prompt", "ground truth"] * 3
    assert figures.draw(exhibits.table2(study), tmp_path) == []


@pytest.mark.parametrize("name", list(exhibits.EXHIBITS))
def test_every_exhibit_is_under_its_own_name(name: str) -> None:
    assert exhibits.EXHIBITS[name].__name__ == name
