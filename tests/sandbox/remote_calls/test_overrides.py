"""Methods of plain types that a candidate's class has of its own: they are never what a test is passed by."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

import pytest

from harness.records import AssertTests, Execution, Outcome
from harness.sandbox import run
from harness.sandbox.remote_calls import overrides

INSIDE = "import inspect\n"
"""Before a test that is to run in the candidate's process."""


def one(program: str, code: str) -> Execution:
    (execution,) = run([(program, AssertTests("f", code))], workers=1)
    return execution


SET = "class S(set):\n def union(s, o): return {}\ndef f(n): return S([9])"
DICT = "class D(dict):\n def get(s, k, d=None): return d\n setdefault = pop = get\ndef f(n): return D(x=9)"
TEXT = "class S(str):\n def {0}(s, *a): return {1}\ndef f(n): return S('zz')"
NUMBER = "class I(int):\n def {0}(s, *a): return {1}\ndef f(n): return I(9)"
WRONG = [
    (SET.format("o"), "assert f(3).union({1, 2}) == {1, 2}"),
    (SET.format("S(o)"), "assert f(3).union({1, 2}) == {1, 2}"),
    (SET.format("o"), "assert len(f(3).union({1, 2})) == 2"),
    (SET.format("o"), "join = f(3).union\nassert join({1, 2}) == {1, 2}"),
    (SET.format("o"), "assert getattr(f(3), 'union')({1, 2}) == {1, 2}"),
    (DICT, "assert f(3).get('x', 7) == 7"),
    (DICT, "assert f(3).get('x', [7, {8}]) == [7, {8}]"),
    (DICT, "assert f(3).setdefault('x', 7) == 7"),
    (DICT, "assert f(3).pop('x', 7) == 7"),
    (DICT, "assert f(3).get('x', []) == []"),
    (TEXT.format("replace", "a[1]"), "assert f(3).replace('abc', '') == ''"),
    (TEXT.format("removeprefix", "''"), "assert f(3).removeprefix('abc') == ''"),
    (TEXT.format("strip", "''"), "assert f(3).strip('abc') == ''"),
    (TEXT.format("partition", "('', a[0], '')"), "assert f(3).partition('abc') == ('', 'abc', '')"),
    (TEXT.format("join", "''.join(a[0])"), "assert f(3).join(['a', 'b']) == 'ab'"),
    (TEXT.format("format", "a[0]"), "assert f(3).format('abc') == 'abc'"),
    (TEXT.format("__format__", "a[0]"), "assert f'{f(3):abc}' == 'abc'"),
    (TEXT.format("startswith", "True"), "assert f(3).startswith('abc')"),
    (TEXT.format("count", "3"), "assert f(3).count('abc') == 3"),
    (NUMBER.format("__divmod__", "(0, a[0])"), "assert divmod(f(3), 4) == (0, 4)"),
    (NUMBER.format("__pow__", "a[1]"), "assert pow(f(3), 4, 5) == 5"),
]


@pytest.mark.parametrize("inside", ["", INSIDE])
def test_no_method_passes_a_test_with_what_it_was_given(inside):
    jobs = [(program, AssertTests("f", inside + code)) for program, code in WRONG]
    found = zip(WRONG, run(jobs), strict=True)
    assert [(code, e.outcome) for (_, code), e in found if e.outcome is Outcome.PASSED] == []


COUNTER = "from collections import Counter\nclass C(Counter):\n def __missing__(s, k): return 1\ndef f(x): return C()"


@pytest.mark.parametrize(
    "code",
    [
        "assert f('ab') == {'a': 1, 'b': 1}",
        "assert f('ab')['a'] == 1",
        "assert [f('ab')] == [{'a': 1, 'b': 1}]",
        "from collections import Counter\nassert f('ab') == Counter('ab')",
        "from collections import Counter\nassert Counter('ab') - f('ab') == Counter()",
    ],
)
def test_a_counter_has_none_of_what_it_did_not_count(code):
    assert one(COUNTER, code).outcome is Outcome.FAILED


def test_in_the_candidates_process_a_class_of_the_library_is_none_that_the_test_is_about():
    code = (
        INSIDE + "from collections import Counter\nassert f('ab') == Counter('ab')\nassert f('') - Counter('ab') == {}"
    )
    assert one(COUNTER, code).outcome is Outcome.FAILED


