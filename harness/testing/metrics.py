"""What a metric has to keep: it is a pure function whose numbers mean what they say."""

from __future__ import annotations

import json
import math
import os
import random
import sys
import unittest
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.records import Completion, Execution, Outcome, Problem, Score, StdinTests, from_json, to_json
from harness.stats.estimates import estimate
from harness.testing.contract import PluginContract, python

KS = (1, 3)
_REFERENCES = (
    "xs.sort(key=lambda pair: pair[1])",
    "total = sum(x * x for x in range(10))",
    "def area(r):\n    return 3.14159 * r ** 2",
    "[line.strip() for line in open('notes.txt')]",
    "counts = {}\nfor word in words:\n    counts[word] = counts.get(word, 0) + 1",
    "n = int(input())\nprint(n * (n + 1) // 2)",
)
_WRONG = ("", "pass", "print('nothing of the kind')", "this is no Python (", "return return return")
Case = tuple[Problem, tuple[Completion, ...], tuple[Execution, ...]]


def cases(right: Sequence[int] = (1, 0, 2, 3, 0, 1)) -> list[Case]:
    """Problems with three candidates each, of which the first `right` ones are correct."""
    made = []
    for number, (reference, count) in enumerate(zip(_REFERENCES, right, strict=True)):
        tests = StdinTests((("", str(number)), ("1", "1")))
        problem = Problem(f"p{number}", f"Write program {number}.", (reference,), tests)
        texts = [reference if i < count else _WRONG[(number + i) % len(_WRONG)] for i in range(max(KS))]
        executions = tuple(
            Execution(Outcome.PASSED, 2, 2, strict_passed=2)
            if i < count
            else Execution(Outcome.FAILED, 0, 2, strict_passed=0)
            for i in range(max(KS))
        )
        made.append((problem, tuple(Completion(text, len(text)) for text in texts), executions))
    return made


