"""The command that a row carries makes that row again."""

from __future__ import annotations

import json
import shlex

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.config import Settings
from harness.evaluation.plan import resolve
from harness.evaluation.provenance import reproduce_command
from harness.evaluation.request import Request
from harness.evaluation.runs import run_id
from harness.plugin_system.registry import Registry


@pytest.mark.parametrize(
    ("request_", "sets"),
    [
        (Request("lora", "apps"), ()),
        (Request("lora", "conala", limit=5, seed=7, ks=(1, 2), candidates=4, max_new_tokens=9), ("lora.r=3",)),
        (Request("qlora-4bit+rag", "codealpacapy", metrics=("exact_match",)), ("rag.n=2", "rag.retriever=bm25")),
        (Request("zero-shot", "apps", temperature=0.3), ()),
        (Request("ia3", "conala", protocol="study"), ("codebleu.flatten=false",)),
    ],
    ids=["tuned", "with options", "combined", "prompted", "protocol"],
)
def test_the_command_of_a_run_is_planned_as_the_same_run(request_: Request, sets: tuple[str, ...]) -> None:
    plan = resolve(request_, Registry(), Settings(sets, environ={}))
    words = shlex.split(reproduce_command(plan))
    assert words[0] == "harness"
    done = CliRunner().invoke(cli, [*words[1:], "--dry-run", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [one["id"] for one in json.loads(done.stdout)] == [run_id(plan.run)]
