"""Mutants of a module: each is one small change of its source, made where the syntax tree says that code stands."""

from __future__ import annotations

import ast
import difflib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One change: the text between two offsets, in bytes of the source in UTF-8, replaced by another."""

    kind: str
    line: int
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """The source with the change."""
        raw = source.encode()
        return (raw[: self.start] + self.text.encode() + raw[self.end :]).decode()

    def lines(self, source: str) -> tuple[str, str]:
        """The changed lines as they were and as they are now, each on one line; their numbers are not in it."""
        old, new = source.splitlines(), self.apply(source).splitlines()
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        changed = [codes for codes in matcher.get_opcodes() if codes[0] != "equal"]
        was = [line.strip() for _, a, b, _, _ in changed for line in old[a:b]]
        now = [line.strip() for _, _, _, a, b in changed for line in new[a:b]]
        return " ".join(was), " ".join(now)


COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Div(),
    ast.Mod: ast.FloorDiv(),
    ast.Pow: ast.Mult(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "abs": ""}


def mutants(source: str) -> list[Mutant]:
    """All mutants of a module, by line; nothing in words for people, annotations or what only type checkers read."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = _Finder(starts)
    found.visit(ast.parse(source))
    same = source.encode()
    real = [one for one in found.made if same[one.start : one.end].decode() != one.text]
    return sorted(dict.fromkeys(real), key=lambda one: (one.line, one.start, one.kind, one.text))


def sample(found: list[Mutant], each: int | None, seed: int, name: str) -> list[Mutant]:
    """At most `each` of a module's mutants, the same for the same seed and source; in the order of the lines."""
    if each is None or len(found) <= each:
        return found
    chosen = random.Random(f"{seed}:{name}").sample(range(len(found)), each)
    return [found[i] for i in sorted(chosen)]


class _Finder(ast.NodeVisitor):
    """Walks the tree; the source's text of a node is replaced by that of the changed node, in parentheses."""

    def __init__(self, starts: list[int]) -> None:
        self.starts = starts
        self.made: list[Mutant] = []

    # ---- how a change is noted -----------------------------------------------------------------------------------

    def _add(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        start = self.starts[node.lineno - 1] + node.col_offset
        assert node.end_lineno is not None and node.end_col_offset is not None
        self.made.append(Mutant(kind, node.lineno, start, self.starts[node.end_lineno - 1] + node.end_col_offset, text))

    def _swap(self, kind: str, node: ast.expr, changed: ast.expr) -> None:
        self._add(kind, node, f"({ast.unparse(ast.fix_missing_locations(changed))})")

    def _replaced(self, node: ast.AST, **fields: object) -> ast.expr:
        """A copy of a node with other fields."""
        held = {name: getattr(node, name, None) for name in node._fields}
        made = type(node)(**(held | fields))
        assert isinstance(made, ast.expr)
        return made

    # ---- what is left alone --------------------------------------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Words; before Python 3.12 their parts have no true place in the source."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            self.visit(node.value)

    # ---- statements ----------------------------------------------------------------------------------------------

    def visit_Raise(self, node: ast.Raise) -> None:
        """An error's words stay as they are."""
        self._add("raise deleted", node, "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add("call deleted", node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("assignment deleted", node, "pass")
        if type(node.op) in ARITHMETIC:
            changed = ast.AugAssign(target=node.target, op=ARITHMETIC[type(node.op)], value=node.value)
            self._add("arithmetic", node, ast.unparse(ast.fix_missing_locations(changed)))
        self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add("return None", node, "return None")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        for value in (True, False):
            self._add(f"condition {value}", test, str(value))

    # ---- expressions ---------------------------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        parts = [node.left, *node.comparators]
        for i, op in enumerate(node.ops):
            for sign in COMPARISONS[type(op)]:
                signs = [sign if i == j else _sign(other) for j, other in enumerate(node.ops)]
                words = [f"({ast.unparse(parts[0])})"]
                words += [f"{s} ({ast.unparse(part)})" for s, part in zip(signs, parts[1:], strict=True)]
                self._add("comparison", node, f"({' '.join(words)})")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._swap("and/or", node, self._replaced(node, op=other))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._swap("not dropped", node, node.operand)
        elif isinstance(node.op, ast.USub):
            self._swap("sign turned", node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            self._swap("arithmetic", node, self._replaced(node, op=ARITHMETIC[type(node.op)]))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add("constant", node, str(not node.value))
        elif isinstance(node.value, int | float):
            for step in (1, -1):
                self._add("constant", node, f"({node.value + step!r})")

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            name = CALLS[node.func.id]
            changed = self._replaced(node, func=ast.Name(name)) if name else node.args[0]
            if name != "list" or not node.keywords:
                self._swap("call replaced", node, changed)
            else:
                self._swap("call replaced", node, self._replaced(node, func=ast.Name(name), keywords=[]))
        for i, keyword in enumerate(node.keywords):
            if keyword.arg not in (None, "strict"):  # that of zip is an assertion: no test could reach it
                rest = [other for j, other in enumerate(node.keywords) if j != i]
                self._swap("argument dropped", node, self._replaced(node, keywords=rest))
        for child in (node.func, *node.args, *(k.value for k in node.keywords if k.arg != "strict")):
            self.visit(child)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        if isinstance(node.ctx, ast.Load):
            self._displayed(node)

    def visit_List(self, node: ast.List) -> None:
        self._displayed(node)

    def visit_Set(self, node: ast.Set) -> None:
        self._displayed(node)

    def _displayed(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        for i in range(len(node.elts)):
            rest = node.elts[:i] + node.elts[i + 1 :]
            if rest or not isinstance(node, ast.Set):
                self._swap("element dropped", node, self._replaced(node, elts=rest))
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for i in range(len(node.keys)):
            keys, values = node.keys[:i] + node.keys[i + 1 :], node.values[:i] + node.values[i + 1 :]
            self._swap("element dropped", node, self._replaced(node, keys=keys, values=values))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """A subscript may be a type (`dict[str, int]`): a tuple of names in it is no display of values."""
        self.visit(node.value)
        if isinstance(node.slice, ast.Tuple):
            for part in node.slice.elts:
                self.visit(part)
        else:
            self.visit(node.slice)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        loops = node.generators
        for i, loop in enumerate(loops):
            for j in range(len(loop.ifs)):
                plain = ast.comprehension(loop.target, loop.iter, loop.ifs[:j] + loop.ifs[j + 1 :], loop.is_async)
                changed = self._replaced(node, generators=[*loops[:i], plain, *loops[i + 1 :]])
                self._swap("filter dropped", node, changed)
        self.generic_visit(node)


def _sign(op: ast.cmpop) -> str:
    """The operator as the source has it."""
    names = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
    names |= {ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}  # type: ignore[dict-item]
    return names[type(op)]  # type: ignore[index]
