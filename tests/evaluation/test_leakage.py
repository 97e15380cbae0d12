"""Planted leaks are all found, honest neighbours are left alone, and the score without them stands beside."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from types import ModuleType

import pytest

from harness.evaluation.leakage import find_leaks, leaked_ids, program, write_report
from harness.evaluation.summary import estimates_without_leaks, leak_notes
from harness.plugins.metrics.exact_match import ExactMatch
from harness.records import Problem
from harness.stats import estimates

CODE = """def find_{what}(items, limit):
    # keep the ones under the limit
    found = []
    for item in items:
        if item.{field} < limit:
            found.append(item.{field} * {factor})
    return sorted(found)[:{factor}]
"""


def problems(count: int, start: int = 0) -> list[Problem]:
    """Problems of one kind that are about different things."""
    words = ("price", "weight", "colour", "height", "date", "order", "score", "place", "owner", "speed")
    found = []
    for i in range(start, start + count):
        rng = random.Random(i)
        what, field = (rng.choice(words) + str(rng.randrange(9999)) for _ in range(2))
        text = (
            "Return the " + " ".join(rng.choice(words) + str(rng.randrange(99)) for _ in range(9)) + " below a limit."
        )
        found.append(Problem(str(i), text, (CODE.format(what=what, field=field, factor=rng.randrange(2, 99)),)))
    return found


def renamed(code: str) -> str:
    for name, other in (("items", "stuff"), ("item", "thing"), ("found", "kept"), ("limit", "top")):
        code = re.sub(rf"\b{name}\b", other, code)
    return code


def disguised(how: str, problem: Problem) -> Problem:
    code = problem.reference
    changed = {
        "exact": code,
        "renamed": renamed(code),
        "reformatted": code.replace("    ", "  ").replace("(items, limit)", "(\n  items,\n  limit,\n)"),
        "translated": code.replace("# keep the ones under the limit", "# die unter der Grenze behalten"),
    }[how]
    return Problem(f"leak-{problem.id}", "Something else is asked for here, in other words.", (changed,))


@pytest.mark.parametrize("how", ["exact", "renamed", "reformatted", "translated"])
def test_a_planted_copy_is_found_whatever_is_done_to_it_and_nothing_else_is(how: str) -> None:
    test, train = problems(100), problems(200, 1000)
    assert find_leaks(test, train, "train") == []
    planted = test[::50]
    found = find_leaks(test, [*train, *(disguised(how, p) for p in planted)], "train")
    assert {(leak.test, leak.train) for leak in found} == {(p.id, f"leak-{p.id}") for p in planted}
    assert {leak.by for leak in found} == {"code" if how == "exact" else "program"} or how == "reformatted"


def test_the_same_question_in_nearly_the_same_words_is_found() -> None:
    [one] = problems(1)
    again = Problem("again", one.instruction.upper().replace(".", "!"), ("other()",))
    near = Problem("near", one.instruction.replace("below", "under"), ("other()",))
    assert [(leak.train, leak.by) for leak in find_leaks([one], [again, near], "train")] == [
        ("again", "instruction"),
        ("near", "near instruction"),
    ]


def test_short_code_counts_only_with_like_words() -> None:
    one = Problem("a", "sort the list `x`", ("x.sort()",))
    same = Problem("b", "sort the list `y`", ("y.sort()",))
    other = Problem("c", "bring the best players to the front", ("y.sort()",))
    assert [leak.train for leak in find_leaks([one], [same, other], "train")] == ["b"]


def test_a_program_keeps_what_it_uses_and_loses_what_it_calls_things() -> None:
    assert program("import os\nfor n in os.listdir(p):\n    print(n)") == program(
        "import os\nfor a in os.listdir(b): print(a)"
    )
    assert program("x.sort()") != program("x.reverse()")
    assert program("print 'old'  # of Python 2") == ("print", "'", "old", "'")


def test_the_report_names_what_was_compared_and_every_pair(tmp_path: Path) -> None:
    test, train = problems(3), problems(5, 1000)
    write_report(tmp_path, {"test": test, "train": [*train, test[1]]}, ("train", "validation"))
    written = json.loads((tmp_path / "leakage.json").read_text())
    assert written["compared"] == {"test": 3, "train": 6, "validation": 0}
    assert leaked_ids(tmp_path) == {test[1].id}


def test_the_scores_without_the_leaked_problems_stand_in_a_note_beside_the_headline(
    tmp_path: Path, synthetic: ModuleType
) -> None:
    records = list(synthetic.records(random.Random(1), 0.6, 50))
    test = [Problem(record.id, f"ask for {record.id * 9} here", ("",)) for record in records]
    write_report(tmp_path, {"test": test, "train": test[:5]}, ("train",))
    assert list(leak_notes([], records[5:], tmp_path)) == []
    clean = estimates_without_leaks([ExactMatch()], tmp_path, records)
    wanted = estimates.estimate(ExactMatch(), [s for r in records[5:] for s in r.scores])
    assert clean == list(wanted)
    [note] = leak_notes(clean, records, tmp_path)
    value = next(e.value for e in wanted if e.measure == "em@10")
    assert note.startswith("5 of 50 test problems stand, exactly or nearly, in what the run learnt from (leakage.json)")
    assert value is not None and f"em@10 {100 * value:.2f} [" in note and "literal" not in note


def test_leaks_planted_into_real_data_are_all_found_and_few_honest_problems_are_named(real_data: Path) -> None:
    rows = json.loads((real_data / "codealpaca" / "new_codealpaca.json").read_text())
    rows = rows if isinstance(rows, list) else [row for part in rows.values() for row in part]
    every = [Problem(str(i), row["instruction"], (row["output"],)) for i, row in enumerate(rows)]
    conala = json.loads((real_data / "conala" / "docprompting" / "cmd_test.oracle_man.full.json").read_text())
    test = [Problem(row["question_id"], row["nl"], (row["cmd"],)) for row in conala]
    train = every[:2000]
    honest = {leak.test for leak in find_leaks(test, train, "train")}
    assert len(honest) < 0.01 * len(test)
    planted = random.Random(0).sample(test, 6)
    copies = [Problem(f"copy-{p.id}", p.instruction, (f"{p.reference}  # copied",)) for p in planted]
    assert {leak.test for leak in find_leaks(test, [*train, *copies], "train")} >= {p.id for p in planted}
