"""What a jail's bytes say of a test that was run beside the candidate: one of few things, or nothing."""

import json

import pytest

from harness.records import AssertTests, Outcome
from harness.sandbox.judging.work import AssertWork, Plan

BLOCK = AssertTests("f", "x = 1\nassert f(x) == 2")


def taken(output):
    work = AssertWork(0, "", Plan(BLOCK))
    work._take_test_result(output)
    return work


@pytest.mark.parametrize(
    ("end", "outcome", "error"),
    [
        ("passed", Outcome.PASSED, ""),
        ("failed", Outcome.FAILED, "AssertionError"),
        ("raised", Outcome.RAISED, "why"),
    ],
)
def test_the_end_of_a_test_is_its_outcome(end, outcome, error):
    for judged in (False, True):
        work = taken(json.dumps({"end": end, "error": "why", "judged": judged}).encode())
        assert (work.outcome, work.error, work.step) == (outcome, error, "done")
        assert work.trust == ("in-process" if judged else "isolated")


def test_a_test_that_needs_the_objects_is_run_in_the_candidates_process():
    assert taken(b'{"end": "objects", "error": "", "judged": false}').step == "in-process"


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"no json\n",
        b"\xff\xfe",
        b"[" * 10**5,
        b"[]",
        b"3",
        b'"passed"',
        b'{"end": "passed"}',
        b'{"end": "passed", "error": "", "judged": 0}',
        b'{"end": "passed", "error": null, "judged": false}',
        b'{"end": ["passed"], "error": "", "judged": false}',
        b'{"end": "sandbox-error", "error": "", "judged": false}',
        b'{"end": "timed-out", "error": "", "judged": false}',
        b'{"end": "no outcome", "error": "", "judged": false}',
        b'{"end": "passed", "error": "", "judged": false}\n{"end": "passed", "error": "", "judged": false}',
        b'{"end": "passed", "error": "", "judged": false, "more": 1}',
    ],
)
def test_anything_else_is_the_candidates_failure(output):
    work = taken(output)
    assert (work.outcome, work.step) == (Outcome.FAILED, "done")
