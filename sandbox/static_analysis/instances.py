"""Which classes a test's text uses as classes: it follows the objects that the test makes through its variables.

A test that constructs `Vector(1, 2)` and adds a number to it is about a class; one that compares `Diff([1], [2])` with
a list is about a function, whatever a candidate makes of that name. No candidate's text is read here.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable

from harness.sandbox.remote_calls.overrides import CHANGING

_NUMPY = "shape dtype size ndim T tolist sum mean std min max all any astype flatten reshape most_common"
_DATA: tuple[type, ...] = (str, bytes, int, float, complex, list, tuple, dict, set, frozenset, range, type(iter([])))
_PLAIN = frozenset(name for kind in _DATA for name in dir(kind)).union(_NUMPY.split())
"""Attributes that do not tell that a test asks for an object."""
_OF_SCALARS = frozenset(name for kind in (str, bytes, int, float, complex, tuple) for name in dir(kind))
"""Attributes of values that cannot be changed."""
_COMBINING = frozenset({"sum", "pow", "divmod"})
"""Functions that apply an operator to what they are given."""
_OF_A_CLASS = re.compile("(?=.*[a-z])[A-Z][A-Za-z0-9]*[A-Z][A-Za-z0-9]*")
"""`CircularList`, `LRUCache`: no function is named so; `Diff`, `Check_Solution` and `GCD` may be."""
_Bindings = dict[str, str]
"""The class of the object that a variable has, by the variable's text: `v`, `self.v`."""


