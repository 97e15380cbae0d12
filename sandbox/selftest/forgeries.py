"""Attacks that forge the verdict of an assertion test; part of `attacks.py`."""

# ruff: noqa: E501 - one program a line is easier to check than the same program wrapped

from __future__ import annotations

from harness.records import AssertTests, PytestTests, SandboxTests

ALWAYS_EQUAL = "class E{base}:\n def __eq__(s, o): return True\n __ne__ = lambda s, o: False\n __hash__ = lambda s: 0\n"
_OBLIGING = ALWAYS_EQUAL + (
    " __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__\n __len__ = lambda s: 3\n __iter__ = lambda s: iter([s])\n"
    " __call__ = __add__ = __radd__ = __getitem__ = lambda s, *a: s\n"
    " __sub__ = __rsub__ = __abs__ = __round__ = lambda s, *a: 0.0\n"
    " def __getattr__(s, k):\n  if k[:2] == '__': raise AttributeError(k)\n  return lambda *a, **k: s\n"
    "def answer(n): return E()\n"
)
"""An object that grants whatever a test asks of it."""
_PICKLE = "class P:\n def __reduce__(s): return (eval, (\"type('E', (), {'__eq__': lambda s, o: True})()\",))\n"
"""An object whose pickle makes one that equals everything."""
_BESIDE = "x = answer(7)\nassert x == '{secret}'"
"""A test that is run, not read."""
_INSIDE = "import inspect\nassert answer(len) == '{secret}'"
"""A test that is run in the candidate's process."""
SEARCH = """\
import gc, sys
seen = [repr(o)[:2000] for o in gc.get_objects() if isinstance(o, (str, dict, list, tuple))]
frame = sys._getframe()
while frame:
    seen.append(repr(frame.f_locals)[:5000] + repr(frame.f_globals)[:5000])
    frame = frame.f_back
found = [t[t.find('canary-'):][:23] for t in seen if 'canary-' in t]
found = [f for f in found if f[7:].isalnum() and len(f) == 23]
"""

_CODE_BESIDE = """\
import sys
def answer(n): return object()
kinds = sys.modules.get('harness.sandbox.remote_calls.codecs')
if kinds:
    code = (
        "import sys, os\\nf = sys._getframe()\\nwhile f:\\n s = f.f_locals.get('self')\\n"
        " if f.f_code.co_name == '_run' and hasattr(s, '_note'):\\n"
        '  s._say(\\'{"end": "passed", "error": "", "judged": false}\\\\n\\')\\n'
        "  s._note(f.f_locals['test'], 1, None, 0); os._exit(0)\\n f = f.f_back\\n"
    )
    path_of = kinds.library_path
    kinds.library_path = lambda v: 'builtins:print.__self__.exec' if v is print else path_of(v)
    mine = ['extra', print]
    RpcServer = sys.modules['harness.sandbox.remote_calls.endpoints'].RpcServer
    perform = RpcServer._perform
    def do(s, what, given, named):
        if what == 'names': return [*perform(s, what, given, named), mine]
        mine[1](code)
    RpcServer._perform = do
"""
"""Has the test's process hold `exec`, waits until it is given it as a function of the test's, and calls it."""
_CHOOSES = """\
import numpy as np, re, sys
def judge():
    frame = sys._getframe()
    while frame:
        if '_harness_compare' in frame.f_globals: return frame.f_globals
        frame = frame.f_back
def answer(n):
    names = judge()
    if names is None: return {value}
    names['_harness_compare'] = lambda *a: True
    return [7]
"""
"""Gives a value that a test cannot pass on, in the hope to be judged in its own process, and patches the judge there."""
_PASSES_ON = "for x in answer(7): answer(x)\nassert answer(8) == '{secret}'"

