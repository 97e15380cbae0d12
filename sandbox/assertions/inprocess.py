"""Assertion tests in the candidate's own process: for those that look into it or change it.

The test's text is rewritten so that a value of the candidate's is compared as the plain value that it extends, and an
object of the candidate's equals nothing but another; and so that no StopIteration ends a loop of the test's.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import functools
import operator
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.sandbox.interpreter import ownfiles
from harness.sandbox.interpreter.ownfiles import FILE
from harness.sandbox.remote_calls import bases, codecs, overrides
from harness.sandbox.static_analysis import analysis
from harness.sandbox.static_analysis.instances import Instances
from harness.sandbox.test_support import finality, helpers

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: operator.contains(items, item),
    ast.NotIn: lambda item, items: not operator.contains(items, item),
}
_COMBINE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}


_METHODS = """
assertEqual assertNotEqual assertAlmostEqual assertNotAlmostEqual assertListEqual assertTupleEqual assertDictEqual
assertSetEqual assertSequenceEqual assertCountEqual assertMultiLineEqual assertLess assertLessEqual assertGreater
assertGreaterEqual assert_equal assert_array_equal assert_allclose assert_almost_equal assert_array_almost_equal
array_equal allclose isclose startswith endswith issubset issuperset isdisjoint
"""
_COMPARISONS = frozenset(_METHODS.split())
_WITH_ANOTHER = frozenset({"divmod", "pow", "format", "round"})
"""Builtin functions that ask an object for its answer to a second value."""
"""Functions of the library that compare what they are given."""


class _Apart:
    """An object of the candidate's that is compared: it equals and orders only with another."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value)


def _apart(name: str) -> Any:
    compare = getattr(operator, name)
    return lambda mine, other: compare(mine.value, other.value) if isinstance(other, _Apart) else NotImplemented


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(_Apart, f"__{_name}__", _apart(_name))


def judge(code: str, module: ModuleType, setup: str, tested: str = "") -> None:
    """Runs the test `code` among the names of `module`; raises what it raises."""
    vars(module)["__name__"] = "__main__"
    ownfiles.modules.update(analysis.OF_THE_CANDIDATE)
    tree = rewritten(ast.parse(code), vars(module), setup, tested)
    own_assertions = vars(module)[finality.NAME]
    exec(compile(tree, "test.py", "exec", dont_inherit=True), vars(module))  # noqa: S102
    if own_assertions.failed:
        raise AssertionError


def rewritten(tree: ast.Module, names: dict[str, Any], setup: str = "", tested: str = "") -> ast.Module:
    """The test `tree`, to be run among `names`, with what it compares as plain values.

    `tested` names what the test is about.
    """
    stopping = analysis.names(tree, "StopIteration", "StopAsyncIteration")
    objects = Instances(tree)
    judge = _Judge(analysis.classes(tree, setup, objects), objects.searched, names, tree)
    meant = judge.replaced(helpers.applied(tree, analysis.free(tree), tested))
    names.update(_harness_compare=judge.compare, _harness_combine=judge.combine, _harness_guard=judge.guard)
    names.update(_harness_plain=judge.plain, _harness_expected=judge.expected)
    names.update(_harness_method=judge.method, _harness_based=judge.based)
    names[finality.NAME] = finality.OwnAssertions(_is_foreign)
    finality.rewritten(tree)
    _Rewritten(not stopping, meant).visit(tree)
    return ast.fix_missing_locations(tree)


