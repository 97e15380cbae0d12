"""Which candidates count: what a decoder selects, checked against what it said that it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import PluginError
from harness.evaluation.selection import scored_candidates, select_candidates
from harness.plugin import Decoder
from harness.records import Completion, Execution, Outcome, Problem, Record

PROBLEM = Problem("p1", "say it", ("the answer",))
TEXTS = [Completion(text, 1) for text in "abc"]


class Chooser(Decoder):
    """Selects what its configuration names, and says that it keeps so many."""

    name = "chooser"

    def kept(self, candidates: int, config: Any) -> int:
        assert candidates == 3
        return int(config.kept)

    def select(self, instruction: str, completions: Sequence[Completion], config: Any) -> Sequence[int]:
        assert (instruction, completions) == ("say it", TEXTS)
        return [*config.chosen]


def plan(decoder: Decoder | None, *chosen: int, kept: int = 2) -> Any:
    entry = None if decoder is None else SimpleNamespace(name="chooser", plugin=decoder)
    return SimpleNamespace(decoder=entry, config=lambda _: SimpleNamespace(chosen=chosen, kept=kept))


def test_what_a_decoder_selects_counts_in_its_order() -> None:
    assert select_candidates(plan(Chooser(), 2, 0), PROBLEM, TEXTS) == (2, 0)
    assert select_candidates(plan(Chooser(), 1, kept=1), PROBLEM, TEXTS) == (1,)
    assert select_candidates(plan(Chooser(), 2, 0, 1, kept=3), PROBLEM, TEXTS) == (2, 0, 1)


def test_all_count_where_no_decoder_selects() -> None:
    assert select_candidates(plan(None), PROBLEM, TEXTS) == ()
    assert select_candidates(plan(Decoder(), 9), PROBLEM, TEXTS) == ()


@pytest.mark.parametrize("chosen", [(0,), (0, 1, 2), (1, 1), (0, 3), (-1, 0), (), (1, 1, 0)])
def test_anything_but_as_many_different_numbers_as_were_said_is_the_decoders_error(chosen: tuple[int, ...]) -> None:
    with pytest.raises(PluginError) as refused:
        select_candidates(plan(Chooser(), *chosen), PROBLEM, TEXTS)
    assert str(refused.value) == (
        f"decoder chooser: select returned {chosen} for p1; 2 different numbers below 3 are needed"
    )


def test_metrics_see_what_was_selected_and_its_executions_or_everything() -> None:
    runs = tuple(Execution(Outcome.PASSED, number, 3) for number in range(3))
    record = Record("p1", None, "", 1, (), 0, tuple(TEXTS), runs, selected=(2, 0))
    texts, executions = scored_candidates(record)
    assert [one.text for one in texts] == ["c", "a"] and [one.passed for one in executions] == [2, 0]
    unrun = Record("p1", None, "", 1, (), 0, tuple(TEXTS), selected=(1,))
    assert scored_candidates(unrun) == ([TEXTS[1]], ())
    assert scored_candidates(Record("p1", None, "", 1, (), 0, tuple(TEXTS), runs)) == (tuple(TEXTS), runs)
