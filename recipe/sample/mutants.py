"""Break a program in one small place, in every way this module knows."""

from __future__ import annotations

import ast
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
    found: dict[str, None] = {}
    for at, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            broken = ast.parse(code)
            _replace(broken, at, change)
            text = ast.unparse(ast.fix_missing_locations(broken))
            if _compiles(text):
                found[text] = None
    found.pop(ast.unparse(tree), None)
    return list(found)


def _compiles(code: str) -> bool:
    try:
        compile(code, "<mutant>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _replace(tree: ast.AST, at: int, change: Change) -> None:
    """Put `change(node)` in the place of the node that `ast.walk` meets as number `at`."""
    target = next(node for number, node in enumerate(ast.walk(tree)) if number == at)
    new = change(target)
    if new is target:
        return
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(item is target for item in value):
                value[[item is target for item in value].index(True)] = new


def _changes(node: ast.AST) -> Iterator[Change]:
    """The ways to break one node."""
    for other in OPERATORS.get(type(node), ()):
        yield lambda _, other=other: other()  # type: ignore[misc]
    match node:
        case ast.Constant(value=bool()):
            yield lambda n: ast.Constant(not n.value)  # type: ignore[attr-defined]
        case ast.Constant(value=int()):
            yield lambda n: ast.Constant(n.value + 1)  # type: ignore[attr-defined]
            yield lambda n: ast.Constant(n.value - 1)  # type: ignore[attr-defined]
        case ast.Constant(value=str()):
            yield lambda n: ast.Constant(n.value[:-1] or "?")  # type: ignore[attr-defined]
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
        case ast.Call(func=ast.Attribute()):
            yield lambda n: n.func.value  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield lambda n: n.operand  # type: ignore[attr-defined]
        case ast.IfExp():
            yield lambda n: ast.IfExp(n.test, n.orelse, n.body)  # type: ignore[attr-defined]
        case ast.comprehension(ifs=[_, *_]):
            yield _without("ifs")
    if isinstance(node, ast.Call) and node.keywords:
        yield _without("keywords")
    if isinstance(node, ast.Call) and len(node.args) == 1:
        yield lambda n: n.args[0]  # type: ignore[attr-defined]
    if isinstance(node, STATEMENTS):
        yield lambda _: ast.Pass()


def _without(name: str) -> Change:
    """The change that empties the list `name` of a node."""

    def change(node: ast.AST) -> ast.AST:
        setattr(node, name, [])
        return node

    return change