class MetricContract(PluginContract):
    """Checks of the metric `name`. Set `bounds` on the metric itself when its values leave [0, 1]."""

    kind: ClassVar[str] = "metric"

    def scores(self, given: Sequence[Case]) -> list[Score]:
        """The scores of some cases, one by one."""
        return [self.plugin.score(problem, c, e, KS, self.config) for problem, c, e in given]

    def measures(self, scores: Sequence[Score]) -> dict[str, float]:
        """Measures over all problems, as a run reports them."""
        estimates = estimate(self.plugin, scores, resamples=100)
        return {e.measure: e.value for e in estimates if e.value is not None}

    def main(self, scores: Sequence[Score]) -> float:
        """The measure that a table shows first."""
        measures = self.measures(scores)
        assert measures, f"nothing could be scored: {scores[0].why}"
        main = self.plugin.primary(KS) or next(iter(measures))
        assert main in measures, f"primary() names {main!r}; there are {', '.join(measures)}"
        return measures[main]

    def test_it_says_what_it_needs(self) -> None:
        """it says what a problem must have to be scored: references, executions or nothing"""
        assert self.plugin.needs in ("references", "executions", ""), f"`needs` is {self.plugin.needs!r}"

    def test_values_are_within_the_declared_bounds(self) -> None:
        """every value is a finite number within the declared bounds"""
        low, high = self.plugin.bounds
        for right in ((0,) * 6, (1, 0, 2, 3, 0, 1), (3,) * 6):
            scores = self.scores(cases(right))
            for name, value in [*self.measures(scores).items(), *(v for s in scores for v in s.values.items())]:
                assert math.isfinite(value), f"{name} is {value}"
                inside = (low is None or value >= low - 1e-9) and (high is None or value <= high + 1e-9)
                assert inside, f"{name} is {value}, outside [{low}, {high}]; declare `bounds` on the metric"

    def test_a_right_answer_scores_best(self) -> None:
        """right answers score better than wrong ones, and passing all tests is the best there is"""
        right, wrong = self.main(self.scores(cases((3,) * 6))), self.main(self.scores(cases((0,) * 6)))
        _, high = self.plugin.bounds
        if not self.plugin.higher_is_better:
            raise unittest.SkipTest("less of it is better, so an identical answer need not be the best")
        assert right > wrong, f"right answers score {right}, wrong ones {wrong}"
        # CodeBLEU, for one, gives an identical text less than 1 where it has no data flow.
        if self.plugin.needs == "executions" and high is not None:
            assert math.isclose(right, high, abs_tol=1e-9), f"passing all tests scores {right}, not {high}"

    def test_the_order_of_problems_does_not_matter(self) -> None:
        """the order of the problems does not matter"""
        given = cases()
        first = self.measures(self.scores(given))
        for seed in (1, 2):
            random.Random(seed).shuffle(given)
            again = self.measures(self.scores(given))
            assert set(again) == set(first), f"measures {sorted(again)} in one order, {sorted(first)} in another"
            for name, value in first.items():
                assert math.isclose(again[name], value, abs_tol=1e-9), f"{name}: {value} and {again[name]}"

    def test_it_is_pure(self) -> None:
        """the same question has the same answer, whatever happened before, in any process, and nothing is touched"""
        state = random.getstate()
        first = self.scores(cases())
        random.seed(0)
        again = list(reversed(self.scores(list(reversed(cases())))))
        random.setstate(state)
        assert again == first, "asked a second time, in another order, it answers otherwise"
        program = f"from harness.testing.metrics import score_in_fresh_process; score_in_fresh_process({self.name!r})"
        for hash_seed in ("1", "2"):
            reply = json.loads(python(program, PYTHONHASHSEED=hash_seed).strip().splitlines()[-1])
            assert reply["scores"] == to_json(first), "another process answers otherwise"
            assert not reply["touched"], f"while it scores it {', '.join(reply['touched'])}; a metric only computes"

    def test_what_could_not_be_measured_is_not_wrong(self) -> None:
        """what the sandbox could not measure is left unscored with a reason, never scored as wrong"""
        if self.plugin.needs != "executions":
            raise unittest.SkipTest("it needs no executions")
        problem, completions, _ = cases()[0]
        broken = (Execution(Outcome.SANDBOX_ERROR, 0, 2, error="no room"),) * len(completions)
        score = self.plugin.score(problem, completions, broken, KS, self.config)
        assert score.why and not score.values, f"a sandbox failure was scored: {dict(score.values)}"

    def test_scores_survive_being_written_down(self) -> None:
        """scores survive being written to a file and read again, and carry the metric's name"""
        for score in self.scores(cases()):
            assert score.metric == self.name, f"the score says it is of {score.metric!r}"
            assert from_json(Score, json.loads(json.dumps(to_json(score)))) == score, "it changes when written as JSON"

    def test_intervals_can_be_computed(self) -> None:
        """totals may be arrays, so that intervals can be computed"""
        import numpy

        scores = [score for score in self.scores(cases()) if score.why is None]
        totals, n = _totals(scores), float(len(scores))
        single = self.plugin.combine(totals, n)
        many = self.plugin.combine({k: numpy.full(4, v) for k, v in totals.items()}, numpy.full(4, n))
        assert set(many) == set(single), "arrays give other measures than numbers"
        for name, value in single.items():
            close = numpy.allclose(many[name], value) and numpy.shape(many[name]) == (4,)
            assert close, f"{name}: {value} from numbers, {many[name]} from arrays"

    def test_the_first_measure_is_one_of_its_measures(self) -> None:
        """the measure that tables show first, and those where less is better, are among its measures"""
        measures = self.measures(self.scores(cases()))
        assert self.main(self.scores(cases())) is not None
        unknown = [name for name in self.plugin.lower_is_better if name not in measures]
        assert not unknown, f"lower_is_better names {', '.join(unknown)}; there are {', '.join(measures)}"


def score_in_fresh_process(name: str) -> None:
    """Print the scores of the metric `name` as JSON, and the files and sockets that scoring a second time opened."""
    contract = type("Asked", (MetricContract,), {"name": name})()
    contract.scores(cases())  # imports and files that are read once are allowed
    touched: set[str] = set()

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            touched.add(f"writes to {arguments[0]}")
        elif event == "socket.connect":
            touched.add(f"connects to {arguments[1]}")

    sys.addaudithook(audit)
    scores = contract.scores(cases())
    print(json.dumps({"scores": to_json(scores), "touched": sorted(touched)}))


def _totals(scores: Sequence[Score]) -> Mapping[str, Any]:
    """The additive statistics of all problems, summed."""
    totals: dict[str, float] = {}
    for score in scores:
        for name, value in (score.sums or score.values).items():
            totals[name] = totals.get(name, 0.0) + value
    return totals
