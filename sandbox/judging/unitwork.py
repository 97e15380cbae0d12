"""Judges a program on the tests of a file, one after the other; see `units.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.records import Execution, Outcome
from harness.sandbox.jails.jail import Answer, JailFailed
from harness.sandbox.judging.work import AssertWork, Plan, Request


@dataclass(slots=True)
class UnitWork:
    """The tests of a file in progress. `stop`: the first that fails is enough."""

    number: int
    program: str
    plans: Sequence[Plan]
    stop: bool
    attempts: int = 0
    ended: list[Execution] = field(default_factory=list)
    current: AssertWork | None = None

    def next(self) -> Request | None:
        while len(self.ended) < len(self.plans) and not (self.stop and self._failures()):
            if self.current is None:
                self.current = AssertWork(self.number, self.program, self.plans[len(self.ended)])
            request = self.current.next()
            if request:
                return request
            self.ended.append(self.current.execution())
            self.current = None
        return None

    def take(self, answer: Answer) -> None:
        assert self.current is not None
        self.current.take(answer)

    def _failures(self) -> list[Execution]:
        return [one for one in self.ended if one.outcome is not Outcome.PASSED]

    def execution(self) -> Execution:
        failures = self._failures()
        unmeasured = [one for one in failures if one.outcome is Outcome.SANDBOX_ERROR]
        worst = (unmeasured or failures or self.ended)[0]
        good = len(self.ended) - len(failures)
        return Execution(
            outcome=worst.outcome,
            passed=good,
            total=len(self.plans),
            seconds=round(sum(one.seconds for one in self.ended), 6),
            error=worst.error,
            strict_passed=good,
            complete=len(self.ended) == len(self.plans),
            trust="in-process" if any(one.trust != "isolated" for one in self.ended) else "isolated",
        )

    def again(self) -> UnitWork:
        self.current = None
        return self

    def broken(self, why: JailFailed, outcome: Outcome) -> Execution:
        total = len(self.plans)
        return Execution(outcome, 0, total, error=str(why)[:200], strict_passed=0, complete=False)