class Instances(ast.NodeVisitor):
    """Reads a test in the order of its text. `classes` are those whose objects it takes for objects.

    A class begins with a capital: no function `f` becomes a class by what a candidate makes of it. `deleted` says
    whether a variable with such an object is deleted.
    """

    def __init__(self, tree: ast.AST) -> None:
        self.classes: set[str] = set()
        self.searched: set[str] = set()
        """The names in whose objects `in` looks for something."""
        self.deleted = False
        self._methods: dict[str, set[str]] = defaultdict(set)
        self._objects: _Bindings = {}
        self._lists: _Bindings = {}
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self._constructed = {function.id for function in calls if isinstance(function, ast.Name)}
        self.visit(tree)

    def _class_of(self, node: ast.AST | None) -> str | None:
        """The class of the object that an expression makes or reads; None where it tells none."""
        if isinstance(node, ast.NamedExpr):
            return self._class_of(node.value)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._objects.get(ast.unparse(node))
        if isinstance(node, ast.Subscript):
            return self._items_of(node.value)
        if not isinstance(node, ast.Call):
            return None
        if isinstance(node.func, ast.Name):
            return node.func.id if node.func.id[0].isupper() else self._objects.get(node.func.id)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Attribute) and isinstance(owner, ast.Call) and node.func.attr in CHANGING:
            return self._class_of(owner)  # Cart().add(3): of a plain value it would be None
        if isinstance(owner, ast.Name) and owner.id[0].isupper() and owner.id in self._constructed:
            return owner.id  # Vector.zero(), where there is Vector(1, 2) as well
        return None

    def _items_of(self, node: ast.AST) -> str | None:
        """The class of the objects in a list or another iterable."""
        if isinstance(node, ast.Name | ast.Attribute):
            return self._lists.get(ast.unparse(node))
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return next(filter(None, map(self._class_of, node.elts)), None)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            kept = self._objects, self._lists
            self._objects, self._lists = dict(self._objects), dict(self._lists)
            self._bind_all(node.generators)
            found = self._class_of(node.elt)
            self._objects, self._lists = kept
            return found
        return None

    def _bind(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, item in zip(target.elts, value.elts, strict=True):
                    self._bind(one, item)
            else:
                for one in target.elts:
                    self._set(one, self._items_of(value), None)
        else:
            self._set(target, self._class_of(value), self._items_of(value))

    def _set(self, target: ast.AST, one: str | None, items: str | None) -> None:
        if isinstance(target, ast.Name | ast.Attribute):
            for known, found in ((self._objects, one), (self._lists, items)):
                known.pop(ast.unparse(target), None)
                if found:
                    known[ast.unparse(target)] = found

    def _bind_all(self, loops: Iterable[ast.comprehension | ast.For | ast.AsyncFor]) -> None:
        for loop in loops:
            self._set(loop.target, self._items_of(loop.iter), None)

    def _is_object(self, node: ast.AST) -> None:
        found = self._class_of(node)
        if found:
            self.classes.add(found)

    # --- what gives a variable its object

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: N802 - the names that ast asks for
        self.generic_visit(node)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        self.generic_visit(node)
        if node.value is not None:
            self._bind(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:  # noqa: N802
        self.generic_visit(node)
        self._bind(node.target, node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        self.generic_visit(node)
        if node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr)

    def visit_For(self, node: ast.For) -> None:  # noqa: N802
        self.visit(node.iter)
        self._bind_all([node])
        for one in (*node.body, *node.orelse):
            self.visit(one)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        kept = self._objects, self._lists
        self._objects, self._lists = dict(self._objects), dict(self._lists)
        self._bind_all(node.generators)
        self.generic_visit(node)
        self._objects, self._lists = kept

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802
        """A function of the test's, with variables of its own; one that returns an object makes it, as fixtures do."""
        kept = self._objects, self._lists
        self._objects, self._lists = dict(self._objects), dict(self._lists)
        self.generic_visit(node)
        given = [one.value for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield)]
        made = next(filter(None, map(self._class_of, given)), None)
        for old, new in zip(kept, (self._objects, self._lists), strict=True):
            old.update((name, kind) for name, kind in new.items() if "." in name)  # self.v, for the other methods
        self._objects, self._lists = kept
        self._set(ast.Name(node.name), made, None)

    # --- what tells that it is an object

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802
        self.generic_visit(node)
        made_here = isinstance(node.value, ast.Call)
        if isinstance(node.value, ast.Call) and getattr(node.value.func, "attr", "") in CHANGING:
            self._is_object(node.value)
        if not isinstance(node.ctx, ast.Load) or node.attr not in (_PLAIN if made_here else _OF_SCALARS):
            self._is_object(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) and not isinstance(node.value, ast.Call):
            self._is_object(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:  # noqa: N802
        """Two objects of one class, and what `in` looks into."""
        self.generic_visit(node)
        kinds = [self._class_of(side) for side in (node.left, *node.comparators)]
        self.classes |= {one for one, other in itertools.pairwise(kinds) if one and one == other}
        where = [kind for op, kind in zip(node.ops, kinds[1:], strict=True) if isinstance(op, ast.In | ast.NotIn)]
        self.searched.update(filter(None, where))

    def visit_BinOp(self, node: ast.BinOp) -> None:  # noqa: N802
        self.generic_visit(node)
        self._is_object(node.left)
        self._is_object(node.right)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        self.generic_visit(node)
        self._is_object(node.target)
        self._is_object(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:  # noqa: N802
        self.generic_visit(node)
        self.deleted |= any(self._class_of(target) for target in node.targets if isinstance(target, ast.Name))

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        self._is_method(node)
        if _OF_A_CLASS.fullmatch(name):
            self.classes.add(name)
        elif name in ("isinstance", "issubclass"):
            named = [one.id for arg in node.args[1:] for one in ast.walk(arg) if isinstance(one, ast.Name)]
            self.classes.update(one for one in named if one[0].isupper())
        elif name in _COMBINING:
            for arg in node.args:
                self._is_object(arg)
            items = self._items_of(node.args[0]) if node.args else None
            self.classes.update({items} if items and name == "sum" else ())

    def _is_method(self, node: ast.Call) -> None:
        """A method that is given another object of its class, or that is not the only one called of a variable."""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        kind = self._class_of(owner)
        if kind is None or not isinstance(node.func, ast.Attribute):
            return
        if not isinstance(owner, ast.Call):
            self._methods[kind].add(node.func.attr)
        if len(self._methods[kind]) > 1 or kind in map(self._class_of, node.args):
            self.classes.add(kind)
