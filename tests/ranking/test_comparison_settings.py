"""What two sides differ in, beside their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness import files
from harness.ranking.comparison import settings_that_differ
from harness.records import SCHEMA, ModelSpec, Row, Run, Sampling, Tuning, to_json

RUN = Run(
    *("my", "1", "lora", ModelSpec("m"), ("pass_at_k",), Sampling(5, 64), Tuning(3e-4, batch_size=8)),
    {"lora": {"r": 16, "batch_size": None, "targets": ["q", "v"]}, "my": {"answer": ""}},
    *("d", "w", None, (1,), 1),
)


def folder(root: Path, name: str, run: Run) -> Path:
    (root / name).mkdir()
    files.write_json(root / name / "result.json", to_json({"schema": SCHEMA, "row": Row(name, run, (), (), {}, 0, 0)}))
    return root / name


def test_settings_that_both_have_and_differ_in_are_told_with_both_values(tmp_path: Path) -> None:
    first = folder(tmp_path, "a", RUN)
    options = {**RUN.options, "lora": {"r": 4, "batch_size": 4, "targets": ["q"]}}
    other = replace(RUN, options=options, tuning=Tuning(3e-4, batch_size=4), sampling=Sampling(5, 32), seed=2)
    second = folder(tmp_path, "b", other)
    assert set(settings_that_differ([first], [second]).split("; ")) == {
        "r: A 16, B 4",
        "batch_size: A 8, B 4",
        "targets: A q,v, B q",
        "max_new_tokens: A 64, B 32",
        "seed: A 1, B 2",
    }
    assert settings_that_differ([first], [first]) == "none"
    assert "seed" not in settings_that_differ([first, first], [second])
    assert "seed" not in settings_that_differ([first], [second, second])


def test_how_a_chat_model_was_asked_is_a_setting(tmp_path: Path) -> None:
    asked = replace(RUN, model=ModelSpec("m", "v2", chat=True, thinking=True), model_digest="other-weights")
    sides = [folder(tmp_path, "a", RUN)], [folder(tmp_path, "b", asked)]
    assert set(settings_that_differ(*sides).split("; ")) == {
        "chat: A False, B True",
        "thinking: A None, B True",
        "revision: A None, B v2",
        "weights: A w, B other-we",
    }


def test_settings_of_one_method_alone_are_not_told(tmp_path: Path) -> None:
    bare = replace(RUN, method="zero-shot", tuning=None, options={"my": {"answer": ""}, "zero-shot": {}})
    sides = [folder(tmp_path, "a", RUN)], [folder(tmp_path, "b", bare)]
    assert settings_that_differ(*sides) == "method: A lora, B zero-shot"
