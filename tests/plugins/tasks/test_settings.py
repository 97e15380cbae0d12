"""The three tasks as the study set them, written down once: sections 4.2, 4.6 and 5.4 of arXiv:2308.10462."""

from __future__ import annotations

from typing import Any

import pytest

from harness.plugin import Task
from harness.plugins.tasks import apps, codealpacapy, conala, my
from harness.records import Limits, Sampling

BEAMS = {"temperature": 0.0, "top_p": 1.0}
SAMPLES = {"temperature": 0.6, "top_p": 0.95}
STUDY: dict[str, dict[str, Any]] = {
    "conala": {
        "sizes": {"train": 2135, "validation": 201, "test": 543},
        "sampling": Sampling(10, 64, **BEAMS, stop=("\n",)),
        "ks": (1, 10),
        "metrics": ("exact_match", "codebleu"),
        "files": {"train": "conala-train.jsonl", "validation": "conala-dev.jsonl", "test": "conala-test.jsonl"},
        "repository": "neulab/docprompting-conala",
        "epochs": None,
    },
    "codealpacapy": {
        "sizes": {"train": 2192, "validation": 314, "test": 628},
        "sampling": Sampling(10, 128, **BEAMS, stop=()),
        "ks": (1, 10),
        "metrics": ("exact_match", "codebleu"),
        "files": {
            "train": "default/train/0000.parquet",
            "validation": "default/valid/0000.parquet",
            "test": "default/test/0000.parquet",
        },
        "repository": "antolin/codealpaca-filtered",
        "epochs": None,
    },
    "apps": {
        "sizes": {"train": 4500, "validation": 500, "test": 750},
        "sampling": Sampling(5, 1024, **SAMPLES, stop=()),
        "ks": (1, 2, 5),
        "metrics": ("pass_at_k", "tests_passed"),
        "files": {"train": "train.jsonl", "test": "test.jsonl"},
        "repository": "codeparrot/apps",
        "epochs": 2.0,
    },
}
MODULES = {"conala": conala, "codealpacapy": codealpacapy, "apps": apps}


def task_of(name: str) -> Task:
    [task] = MODULES[name].harness_tasks()
    return task


@pytest.mark.parametrize("name", STUDY)
def test_a_task_samples_measures_and_splits_as_the_study_says(name: str) -> None:
    task, wanted = task_of(name), STUDY[name]
    assert (task.name, task.version) == (name, "1")
    assert dict(task.sizes) == wanted["sizes"]
    assert task.sampling() == wanted["sampling"]
    assert task.default_ks() == wanted["ks"]
    assert task.metrics == wanted["metrics"]
    assert task.hub is not None
    assert (task.hub.repository, dict(task.hub.files)) == (wanted["repository"], wanted["files"])
    assert len(task.hub.revision) == 40
    if wanted["epochs"] is not None:
        assert task.sample_epochs == wanted["epochs"]


def test_a_test_of_apps_has_four_seconds_as_in_its_checker() -> None:
    assert task_of("apps").limits == Limits(cpu_seconds=4.0, wall_seconds=10.0)
    assert apps.PER_DIFFICULTY * len(apps.DIFFICULTIES) == STUDY["apps"]["sizes"]["test"]
    assert apps.DIFFICULTIES == ("introductory", "interview", "competition")


def test_the_shares_of_a_raw_file_are_those_of_the_studys_splits() -> None:
    sizes = STUDY["codealpacapy"]["sizes"]
    total = sum(sizes.values())
    assert {split: round(size / total, 2) for split, size in sizes.items()} == codealpacapy.SHARES


def test_rows_of_ones_own_are_sampled_as_apps_is_and_measured_by_all_that_they_hold() -> None:
    [task] = my.harness_tasks()
    assert (task.name, task.version) == ("my", "1")
    assert task.sampling() == Sampling(5, 256, **SAMPLES, stop=())
    assert task.default_ks() == (1, 5)
    assert task.metrics == ("pass_at_k", "tests_passed", "exact_match", "codebleu")
    assert my.Config() == my.Config("", "", "", "", "", "", "")


@pytest.mark.parametrize("name", [*STUDY, "my"])
def test_the_prompt_is_the_instruction_between_the_studys_headings(name: str) -> None:
    from harness.records import Problem

    [task] = my.harness_tasks() if name == "my" else [task_of(name)]
    assert task.template(Problem("1", "sort `xs`")) == "### Instruction:\nsort `xs`\n### Response:\n"
