"""`--backend`: a plugin writes in place of the local loop; what it wrote is kept, only the rest is asked for again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import files, plugin
from harness.config import Settings
from harness.errors import HarnessError, ModelError, PluginError, UsageError
from harness.evaluation import runs
from harness.evaluation.evaluate import evaluate
from harness.evaluation.plan import RunPlan, resolve
from harness.evaluation.request import Request
from harness.modeling.bases import LoadedBases
from harness.plugin_system.loading import Origin
from harness.plugin_system.registry import PluginEntry, Registry
from harness.records import Completion, Sampling


@dataclass(frozen=True)
class Config:
    style: str = plugin.option("plain", "how it answers")
    patience: int = plugin.option(3, "seconds", in_run_id=False)


class Parrot(plugin.Backend):
    """Answers with the instruction; fails on the ids in `refuses`, after it has answered all others."""

    name = "parrot"
    Config = Config

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.asked: list[list[str]] = []
        self.stop: tuple[str, ...] = ()
        self.fence = False
        self.shorten = 0

    def generate(
        self, model: str, prompts: Sequence[tuple[str, str]], sampling: Sampling, seed: int, config: Any
    ) -> Iterator[tuple[str, tuple[Completion, ...]]]:
        self.asked.append([name for name, _ in prompts])
        self.stop = sampling.stop
        for name, text in reversed(prompts):
            if name not in self.refuses:
                asked = text.rpartition("### Instruction:\n")[2].splitlines()[0]
                answer = Completion(f"```python\n{asked}\n```" if self.fence else asked + "\nmore", 5)
                yield name, (answer,) * (sampling.candidates - self.shorten)
        if self.refuses & {name for name, _ in prompts}:
            raise ModelError(f"parrot: no answer for {len(self.refuses)} problems")


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
def registry(parrot: Parrot) -> Registry:
    found = Registry()
    found._entries["backend"]["parrot"] = PluginEntry("parrot", parrot, Origin("harness-parrot", "1", "parrot", ""))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "conala"
    folder.mkdir()
    for split, start in (("train", 0), ("validation", 10), ("test", 20)):
        rows = [{"nl": f"say {i}", "cmd": f"say {i}", "question_id": f"{i}-1"} for i in range(start, start + 4)]
        (folder / f"{split}.json").write_text(json.dumps(rows), "utf-8")
    return folder


def plan(registry: Registry, data: Path, sets: Sequence[str] = (), **changes: Any) -> RunPlan:
    asked = {"method": "zero-shot", "task": "conala", "model": "polly/v2", "backend": "parrot", "data": data}
    return resolve(Request(**{**asked, "candidates": 2, **changes}), registry, Settings(sets))


def test_a_backend_stops_at_the_next_turn_and_not_inside_an_answer_in_a_block(
    registry: Registry, parrot: Parrot, data: Path, tmp_path: Path
) -> None:
    parrot.fence = True
    row = evaluate(plan(registry, data), registry, tmp_path / "runs", LoadedBases())
    assert "\n" not in parrot.stop
    assert "\n### Instruction:" in parrot.stop
    assert next(e.value for e in row.estimates if e.measure == "em@1") == 1.0


def test_a_backend_writes_and_is_in_the_record(registry: Registry, data: Path, tmp_path: Path) -> None:
    resolved = plan(registry, data)
    row = evaluate(resolved, registry, tmp_path / "runs", LoadedBases())
    folder = tmp_path / "runs" / row.run_id
    assert row.run.backend == "parrot"
    assert next(e.value for e in row.estimates if e.measure == "em@1") == 1.0  # cut at the task's stop string
    assert {c.finish for r in runs.read_records(folder) for c in r.completions} == {"stop"}
    about = files.read_json(folder / "run.json")
    assert about["plugins"]["parrot"]["distribution"] == "harness-parrot"
    assert "--backend parrot" in about["reproduce"]


def test_what_was_written_before_a_failure_is_not_asked_for_again(
    registry: Registry, parrot: Parrot, data: Path, tmp_path: Path
) -> None:
    parrot.refuses = {"21-1"}
    with pytest.raises(ModelError, match="no answer for 1 problems"):
        evaluate(plan(registry, data), registry, tmp_path / "runs", LoadedBases())
    parrot.refuses = set()
    later = plan(registry, data, ["parrot.patience=60"])  # more patience is the same run
    row = evaluate(later, registry, tmp_path / "runs", LoadedBases())
    assert [len(names) for names in parrot.asked] == [4, 1]
    assert parrot.asked[1] == ["21-1"]
    assert len(runs.read_records(tmp_path / "runs" / row.run_id)) == 4
    assert next(cost for cost in row.costs if cost.phase == "generate").tokens_out == 40


def test_a_prompting_method_chooses_examples_for_a_backend_too(
    registry: Registry, parrot: Parrot, data: Path, tmp_path: Path
) -> None:
    row = evaluate(plan(registry, data, method="icl"), registry, tmp_path / "runs", LoadedBases())
    records = runs.read_records(tmp_path / "runs" / row.run_id)
    assert all(record.examples for record in records)
    assert {example for record in records for example in record.examples} <= {f"{i}-1" for i in range(4)}
    assert next(e.value for e in row.estimates if e.measure == "em@1") == 1.0


def test_an_option_that_decides_and_a_model_make_another_run(registry: Registry, data: Path) -> None:
    first = runs.run_id(plan(registry, data).run)
    assert runs.run_id(plan(registry, data, ["parrot.patience=9"]).run) == first
    assert runs.run_id(plan(registry, data, ["parrot.style=loud"]).run) != first
    assert runs.run_id(plan(registry, data, model="polly/v3").run) != first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "lora"}, "lora tunes weights, which a backend keeps to itself"),
        ({"model": None}, "name one of its models with --model"),
        ({"chat": True}, "--chat is for models that run here"),
        ({"chat": False}, "--no-chat is for models that run here"),
        ({"thinking": True}, "--thinking is for models that run here"),
        ({"backend": "parot"}, "Did you mean 'parrot'?"),
    ],
)
def test_what_does_not_fit_a_backend_is_refused(
    registry: Registry, data: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(registry, data, **changes)
    assert words in str(caught.value)


def test_a_backend_that_answers_wrongly_is_named(
    registry: Registry, parrot: Parrot, data: Path, tmp_path: Path
) -> None:
    parrot.shorten = 1
    with pytest.raises(PluginError, match="backend parrot: 1 completions for 23-1, 2 were asked for"):
        evaluate(plan(registry, data), registry, tmp_path / "runs", LoadedBases())
    parrot.shorten = 0
    parrot.generate = lambda *_: iter([("99", ())])  # type: ignore[method-assign]
    with pytest.raises(HarnessError, match="completions for '99', which was not asked for"):
        evaluate(plan(registry, data), registry, tmp_path / "runs", LoadedBases())
