"""The driver that asks whether tests notice: its mutants are one small change each, and its lists are no older than
the code."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.mutation import places  # noqa: E402
from benchmarks.mutation.mutants import mutants, sample  # noqa: E402
from benchmarks.mutation.places import source_of  # noqa: E402

SOURCE = '''"""Words 1."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

__all__ = ["f"]
LIMIT: dict[str, int] = {"ä": 3}


def f(a: int, b: int = 2) -> list[int]:
    """More 5 words."""
    if a < b and not b == 0:
        raise ValueError(f"{a + 1} is too small")
    a += b
    print(a, end="")
    return sorted((x for x in range(a) if x > -1), key=abs, reverse=True)
'''


def changes(source: str) -> set[tuple[str, str]]:
    return {(one.kind, one.lines(source)[1]) for one in mutants(source)}


def test_each_kind_of_change_is_made_where_code_stands_and_nowhere_else() -> None:
    found = changes(SOURCE)
    assert {
        ("constant", 'LIMIT: dict[str, int] = {"ä": (4)}'),
        ("constant", "def f(a: int, b: int = (1)) -> list[int]:"),
        ("comparison", "if ((a) <= (b)) and not b == 0:"),
        ("comparison", "if a < b and not ((b) != (0)):"),
        ("and/or", "if (a < b or not b == 0):"),
        ("not dropped", "if a < b and (b == 0):"),
        ("condition True", "if True:"),
        ("raise deleted", "pass"),
        ("assignment deleted", "pass"),
        ("arithmetic", "a -= b"),
        ("call deleted", "pass"),
        ("argument dropped", "print(a)"),
        ("return None", "return None"),
        ("element dropped", "LIMIT: dict[str, int] = ({})"),
    } <= {(kind, now.replace("(print(a))", "print(a)")) for kind, now in found}
    last = {kind for kind, now in found if now.startswith("return")}
    assert {"filter dropped", "call replaced", "argument dropped", "sign turned", "constant"} <= last
    lines = {one.line for one in mutants(SOURCE)}
    assert not lines & {1, 3, 5, 6, 8, 13}, "words, imports for type checkers and __all__ are left alone"


def test_every_mutant_is_another_program() -> None:
    trees = [ast.dump(ast.parse(one.apply(SOURCE))) for one in mutants(SOURCE)]
    assert len(set(trees)) == len(trees) and ast.dump(ast.parse(SOURCE)) not in trees


def test_every_mutant_of_every_listed_module_is_python() -> None:
    for module in listed_modules()[::6]:
        source = (ROOT / source_of(module)).read_text("utf-8")
        for one in mutants(source)[::7]:
            ast.parse(one.apply(source))


def test_a_sample_is_the_same_for_one_seed_and_in_the_order_of_the_lines() -> None:
    every = mutants(SOURCE)
    assert sample(every, None, 0, "m") == every == sample(every, 999, 0, "m")
    some = sample(every, 5, 0, "m")
    assert len(some) == 5 and some == sample(every, 5, 0, "m") == sorted(some, key=every.index)
    assert some != sample(every, 5, 1, "m") or some != sample(every, 5, 2, "m")


def test_modules_lie_where_the_package_has_them_and_their_tests_mirror_them() -> None:
    assert source_of("harness.plugins.tasks.apps") == "plugins/tasks/apps.py"
    assert source_of("harness.sandbox.comparison.compare") == "sandbox/comparison/compare.py"
    assert source_of("harness.stats") == "harness/stats/__init__.py"
    with pytest.raises(SystemExit, match="no such module"):
        source_of("harness.gone")
    assert places.tests_of("harness.records", "harness/records.py") == ("tests/test_records.py",)
    assert places.tests_of("harness.plugins.metrics.bleu", "plugins/metrics/bleu.py") == (
        "tests/plugins/metrics/test_text_metrics.py",
    )


def listed_modules() -> list[str]:
    lines = (ROOT / "benchmarks" / "mutation" / "modules.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_listed_module_has_tests_that_name_it() -> None:
    assert [module for module in listed_modules() if not places.tests_of(module, source_of(module))] == []


def listed(name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = tomllib.loads((ROOT / "benchmarks" / "mutation" / name).read_text("utf-8"))["mutant"]
    return found


def test_equivalent_mutants_are_still_mutants_of_their_modules() -> None:
    known = {}
    for one in listed("equivalent.toml"):
        if one["module"] not in known:
            source = (ROOT / source_of(one["module"])).read_text("utf-8")
            known[one["module"]] = {mutant.lines(source) for mutant in mutants(source)}
        assert (one["was"], one["now"]) in known[one["module"]], one
        assert one["reason"]


def test_mutants_made_by_hand_change_one_place_that_is_still_there() -> None:
    for one in listed("by_hand.toml"):
        assert (ROOT / one["file"]).read_text("utf-8").count(one["old"]) == 1, one
        assert one["old"] != one["new"]
        assert all((ROOT / test).exists() for test in one["tests"]), one