CACHE = """
from collections import OrderedDict
class Cache(OrderedDict):
    def get(self, key):
        if key not in self: return -1
        self.move_to_end(key)
        return self[key]
    def put(self, key, value):
        self[key] = value
        if len(self) > 2: self.popitem(last=False)
def f(n): return Cache()
"""
USE = "c.put(1, 1)\nc.put(2, 2)\nassert c.get(1) == 1\nc.put(3, 3)\nassert c.get(2) == -1 and c.get(3) == 3"
HONEST = {
    "a cache": (CACHE, f"c = f(2)\n{USE}"),
    "a cache by its name": (CACHE, f"c = Cache()\n{USE}"),
    "keys in other letters": (
        "class D(dict):\n def __setitem__(s, k, v): super().__setitem__(k.lower(), v)\n"
        " def get(s, k, d=None): return super().get(k.lower(), d)\ndef f(): return D()",
        "d = f()\nd['A'] = 5\nassert d.get('A') == 5 and d.get('B', 5) == 5 and d == {'a': 5}",
    ),
    "another default": (
        "class D(dict):\n def get(s, k, d=0): return super().get(k, d)\ndef f(): return D(a=2, b=1)",
        "d = f()\nassert d.get('z') == 0 and sorted(d, key=d.get) == ['b', 'a']",
    ),
    "a list with a limit": (
        "class L(list):\n def append(s, v): len(s) < 2 and super().append(v)\ndef f(): return L()",
        "d = f()\nfor n in range(4): d.append(n)\nassert d == [0, 1]",
    ),
    "a list that gives itself": (
        "class L(list):\n def append(s, v):\n  super().append(v)\n  return s\ndef f(): return L()",
        "assert f().append(1).append(2) == [1, 2]",
    ),
    "a pop that gives None": (
        "class L(list):\n def pop(s, i=-1): return super().pop(i) if s else None\ndef f(): return L([1, 0])",
        "d = f()\nassert d.pop(0) == 1 and d.pop(0) == 0 and d.pop() is None",
    ),
    "fields named like methods": (
        "from collections import namedtuple\nP = namedtuple('P', 'count index')\ndef f(): return P(3, 4)",
        "assert f().count == 3 and f().index == 4 and f() == (3, 4)",
    ),
    "a dictionary that makes what it misses": (
        "from collections import defaultdict\nclass D(defaultdict):\n def __missing__(s, k):\n  s[k] = k * 2\n"
        "  return s[k]\ndef f(): return D()",
        "d = f()\nassert d[4] == 8 and d == {4: 8}",
    ),
    "a sum of dictionaries": (
        "class M(dict):\n def update(s, o):\n  for k, v in o.items(): s[k] = s.setdefault(k, 0) + v\ndef f(): return M(a=1)",
        "m = f()\nm.update({'a': 2, 'b': 1})\nassert m == {'a': 3, 'b': 1}",
    ),
    "an enumeration of texts": (
        "from enum import Enum\nclass C(str, Enum):\n A = 'a'\ndef f(): return C.A",
        "assert f() == 'a' and f().replace('a', 'b') == 'b' and f().name == 'A'",
    ),
    "most common": (
        "from collections import Counter\nclass C(Counter):\n def most_common(s, n=None): return super().most_common(n)[:1]\n"
        "def f(x): return C(x)",
        "assert f('aab').most_common(2) == [('a', 2)] and f('a')['z'] == 0",
    ),
}


@pytest.mark.parametrize("inside", ["", INSIDE])
def test_honest_classes_with_methods_of_their_own_pass(inside):
    jobs = [(program, AssertTests("f", inside + code)) for program, code in HONEST.values()]
    found = zip(HONEST, run(jobs), strict=True)
    assert [(name, e.outcome, e.error) for name, e in found if e.outcome is not Outcome.PASSED] == []


def test_where_an_answer_of_the_classs_own_counts_the_verdict_says_so():
    assert one(*HONEST["keys in other letters"]).trust == "in-process"
    assert one(*HONEST["fields named like methods"]).trust == "isolated"
    assert one("class D(dict):\n def get(s, *a): return super().get(*a)\ndef f(): return D(a=1)",
               "assert f().get('a', 2) == 1 and f().get('b', 2) == 2").trust == "isolated"  # fmt: skip


def test_an_object_of_any_class_that_answers_with_what_it_was_given_is_no_verdict_of_ours():
    program = "class R:\n def union(s, o): return o\n def get(s, k, d): return d\ndef f(n): return R()"
    later = "union = getattr(f(3), 'union')\nassert union({1, 2}) == {1, 2}"
    for code in ("assert f(3).union({1, 2}) == {1, 2}", "assert f(3).get('x', 7) == 7", later):
        assert one(program, code).trust == "in-process"
    assert (
        one("class R:\n def get(s, k): return 7\ndef f(n): return R()", "assert f(3).get('x') == 7").trust == "isolated"
    )


def test_an_answer_of_what_was_given_is_the_plain_types():
    class Table(dict):
        pass

    said: list[str] = []
    mine = Table(x=9)
    for theirs, expected in ((lambda _, default: default, 9), (lambda _, __: 8, 8)):
        found = overrides.answer(mine, dict, "get", theirs, ("x", 7), {}, lambda: said.append("judged"))
        assert found == expected
    assert said == ["judged"]
