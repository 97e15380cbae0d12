"""Planted leaks are all found, honest neighbours are left alone, and the score without them stands beside."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from types import ModuleType

import pytest

from harness.errors import RunError
from harness.evaluation.leakage import Leak, find_leaks, leaked_ids, program, training_splits, write_report
from harness.evaluation.summary import estimates_without_leaks, leak_notes
from harness.plugins.metrics.exact_match import ExactMatch
from harness.records import Problem, Record
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


def found(one: tuple[str, str], other: tuple[str, str]) -> list[tuple[str, float]]:
    """How two problems of (instruction, code) match."""
    test, train = Problem("a", one[0], (one[1],)), Problem("b", other[0], (other[1],))
    return [(leak.by, leak.likeness) for leak in find_leaks([test], [train], "train")]


def numbers(count: int, changed: int = 0) -> str:
    """A list of numbers, all different; with one that is another number."""
    return f"x = [{', '.join(str(999 if i == changed else i) for i in range(1, count + 1))}]"


def test_an_equal_instruction_counts_from_three_words() -> None:
    assert found(("sort the list", "1"), ("Sort the LIST!", "2")) == [("instruction", 1.0)]
    assert found(("sort list", "1"), ("sort list", "2")) == []
    assert found(("sort sort sort list", "1"), ("sort sort sort list", "2")) == []


def test_an_instruction_is_near_from_a_similarity_of_90() -> None:
    assert found(("a bb cc dd", "1"), ("a bb cc dx", "2")) == [("near instruction", 0.9)]
    assert found(("aa bb cc dd ee ff", "1"), ("aa bb cc dd ee fx", "2")) == [("near instruction", 0.941)]
    assert found(("aa bb cc dd ee fff", "1"), ("aa bb cc dd ee xxf", "2")) == []  # 88.9
    assert found(("aa bb cc dd ee ffff", "1"), ("aa bb cc dd ee xxff", "2")) == []  # 89.5
    assert found(("aaaaaaaaaa bbbbbbbb", "1"), ("aaaaaaaaaa bbbbbbbx", "2")) == []  # of two words


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [("a b c", "a b d", True), ("a b c d", "a b x y", False), ("a b c", "x y z", False), ("", "", False)],
)
def test_equal_short_code_counts_where_half_of_all_words_are_shared(one: str, other: str, counts: bool) -> None:
    assert found((one, "x.sort( )"), (other, "x.sort()")) == ([("code", 1.0)] if counts else [])
    assert found((one, "x.sort()"), (other, "y.sort()")) == ([("program", 1.0)] if counts else [])


def test_equal_code_counts_by_itself_from_40_tokens() -> None:
    text = f"[{', '.join(map(str, range(18)))}]"
    assert [len(program(code)) for code in (f"{text}[0]", f"x = {text}")] == [40, 39]
    assert found(("one", f"{text}[0]"), ("other", f"{text} [0]")) == [("code", 1.0)]
    assert found(("one", f"x = {text}"), ("other", f"x  = {text}")) == []


def test_a_program_is_near_where_four_fifths_of_its_runs_of_five_tokens_are_shared() -> None:
    assert found(("one", numbers(23)), ("other", numbers(23, changed=12))) == [("near program", 0.8)]
    assert found(("one", numbers(22)), ("other", numbers(22, changed=12))) == []  # 38 of 48
    short = "[" + ", ".join("1" * 18) + "]"
    assert found(("one", f"{short}+1"), ("other", f"{short}-1")) == []


def test_problems_without_a_reference_do_not_match_by_it() -> None:
    assert find_leaks([Problem("a", "do this now")], [Problem("b", "do that then")], "train") == []
    assert find_leaks([], [Problem("b", "do that then")], "train") == []
    assert find_leaks([Problem("b", "do that then")], [], "train") == []


def test_of_several_ways_to_match_the_closest_is_named_and_pairs_are_in_the_order_of_the_data() -> None:
    test = [Problem(f"t{i}", f"one{i} two{i} three{i}", (f"f{i}()",)) for i in range(300)]
    train = [Problem("later", test[299].instruction, ("g()",)), test[3], test[299]]
    assert find_leaks(test, train, "validation") == [
        Leak("t3", "t3", "validation", "instruction", 1.0),
        Leak("t299", "later", "validation", "instruction", 1.0),
        Leak("t299", "t299", "validation", "instruction", 1.0),
    ]


def test_a_report_is_written_once_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    test = problems(2)
    assert leaked_ids(tmp_path) == frozenset()
    write_report(tmp_path, {"test": test, "train": test[:1]}, ("train",))
    text = (tmp_path / "leakage.json").read_text()
    write_report(tmp_path, {"test": test, "train": test}, ("train",))
    assert (tmp_path / "leakage.json").read_text() == text
    [pair] = json.loads(text)["pairs"]
    assert pair == {"test": "0", "train": "0", "split": "train", "by": "instruction", "likeness": 1.0}
    for odd in ("{}", '{"pairs": [3]}', '{"pairs": [{}]}', "[]"):
        (tmp_path / "leakage.json").write_text(odd)
        with pytest.raises(RunError, match=r"leakage\.json: no list of pairs .*; delete the folder to run it again"):
            leaked_ids(tmp_path)


def test_a_run_learns_from_what_it_was_tuned_on_or_shown() -> None:
    bare = Record("1", None, "", 0, (), 0, ())
    shown, dropped = Record("1", None, "", 0, ("t",), 0, ()), Record("1", None, "", 0, (), 1, ())
    assert training_splits(True, [bare]) == ("train", "validation") == training_splits(True, [])
    assert training_splits(False, [bare]) == () == training_splits(False, [])
    assert training_splits(False, [bare, shown]) == ("train",) == training_splits(False, [dropped, bare])


def test_names_that_a_program_defines_are_numbered_and_words_for_people_left_out() -> None:
    assert program("def f(a):\n    'Doc.'\n    return a") == program("def g(b):\n    return b")
    assert program("class A:\n    'Doc.'\n    x = 1") == program("class B:\n    y = 1")
    assert program("'Doc.'\nx = 1") == program("y = 1") and "Doc" in program("'Doc.'")
    assert program("import numpy as np\nnp.sum(a)") != program("import numpy as xp\nyp.sum(a)")
    assert program("from os import path\npath.join(a)")[-6:] == ("path", ".", "join", "(", "v0", ")")
    assert program("print(a)") == ("print", "(", "v0", ")") != program("say(a)")
    assert program("f(key=a)") != program("f(other=a)")
    assert program("x = 'a'") != program("x = 'b'") and program("1 + 1\n2")[:3] == ("1", "+", "1")
