"""The shipped attacks: none succeeds, and no honest program suffers."""

from collections import Counter

from harness.records import Execution, Outcome, StdinTests
from harness.sandbox.attacks import Attack, attacks
from harness.sandbox.selftest import broken, summary, trials


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