def _is_foreign(problem: BaseException) -> bool:
    """Whether the candidate raised it: the innermost frame that is the test's or the candidate's."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(problem.__traceback__)]
    return [file for file in files if file in ("test.py", "tests.py", FILE)][-1:] == [FILE]


class _Rewritten(ast.NodeTransformer):
    """Comparisons, operators and calls of the test's text as calls of `_Judge`."""

    def __init__(self, guarding: bool, meant: dict[str, str]) -> None:
        self.guarding = guarding
        self.meant = meant
        """Names in place of those that only the candidate has a meaning for."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:  # noqa: N802 - the name that ast asks for
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARE:
            return self._chain(node)
        name = ast.Constant(type(node.ops[0]).__name__)
        return ast.copy_location(_call("compare", name, node.left, node.comparators[0]), node)

    def _chain(self, node: ast.Compare) -> ast.AST:
        """`a < b < c` with plain values; what stands between is evaluated once."""
        if any(type(op) not in _COMPARE for op in node.ops):
            return node
        node.left = _call("plain", node.left)
        node.comparators = [_call("plain", item) for item in node.comparators]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        node.id = self.meant.get(node.id, node.id) if isinstance(node.ctx, ast.Load) else node.id
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if node.attr not in overrides.METHODS or not isinstance(node.ctx, ast.Load):
            return node
        return ast.copy_location(_call("method", node.value, ast.Constant(node.attr)), node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if node.format_spec is not None and node.conversion == -1:
            node.value = _call("based", node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if type(node.op) not in _COMBINE:
            return node
        return ast.copy_location(_call("combine", ast.Constant(type(node.op).__name__), node.left, node.right), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        compares = isinstance(node.func, ast.Attribute) and node.func.attr in _COMPARISONS
        known = isinstance(node.func, ast.Name) and node.func.id in _WITH_ANOTHER
        looks = _looks_into(node.func)
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) == 2:
            return ast.copy_location(_call("method", *node.args), node)
        if known:
            node.args = [item if isinstance(item, ast.Starred) else _call("based", item) for item in node.args]
        if self.guarding:
            if isinstance(node.func, ast.Name):
                node.func = ast.copy_location(_call("guard", node.func), node.func)
            if not looks:
                node.args = [_call("guard", item) if isinstance(item, ast.Name) else item for item in node.args]
        if compares:
            node.args = [item if isinstance(item, ast.Starred) else _call("plain", item) for item in node.args]
        return ast.copy_location(_call("expected", node), node) if _called(node.func) == "approx" else node


def _looks_into(function: ast.AST) -> bool:
    """Whether it is given a function to look at, not to call."""
    return isinstance(function, ast.Attribute)


def _called(function: ast.AST) -> str:
    """The last name of what is called."""
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(f"_harness_{name}", ast.Load()), list(arguments), [])


class _Judge:
    """What the rewritten test calls."""

    def __init__(self, classes: frozenset[str], searched: set[str], names: dict[str, Any], tree: ast.Module) -> None:
        self.names = names
        self.classes = classes
        self.searched = searched
        self.own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self._expected: dict[int, Any] = {}
        self.functions = {
            id(value)
            for value in names.values()
            if callable(value) and not isinstance(value, type) and getattr(value, "__module__", "") == "solution"
        }

    def expected(self, value: Any) -> Any:
        """What the test itself makes in order to compare with it: `pytest.approx(…)`."""
        self._expected[id(value)] = value
        return value

    def compare(self, name: str, left: Any, right: Any) -> Any:
        """The comparison that the test makes, of plain values."""
        left, right = self.plain(left), self.plain(right)
        if name in ("In", "NotIn") and (isinstance(right, _Apart) or hasattr(type(right), "__next__")):
            items = right.value if isinstance(right, _Apart) else right
            if type(items).__name__ in self.searched and not bases.has_items(items):
                return operator.contains(items, left) == (name == "In")
            return any(item is left or self.compare("Eq", left, item) for item in items) == (name == "In")
        return _COMPARE[getattr(ast, name)](left, right)

    def combine(self, name: str, left: Any, right: Any) -> Any:
        """The operation that the test makes: an object of the candidate's has none with a plain value of the test."""
        formats = name == "Mod" and isinstance(left, str | bytes)
        if self._is_known(type(left)) != self._is_known(type(right)) and not formats:
            left, right = self.plain(left), self.plain(right)
        return _COMBINE[getattr(ast, name)](left, right)

    def method(self, value: Any, name: str) -> Any:
        """A method of `value`: of what extends a plain type, as `overrides` has it."""
        found, base = getattr(value, name), self._untrusted(value)
        return (
            found
            if base is None or name not in overrides.METHODS
            else overrides.bound(value, base, name, found, lambda: None)
        )

    def based(self, value: Any) -> Any:
        """What extends a plain type as that type; anything else as it is."""
        base = self._untrusted(value)
        return value if base is None else bases.as_base(value, base)

    def _untrusted(self, value: Any) -> type | None:
        """The plain type that the class of `value` extends in the candidate's way; None where there is none."""
        kind = type(value)
        base = None if kind in _SCALARS or codecs.value_codec(kind) else bases.base_of(kind)
        return None if base is kind or base is None or self._is_trusted(kind) or self._is_known(kind) else base

    def replaced(self, meant: dict[str, str]) -> dict[str, str]:
        """New names for those in `meant` that only the candidate has a function for, and the library has one, too."""
        found: dict[str, str] = {}
        for name, path in meant.items():
            own = self.names.get(name)
            if own is None or codecs.library_path(own) or type(own).__module__.partition(".")[0] == "numpy":
                continue
            with contextlib.suppress(ImportError, AttributeError):
                found[name] = f"_harness_helper_{name}"
                self.names[found[name]] = helpers.of_the_library(path)
        return {name: new for name, new in found.items() if new in self.names}

    def guard(self, function: Any) -> Any:
        """A function of the candidate's that raises RuntimeError in place of StopIteration."""
        if id(function) not in self.functions:
            return function

        @functools.wraps(function)
        def guarded(*arguments: Any, **keywords: Any) -> Any:
            try:
                return function(*arguments, **keywords)
            except (StopIteration, StopAsyncIteration) as problem:
                raise RuntimeError(f"the function raised {type(problem).__name__}") from None

        return guarded

    def plain(self, value: Any) -> Any:
        """`value` for a comparison: without the methods of classes of the candidate's."""
        kind = type(value)
        if kind in _SCALARS or codecs.value_codec(kind) or id(value) in self._expected or self._is_trusted(kind):
            return value
        base = bases.base_of(kind)
        if base is not None:
            return self._plain_base(value, base)
        if kind in _VIEWS:
            return _VIEWS[kind](self.plain(item) for item in value)
        form = _PLAIN_FORMS.get(codecs.path_of(kind)) if self._is_known(kind) else None
        if form:
            return self.plain(form(value))
        return value if self._is_known(kind) else _Apart(value)

    def _plain_base(self, value: Any, base: type) -> Any:
        """What extends a plain type as that type, with plain items; itself where it is that already."""
        plain: Any = value if type(value) is base else bases.as_base(value, base)
        if base in _SCALARS or base is bytearray:
            return plain
        if isinstance(plain, dict):
            pairs = [(self.plain(key), self.plain(item)) for key, item in plain.items()]
            if all(new[0] is old[0] and new[1] is old[1] for new, old in zip(pairs, plain.items(), strict=True)):
                return plain
            return {**dict(pairs)} if isinstance(plain, collections.defaultdict) else base(dict(pairs))
        items = [self.plain(item) for item in plain]
        return plain if all(map(operator.is_, items, plain)) else base(items)

    def _is_trusted(self, kind: type) -> bool:
        """Whether the test is about this class, or has it of its own."""
        if kind.__name__ in self.own and kind.__module__ == self.names["__name__"]:
            return True
        if kind.__name__ in ("_Call", "_CallList") and codecs.resolve(codecs.path_of(kind)) is kind:
            return True  # what a mock was called with: no class of unittest.mock's that equals everything
        trusted = [self.names.get(name) for name in (*self.classes, *self.own)]
        trusted = [one for one in trusted if isinstance(one, type) and not codecs.library_path(one)]
        return any(one in kind.__mro__ for one in trusted)

    def _is_known(self, kind: type) -> bool:
        """Whether it is the interpreter's or the library's, and compares nothing in the candidate's way."""
        equal: Any = kind.__eq__
        if equal is object.__eq__ and not kind.__flags__ & _HEAP:
            return True
        path = codecs.path_of(kind)
        if path.partition(":")[0].partition(".")[0] not in _COMPARING or kind.__name__ in _FORWARDING:
            return self._is_trusted(kind)
        return not kind.__flags__ & _HEAP or codecs.resolve(path) is kind


_PLAIN_FORMS: dict[str, Callable[[Any], Any]] = {
    **bases.PLAIN_FORMS,
    "types:SimpleNamespace": vars,  # the objects in it, which may be the candidate's, would compare themselves
    "argparse:Namespace": vars,
}
"""Classes of the library, and what to compare in place of their objects."""
_HEAP = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: the type was not compiled into the interpreter."""
_SCALARS = (type(None), bool, int, float, complex, str, bytes, range)
_MODULES = "builtins argparse array collections datetime decimal fractions pathlib re uuid ipaddress numpy types"
_COMPARING = frozenset(_MODULES.split())
"""Modules whose classes may be compared as they are."""
_FORWARDING = frozenset({"weakproxy", "weakcallableproxy"})
"""Classes that compare what they stand for, which may be the candidate's."""
_VIEWS: dict[type, Callable[..., Any]] = {
    type({}.keys()): set,
    type({}.items()): set,
}
