"""The shipped attacks: none succeeds, and no honest program suffers."""

import importlib.util
import re
from collections import Counter

import pytest

from harness.records import Execution, Outcome, StdinTests
from harness.sandbox.guest import runner
from harness.sandbox.remote_calls import endpoints
from harness.sandbox.selftest.attacks import Attack, attacks
from harness.sandbox.selftest.suite import broken, summary, trials


@pytest.mark.slow
def test_no_attack_succeeds_and_every_honest_program_passes():
    held = Counter()
    failures = []
    for attack, execution in trials():
        found = broken(attack, execution)
        failures += [f"{attack.promise}: {text}" for text in found]
        held[attack.promise] += not found
    assert not failures
    assert sum(held.values()) - held["honest programs pass"] >= 200
    assert held["honest programs pass"] >= 40


def test_every_promise_yields_one_line():
    results = [(attack, Execution(attack.holds[0], 1, 1)) for attack in attacks("x")]
    lines = list(summary(results))
    assert sorted(promise for promise, _, _ in lines) == sorted({attack.promise for attack in attacks("x")})
    assert all(holds and detail.endswith("programs") for _, holds, detail in lines)


def test_a_promise_that_does_not_hold_is_said_with_the_program_that_broke_it():
    attack = Attack("a promise", "a program", "", StdinTests(()), (Outcome.PASSED,))
    assert broken(attack, Execution(Outcome.FAILED, 0, 1, error="why")) == ["a program: failed why"]


def test_the_attacks_name_parts_of_the_sandbox_that_exist():
    """One that was renamed would be an attack on nothing, which always holds."""
    texts = [attack.program for attack in attacks("secret")]
    modules = {name for text in texts for name in re.findall(r"harness\.sandbox\.(\w+\.\w+)", text)}
    assert [name for name in modules if importlib.util.find_spec(f"harness.sandbox.{name}") is None] == []
    assert {"remote_calls.codecs", "remote_calls.endpoints", "guest.runner"} <= modules
    assert all(hasattr(endpoints.RpcServer, name) for name in ("_perform", "ask"))
    assert hasattr(runner.Batch, "_note")