ON_ASSERTIONS: dict[str, tuple[str, SandboxTests]] = {
    **{
        f"an obliging object, {name}": (_OBLIGING.format(base=""), AssertTests("answer", code))
        for name, code in {
            "strip": "assert answer('a').strip() == '{secret}'",
            "sorted": "assert sorted(answer('a')) == ['{secret}']",
            "set": "assert set(answer('a')) == {{'{secret}'}}".replace("{{", "{").replace("}}", "}"),
            "in": "assert answer('a') in ('{secret}', 2)",
            "contains": "assert '{secret}' in answer('a')",
            "startswith": "assert answer('a').startswith('{secret}')",
            "tolerance": "assert abs(answer('a') - 1.7) < 1e-6",
            "item": "assert answer('a')[0] == '{secret}'",
            "beside": _BESIDE,
            "inside": _INSIDE,
            "inside, strip": "import inspect\nassert answer(len).strip() == '{secret}'",
            "inside, sorted": "import inspect\nassert sorted(answer(len)) == ['{secret}']",
            "inside, tolerance": "import inspect\nassert abs(answer(len) - 1.7) < 1e-6",
        }.items()
    },
    **{
        f"an obliging {base}, {name}": (_OBLIGING.format(base=f"({base})"), AssertTests("answer", code))
        for base in ("str", "list", "dict")
        for name, code in {"beside": _BESIDE, "inside": _INSIDE}.items()
    },
    **{
        f"a choice of its judge, {name}": (_CHOOSES.replace("{value}", value), AssertTests("answer", code))
        for name, value, code in [
            ("an item of an array", "np.zeros(3, dtype='V4')", _PASSES_ON),
            ("a row of an array", "np.zeros(3, dtype=[('a', 'O')])", _PASSES_ON),
            ("an array's kind", "np.zeros(3)", "answer(answer(7).dtype)\nassert answer(8) == '{secret}'"),
            ("a match", "re.compile('')", "answer(answer(7).match(''))\nassert answer(8) == '{secret}'"),
            ("what a function of the test's returns", "7", "answer(lambda x: x[0])\nassert answer(8) == '{secret}'"),
        ]
    },
    "an obliging float": (_OBLIGING.format(base="(float)"), AssertTests("answer", "assert abs(answer(7) - 1.7) < 1e-6")),
    "a string that starts with everything": (
        "class S(str): startswith = lambda s, *a: True\ndef answer(n): return S('a')",
        AssertTests("answer", "assert answer(7).startswith('{secret}')"),
    ),
    "a list that lies about its length": (
        "class L(list):\n __len__ = lambda s: 3\n __iter__ = lambda s: iter(())\ndef answer(n): return L()",
        AssertTests("answer", "x = answer(7)\nassert len(x) == 3\nfor a, b in zip(x, ['{secret}', 1, 2]): assert a == b"),
    ),
    "a dictionary that lies about its items": (
        "class D(dict):\n __len__ = lambda s: 1\n items = lambda s: []\ndef answer(n): return D()",
        AssertTests("answer", "x = answer(7)\nassert len(x) == 1\nfor a, b in x.items(): assert a == '{secret}'"),
    ),
    "a list that says that it is empty": (
        "class L(list): __bool__ = lambda s: False\ndef answer(n): return L([1])",
        AssertTests("answer", "x = answer(7)\nassert len(x) == 1\nwhile x: assert x.pop() == '{secret}'"),
    ),
    "a string that finds everything": (
        "class S(str):\n find = index = count = lambda s, *a: 1\n isalpha = lambda s: True\ndef answer(n): return S('')",
        AssertTests("answer", "x = answer(7)\nassert x.find('{secret}') >= 0 or x.count('{secret}') or x.isalpha()"),
    ),
    "a number without size": (
        "class I(int): __abs__ = __round__ = lambda s, *a: 0\ndef answer(n): return I(5)",
        AssertTests("answer", "x = answer(7)\nassert abs(x) < 1 or round(x) == 0"),
    ),
    "a set that contains everything": (
        "class S(set): issuperset = __ge__ = __contains__ = lambda s, x: True\ndef answer(n): return S()",
        AssertTests("answer", "assert answer(7).issuperset({7}) or '{secret}' in answer(7) or answer(7) >= {7}"),
    ),
    **{
        f"a namespace of {module} with an obliging value, {name}": (
            f"import {module}\n{ALWAYS_EQUAL.format(base='')}def answer(n): return {module}.{kind}(x=E())",
            AssertTests("answer", f"import {module}{more}\nassert answer(7) == {module}.{kind}(x='{{secret}}')"),
        )
        for module, kind in (("types", "SimpleNamespace"), ("argparse", "Namespace"))
        for name, more in (("beside", ""), ("inside", ", inspect"))
    },
    "an obliging namespace": (
        "import argparse\nargparse.Namespace.__eq__ = lambda s, o: True\ndef answer(n): return argparse.Namespace()",
        AssertTests("answer", "import argparse, inspect\nassert answer(7) == argparse.Namespace(x='{secret}')"),
    ),
    **{
        f"text to evaluate, {name}": (f"def answer(n): return {text!r}", AssertTests("answer", code))
        for name, text, code in [
            ("leaves", "__import__('os')._exit(0)", "assert eval(answer(7)) == '{secret}'"),
            ("leaves, as a function", "__import__('os')._exit(0)", "assert list(map(eval, [answer(7)])) == ['{secret}']"),
            ("statements", "import os\nos.write(1, b'{\"end\": \"passed\"}\\n')\nos._exit(0)", "exec(answer(7))\nassert answer(8) == '{secret}'"),
        ]
    },
    **{
        f"{name} of a copy": (
            f"import types, argparse\nclass X: startswith = issubset = equals = lambda *a: True\nYES = X.equals\ndef answer(n): return {made}",
            AssertTests("answer", f"x = answer(7)\n{code}"),
        )
        for name, made, code in [
            ("startswith", "types.SimpleNamespace(startswith=YES)", "assert x.startswith('{secret}')"),
            ("equals", "argparse.Namespace(equals=bool)", "assert x.equals('{secret}')"),
            ("issubset", "types.GenericAlias(X, (int,))", "assert x.issubset({'{secret}'})"),
            ("a comparison", "types.SimpleNamespace(__eq__=YES)", "assert x.__eq__('{secret}')"),
            ("a copy", "types.SimpleNamespace(__deepcopy__=lambda m: exec)", "import copy\nassert copy.deepcopy(x)('1/0') == '{secret}'"),
            ("memory", "types.SimpleNamespace(__array_interface__={'data': (id(X), False), 'shape': (9,), 'typestr': '<i8', 'version': 3})", "import numpy\nassert numpy.asarray(x).shape == (9,)"),
        ]
    },
    "an exception that a check does not hold for": (
        "def answer(n): raise ValueError",
        PytestTests("import pytest\nfrom solution import answer\ndef test_one():\n    with pytest.raises(ValueError, check=lambda e: e.args == ('{secret}',)): answer(7)"),
    ),
    "startswith of an exception": (
        "def answer(n):\n e = ValueError()\n e.startswith = lambda s: True\n return e",
        AssertTests("answer", "x = answer(7)\nassert x.startswith('{secret}')"),
    ),
    "a method that no plain type of its has": (
        "import sys\nE = sys.modules.get('harness.sandbox.remote_calls.endpoints')\nif E:\n old = E.RpcServer._describe_class\n"
        " E.RpcServer._describe_class = lambda s, k: {**old(s, k), 'overrides': ['startswith']}\n"
        "class X: startswith = lambda *a: True\ndef answer(n): return X()",
        AssertTests("answer", "x = answer(7)\nassert x.startswith('{secret}')"),
    ),
    "an obliging mock": ("from unittest import mock\ndef answer(n): return mock.ANY", AssertTests("answer", _BESIDE)),
    "an obliging mock, inside": ("from unittest import mock\ndef answer(n): return mock.ANY", AssertTests("answer", _INSIDE)),
    "a proxy of an obliging object": (
        _OBLIGING.format(base="") + "import weakref\ne = E()\ndef answer(n): return weakref.proxy(e)",
        AssertTests("answer", _INSIDE),
    ),
    "an object that swallows errors": (
        "class C:\n __enter__ = lambda s: s\n __exit__ = lambda s, *a: True\ndef answer(n): return C()",
        AssertTests("answer", "with answer(7): assert answer(8) == '{secret}'"),
    ),
    **{
        f"a method that gives what it is given, {name}": (f"class X({base}):\n def {method}\ndef answer(n): return X({content})", AssertTests("answer", f"assert {code}"))
        for name, base, method, content, code in [
            ("union", "set", "union(s, o): return o", "[9]", "answer(7).union({1, 2}) == {1, 2}"),
            ("get", "dict", "get(s, k, d=None): return d", "x=9", "answer(7).get('x', '{secret}') == '{secret}'"),
            ("setdefault", "dict", "setdefault(s, k, d): return d", "x=9", "answer(7).setdefault('x', '{secret}') == '{secret}'"),
            ("pop", "dict", "pop(s, k, d): return d", "x=9", "answer(7).pop('x', '{secret}') == '{secret}'"),
            ("replace", "str", "replace(s, a, b): return b", "'x'", "answer(7).replace('{secret}', '') == ''"),
            ("format", "str", "format(s, a): return a", "'x{{}}'", "answer(7).format('{secret}') == '{secret}'"),
            ("join", "str", "join(s, a): return ''.join(a)", "'x'", "answer(7).join('{secret}') == '{secret}'"),
            ("a specification", "str", "__format__(s, a): return a", "'x'", "f'{answer(7):{secret}}' == '{secret}'"),
        ]
    },
    "a Counter that has what it is asked for": (
        "from collections import Counter\nclass C(Counter):\n def __missing__(s, k): return 1\ndef answer(n): return C()",
        AssertTests("answer", "x = answer(7)\nassert x == {c: 1 for c in set('{secret}')} or x['a'] == 1"),
    ),
    **{
        f"a comparison of its own, {name}": (f"kept = []\ndef {name}(*a, **k):\n kept.extend(a)\n return kept[-1]\ndef answer(n): return kept[-1] if kept else 1", AssertTests("answer", code))
        for name, code in [
            ("isclose", "assert isclose(answer(7), 7.5)"),
            ("allclose", "assert allclose(answer(7), 7.5)"),
            ("assertEqual", "assertEqual(answer(7), '{secret}')"),
            ("assert_equal", "assert_equal(answer(7), '{secret}')"),
            ("approx", "assert approx(7.5) == answer(7)"),
            ("Counter", "assert Counter(answer(7)) != 1 and Counter([answer(7)]) == Counter(['{secret}'])"),
        ]
    },
    **{
        f"an exception for any other, {name}": (
            "class M:\n n = 0\n @property\n def error(s):\n  s.n += 1\n  return Exception if s.n == 1 else KeyError\nm = M()\n"
            "errors = [Exception]\ndef error(): return Exception\ndef answer(n): return 1",
            AssertTests("answer", f"import contextlib\n{code}"),
        )
        for name, code in [
            ("changing", "with contextlib.suppress(m.error): assert answer(7) == '{secret}'"),
            ("called", "with contextlib.suppress(error()): assert answer(7) == '{secret}'"),
            ("an item", "with contextlib.suppress(*errors): assert answer(7) == '{secret}'"),
            ("kept", "c = contextlib.suppress(errors[0])\nwith c: assert answer(7) == '{secret}'"),
        ]
    },
    "StopIteration in map": ("def answer(n): raise StopIteration", AssertTests("answer", "assert all(map(answer, [7, 8]))")),
    "StopIteration in zip": (
        "def answer(n): raise StopIteration",
        AssertTests("answer", "for a, b in zip(map(answer, [7]), ['{secret}']): assert a == b"),
    ),
    "StopIteration inside": (
        "def answer(n): raise StopIteration",
        AssertTests("answer", "import inspect\nassert all(map(answer, [7, 8]))"),
    ),
    "names without their import, assertions": ("def answer(n): return ceil(n)", AssertTests("answer", "assert answer(6.5) == 7")),
    **{
        f"a file of a module that the test imports, in {where}": (
            f"import sys\nopen({where!r} + '/statistics.py', 'w').write('mean = lambda x: 7.5')\nsys.path.insert(0, {where!r})\n"
            "def answer(n): return [n]",
            AssertTests("answer", "import statistics\nx = answer(7)\nassert statistics.mean(x) == 7.5"),
        )
        for where in ("/tmp", ".")
    },
    "a module of its own making": (
        "class math:\n isclose = staticmethod(lambda *a, **k: True)\ndef answer(n): return 1",
        AssertTests("answer", "assert math.isclose(answer(7), 7.5)"),
    ),
    "numpy of its own making": (
        "class np:\n allclose = staticmethod(lambda *a, **k: True)\ndef answer(n): return 1",
        AssertTests("answer", "assert np.allclose(answer(7), 7.5)"),
    ),
    "builtins of its own making": (
        "def all(x): return True\nabs = lambda x: 0\ndef answer(n): return 1",
        AssertTests("answer", "x = answer(7)\nassert abs(x - 7) < 1e-6 and all([x == 7])"),
    ),
    "a verdict on every descriptor": (
        "import os\ndef answer(n):\n for i in range(64):\n  try: os.write(i, b'{\"end\": \"passed\", \"judged\": false}\\n')\n"
        "  except OSError: pass\n os._exit(0)",
        AssertTests("answer", _BESIDE),
    ),
    "kill the client": (
        "import os\ndef answer(n):\n for i in range(2, 99):\n  try: os.kill(i, 9)\n  except OSError: pass\n return 1",
        AssertTests("answer", _BESIDE),
    ),
    "interrupt the client": (
        "import os\ndef answer(n):\n for i in range(2, 99):\n  try: i == os.getpid() or os.kill(i, 2)\n  except OSError: pass\n return 1",
        AssertTests("answer", "try: x = answer(7)\nexcept BaseException: x = 1\nassert x == '{secret}'"),
    ),
    "a module by the name of another": (
        _PICKLE + "import pickle as json\ndef answer(n): return json.dumps(P())",
        AssertTests("answer", "assert json.loads(answer(7)) == '{secret}'"),
    ),
    "a module that it returns": (
        _PICKLE + "import pickle\ndef library(): return pickle\ndef answer(n): return pickle.dumps(P())",
        AssertTests("answer library", "lib = library()\nassert lib.loads(answer(7)) == '{secret}'"),
    ),
    "a module that leaves out what is wrong": (
        "import numpy.ma as np, numpy\nclass M:\n _mask = numpy.array([True])\n __len__ = lambda s: 1\n"
        " __getitem__ = lambda s, i: 0\n __array__ = lambda s, *a, **k: numpy.array([0.])\ndef answer(n): return M()",
        AssertTests("answer", "assert np.allclose(answer(7), [7.5])"),
    ),
    "StopIteration in what a comparison reads": (
        "from collections import UserDict\nclass U(UserDict):\n def __init__(s): pass\n"
        " @property\n def data(s): raise StopIteration\ndef answer(n): return U()",
        AssertTests("answer", "assert all(map(lambda n: answer(n) == {n: 1}, [7, 8]))"),
    ),
    "the globals of a test's function": (
        "def answer(g): return getattr(g, '__globals__', {}).get('wanted') or (g.__code__.co_consts + (1,))[0]",
        AssertTests("answer", "wanted = '{secret}'\nassert answer(lambda: 1) == wanted"),
    ),
    "a message for the client": (
        "import gc, json\ndef answer(g):\n for o in gc.get_objects():\n  if type(o).__name__ == 'RpcServer':\n"
        "   return o.ask('call', (getattr, g, '__globals__'))['wanted']",
        AssertTests("answer", "wanted = '{secret}'\nassert answer(lambda: 1) == wanted"),
    ),
    "a comparison called by its name": (
        "class X: pass\ndef answer(n): return X()",
        AssertTests("answer", "x = answer(7)\nassert x.__eq__('{secret}')"),
    ),
    "a failed assertion of what it was given, kept": (
        "def answer(check):\n try: check('')\n except BaseException: pass",
        AssertTests("answer", "def check(x): assert x == '{secret}'\nanswer(check)"),
    ),
    "a failed assertion of what it was given, as another exception": (
        "def answer(check):\n try: check('')\n except BaseException: pass\n raise ValueError",
        AssertTests("answer", "def check(x): assert x == '{secret}'\ntry: answer(check)\nexcept ValueError: pass"),
    ),
    "a builtin of the test file's": (
        "def sorted(xs): return 0\ndef answer(n): return 0",
        PytestTests("import solution\ndef test_one(): assert solution.sorted([3, 1]) == sorted([3, 1])"),
    ),
    "a list of three without items": (
        "class L:\n __init__ = lambda s, n: setattr(s, 'n', n)\n __len__ = lambda s: s.n\n __iter__ = lambda s: iter(())\n"
        "L.__module__, L.__qualname__, L.__name__ = 'builtins', 'list', 'list'\ndef answer(xs): return L(len(xs))",
        PytestTests(
            "import pytest\nfrom solution import answer\ndef test_one():\n got = answer([1, 2, 3])\n"
            " assert isinstance(got, list) or True\n assert got == pytest.approx([0.1, 0.2, 0.3])"
        ),
    ),
    "globals of its own making": (
        "names = {}\ndef globals(): return names\ndef answer(n): return 0",
        PytestTests("from solution import answer, globals\ndef test_one(): assert answer(7) == '{secret}'"),
    ),
    "code for the client": (_CODE_BESIDE, AssertTests("answer", _BESIDE)),
    "walk the frames beside a test": (SEARCH + "def answer(n): return found[0] if found else None", AssertTests("answer", _BESIDE)),
}  # fmt: skip
