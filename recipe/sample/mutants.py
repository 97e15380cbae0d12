"""Break a program in one small place, in every way this module knows."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

Change = Callable[[ast.AST], ast.AST]
OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Pow: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mod,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
NAMES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "set": "list",
    "abs": "int",
    "sum": "len",
    "len": "sum",
    "upper": "lower",
    "lower": "upper",
    "isupper": "islower",
    "islower": "isupper",
}
STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr)


def mutants(code: str) -> list[str]:
    """Programs that differ from `code` in one place, every one different."""
    tree = ast.parse(code)
    before = ast.unparse(tree)
    found: dict[str, None] = {}
    for parent, name, at in list(_places(tree)):
        held = getattr(parent, name)
        node = held if at is None else held[at]
        for change in _changes(node):
            new = change(copy.copy(node))
            setattr(parent, name, new if at is None else [*held[:at], new, *held[at + 1 :]])
            found[ast.unparse(tree)] = None
            setattr(parent, name, held)
    return [text for text in found if text != before and _compiles(text)]


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where every node of `tree` is held: parent, field, and position if the field is a list."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                yield parent, name, None
            elif isinstance(value, list):
                yield from ((parent, name, at) for at, v in enumerate(value) if isinstance(v, ast.AST))


def _compiles(code: str) -> bool:
    try:
        compile(code, "<mutant>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _changes(node: ast.AST) -> Iterator[Change]:
    """The ways to break one node."""
    for other in OPERATORS.get(type(node), ()):
        yield lambda _, other=other: other()  # type: ignore[misc]
    if isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, STATEMENTS):
        yield lambda _: ast.Pass()
    match node:
        case ast.Name(id=name) if name in NAMES:
            yield lambda n: ast.Name(NAMES[n.id], ast.Load())  # type: ignore[attr-defined]
        case ast.Attribute(attr=name) if name in NAMES:
            yield lambda n: ast.Attribute(n.value, NAMES[n.attr], n.ctx)  # type: ignore[attr-defined]
        case ast.BinOp():
            yield lambda n: n.left  # type: ignore[attr-defined]
            yield lambda n: n.right  # type: ignore[attr-defined]
        case ast.Compare():
            yield lambda _: ast.Constant(True)
            yield lambda _: ast.Constant(False)
        case ast.Subscript(slice=ast.Slice(), ctx=ast.Load()):
            yield lambda n: n.value  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield lambda n: n.operand  # type: ignore[attr-defined]
        case ast.IfExp():
            yield lambda n: ast.IfExp(n.test, n.orelse, n.body)  # type: ignore[attr-defined]
        case ast.comprehension(ifs=[_, *_]):
            yield _without("ifs")


def _other_constants(node: ast.Constant) -> Iterator[Change]:
    """One more and one less, the other truth value, a text without its last character."""
    value = node.value
    if isinstance(value, bool):
        yield lambda _: ast.Constant(not value)
    elif isinstance(value, int):
        yield lambda _: ast.Constant(value + 1)
        yield lambda _: ast.Constant(value - 1)
    elif isinstance(value, str):
        yield lambda _: ast.Constant(value[:-1] or "?")


def _other_calls(node: ast.Call) -> Iterator[Change]:
    """The call without its keywords; the only argument, or the object, instead of the call."""
    function, arguments = node.func, node.args
    if node.keywords:
        yield _without("keywords")
    if len(arguments) == 1:
        yield lambda _: arguments[0]
    if isinstance(function, ast.Attribute):
        yield lambda _: function.value


def _without(name: str) -> Change:
    """The change that empties the list `name` of a node."""

    def change(node: ast.AST) -> ast.AST:
        setattr(node, name, [])
        return node

    return change
