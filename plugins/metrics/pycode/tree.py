"""One pass over a syntax tree: its shape as numbers, its variables in order, and the nodes that move data.

The tree comes from tree-sitter, which gives one for any text. The walk keeps its own stack, so that depth is no matter,
and its time is linear in the number of nodes. Equal subtrees get equal numbers from one `Shapes`, so that comparing
shapes never spells a subtree out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

Part: TypeAlias = "tuple[str, str, int, int, list[Part] | None, Sequence[Part]]"
"""A node as data-flow sees it: kind, field in its parent, start and end among the variables, parts, inner.

Parts are its children, or None where they do not matter; inner are the outermost data-moving nodes from here down
(the node itself when it is one). A plain tuple because there are as many as nodes.
"""
NOTHING: Sequence[Part] = ()

Frame: TypeAlias = "tuple[int, int, list[Part] | None, list[int], int, int, int, int]"
"""An open node: its kind and field; parts and `own` of the node above; and how many names, moving nodes, shapes and
tokens there were before it. `own` of a node is its kind, then shape and field of each finished named child."""

SPLIT = frozenset({"assignment", "augmented_assignment", "for_statement"})
"""Kinds with a left and a right side that may be paired child by child."""
MOVING = SPLIT | {
    "default_parameter", "dictionary_comprehension", "for_in_clause", "generator_expression", "if_statement",
    "list_comprehension", "set_comprehension", "while_statement", "ERROR",
}  # fmt: skip

_FIRST_SHAPE = 1 << 18
"""Below are the shapes of nodes without named children: their kind, plus _MISSING for a token the parser made up."""
_MISSING = 1 << 17
_FIELDS = 6
_FIELD = (1 << _FIELDS) - 1
"""A shape and the number of a field are kept in one number; the field takes the lowest bits."""
_SHORT_OCTAL = re.compile(r"\\\d{1,2}")
_HIDDEN_LIMIT = 4096
"""Longest text (bytes) in which hidden made-up tokens are looked for: tree-sitter's printer recurses."""


@dataclass(slots=True)
class Reading:
    """What one text looks like to `Reader.read`."""

    shapes: list[int] = field(default_factory=list)
    """The shape of each node that has children, and of the root."""
    names: list[str] = field(default_factory=list)
    """The text of each variable in order; literals are variables as well, as in the published data-flow."""
    binds: list[bool] = field(default_factory=list)
    """Whether the variable at this place is an identifier."""
    tokens: list[str] = field(default_factory=list)
    """All leaves as text, a string being one; only in a mended reading."""
    moving: list[Part] = field(default_factory=list)
    """The outermost data-moving nodes."""
    broken: bool = False
    """Whether the tree has errors."""


class Grammar:
    """tree-sitter's Python grammar: a parser, and the names behind its numbers."""

    def __init__(self) -> None:
        import tree_sitter_python
        from tree_sitter import Language, Parser

        language = Language(tree_sitter_python.language())
        self.parser = Parser(language)
        self.error = 0xFFFF
        count = language.node_kind_count
        self.kinds = {i: language.node_kind_for_id(i) or "" for i in range(count)} | {self.error: "ERROR"}
        self.named = frozenset(i for i in range(count) if language.node_kind_is_named(i)) | {self.error}
        self.fields = {i: language.field_name_for_id(i) or "" for i in range(1, language.field_count + 1)} | {0: ""}
        self.sides = frozenset(i for i, name in self.fields.items() if name in ("left", "right"))
        self.moving = frozenset(i for i, name in self.kinds.items() if name in MOVING)
        self.split = frozenset(i for i, name in self.kinds.items() if name in SPLIT)
        self.string, self.statement, self.comment, self.identifier, self.content = (
            next(i for i, kind in self.kinds.items() if kind == name and i in self.named)
            for name in ("string", "expression_statement", "comment", "identifier", "string_content")
        )


class Shapes:
    """Numbers for subtrees: two subtrees have one number when their s-expressions are equal."""

    def __init__(self) -> None:
        self.known: dict[object, int] = {}

    def number(self, key: object) -> int:
        """The number of a subtree that is described by `key`."""
        known = self.known
        return known.setdefault(key, len(known) + _FIRST_SHAPE)


class Reader:
    """Reads texts with one grammar and one set of shapes.

    A mended reading leaves comments and docstrings out and has exact leaf texts. Otherwise it is what the published
    evaluators saw: byte columns index characters, and a leaf whose text is its kind is no variable (an identifier
    that is called "identifier"). Without unnamed shapes it reads as tree-sitter-python did before 0.23: "not in" and
    "is not" are two tokens and no node, tokens that are not called what they say and so count as variables; a backslash
    in a string is a node only before what Python escapes, and never before one or two digits.
    """

    def __init__(self, grammar: Grammar, shapes: Shapes, *, mended: bool, unnamed_shapes: bool = True) -> None:
        self.grammar, self.shapes, self.mended, self.unnamed_shapes = grammar, shapes, mended, unnamed_shapes

    def read(self, text: str) -> Reading:
        """The reading of `text`, which may hold anything that UTF-8 can encode."""
        source = text.encode()
        tree = self.grammar.parser.parse(source)
        if not tree.root_node.child_count:  # published: a root without children counts as a node
            return Reading(shapes=[] if self.mended else [tree.root_node.kind_id])
        return _Walk(self, text, source, tree).run()


class _Walk:
    """One reading under way."""

    def __init__(self, reader: Reader, text: str, source: bytes, tree: Tree) -> None:
        self.root = root = tree.root_node
        self.grammar, self.shapes, self.mended = reader.grammar, reader.shapes, reader.mended
        self.unnamed_shapes = reader.unnamed_shapes
        self.text, self.source = text, source
        self.cursor = tree.walk()
        self.reading = Reading(broken=root.has_error)
        self.ascii = len(source) == len(text)  # then a byte's place is its character's
        self.hidden = self.reading.broken and len(source) <= _HIDDEN_LIMIT and "(MISSING _" in str(root)
        self.lines = [] if self.ascii else text.split("\n")
        self.frames: list[Frame] = []
        self.documented: list[int] | None = None
        """The block whose docstring was the last to be found."""
        self.in_string = 0

    def run(self) -> Reading:  # noqa: PLR0912
        """Nearly all of the time goes by here: what every node needs is in place, the rest is called."""
        cursor, frames, grammar, reading = self.cursor, self.frames, self.grammar, self.reading
        down, across, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
        named, kinds, fields, moving, identifier = (
            grammar.named, grammar.kinds, grammar.fields, grammar.moving, grammar.identifier
        )  # fmt: skip
        names, binds, shapes, tokens, inner = (
            reading.names, reading.binds, reading.shapes, reading.tokens, reading.moving
        )  # fmt: skip
        text, close = self.text, self.close
        mended, ascii_only = self.mended, self.ascii
        plain = ascii_only and not reading.broken  # then a token is its own kind
        older = not self.unnamed_shapes
        whole = mended or not ascii_only  # then every token of a text that is not plain is looked at
        parts: list[Part] | None = None
        own: list[int] = []
        while True:
            node = cursor.node
            assert node is not None
            kind = node.kind_id
            is_named = kind in named
            role = cursor.field_id or 0 if is_named or parts is not None else 0
            if down():
                moves = kind in moving or (parts is not None and self.is_side(role))
                frames.append((kind, role, parts, own, len(names), len(inner), len(shapes), len(tokens)))
                parts, own = [] if moves else None, [kind]
                if kind == grammar.string:
                    self.open_string(node)
                elif older and not is_named:
                    self.words(node)
                continue
            start = len(names)
            if not is_named:
                if plain:
                    if mended and not self.in_string:
                        tokens.append(kinds[kind])
                elif whole or node.is_missing:
                    self.leaf(node, kind, cursor.field_id or 0, own)
            elif ascii_only and kind == identifier and (begin := node.start_byte) < (end := node.end_byte):
                own.append(kind << _FIELDS | role)  # what `leaf` does, for the leaf that is the most frequent
                if not self.in_string:
                    name = text[begin:end]
                    if mended:
                        tokens.append(name)
                    if mended or name != "identifier":
                        names.append(name)
                        binds.append(True)
            else:
                self.leaf(node, kind, role, own)
            if parts is not None:
                parts.append((kinds[kind], fields[role], start, len(names), None, NOTHING))
            while not across():
                if not up():
                    return reading
                parts, own = close(parts, own)

    def is_side(self, role: int) -> bool:
        """Whether a node in this field of the innermost open node may be paired child by child."""
        return role in self.grammar.sides and self.frames[-1][0] in self.grammar.split

    def open_string(self, node: Node) -> None:
        """A string is one variable, whatever is in it."""
        if not self.in_string:
            self.variable(self.spelling(node), False)
        self.in_string += 1

    def words(self, node: Node) -> None:
        """The words of "not in" or "is not", as the older grammar gives them."""
        for child in node.children if not self.in_string else ():
            if child.kind_id != self.grammar.comment:
                self.variable(self.spelling(child), False)

    def close(self, parts: list[Part] | None, own: list[int]) -> tuple[list[Part] | None, list[int]]:
        """Leave a node: give it a shape, and tell the node above what it was; what belongs to that one."""
        kind, role, parts_above, above, names, inner, shapes, tokens = self.frames.pop()
        grammar, reading = self.grammar, self.reading
        if kind == grammar.string:
            self.in_string -= 1
        elif self.mended and kind == grammar.statement and self.is_docstring(above):
            del reading.names[names:], reading.binds[names:], reading.shapes[shapes:]
            del reading.tokens[tokens:], reading.moving[inner:]
            self.documented = above
            return parts_above, above
        known = self.shapes.known  # as `Shapes.number`
        shape = known.setdefault(tuple(own), len(known) + _FIRST_SHAPE) if len(own) > 1 else kind
        if self.hidden:
            shape = self.spelt_out(shape)
        if kind in grammar.named:
            if self.unnamed_shapes or kind != grammar.content or len(own) > 1:  # else a leaf in the older grammar
                reading.shapes.append(shape)
            above.append(shape << _FIELDS | role)
        else:  # an unnamed node ("not in") is not spelt out: what is in it belongs to the node above
            if self.unnamed_shapes:
                reading.shapes.append(shape)
            role = self.cursor.field_id or 0
            above += [child if child & _FIELD else child | role for child in own[1:]]
        if kind in grammar.moving:
            part = (grammar.kinds[kind], grammar.fields[role], names, len(reading.names), parts, NOTHING)
            part = (*part[:5], [part])
            reading.moving[inner:] = (part,)
            if parts_above is not None:
                parts_above.append(part)
        elif parts_above is not None:
            moving = reading.moving[inner:] or NOTHING
            parts_above.append((grammar.kinds[kind], grammar.fields[role], names, len(reading.names), parts, moving))
        return parts_above, above

    def spelt_out(self, shape: int) -> int:
        """The shape of the node at the cursor, where it may hold a made-up token that only its text shows."""
        text = str(self.cursor.node)
        return self.shapes.number(text) if "(MISSING _" in text else shape

    def leaf(self, node: Node, kind: int, role: int, own: list[int]) -> None:
        """A leaf of any text, in any reading."""
        name, missing = self.grammar.kinds[kind], node.is_missing
        if self.mended and name == "comment":
            return
        shape = kind
        if missing:
            shape |= _MISSING
        elif name == "ERROR" and node.end_byte > node.start_byte:
            shape = self.shapes.number(str(node))  # names the character at which the parser stumbled
        if not self.unnamed_shapes and name == "escape_sequence" and _SHORT_OCTAL.fullmatch(self.spelling(node)):
            return
        if missing or kind in self.grammar.named:
            own.append(shape << _FIELDS | role)
        if name == "comment" or self.in_string or (self.mended and missing):
            return
        text = self.spelling(node)
        if self.mended and kind not in self.grammar.named:
            self.reading.tokens.append(text)
        elif self.mended or text != name:
            self.variable(text, name == "identifier")

    def variable(self, text: str, binds: bool) -> None:
        self.reading.names.append(text)
        self.reading.binds.append(binds)
        if self.mended:
            self.reading.tokens.append(text)

    def spelling(self, node: Node) -> str:
        """A node's text; in a published reading without its line feeds, and at byte columns of the characters."""
        if self.mended:
            return self.source[node.start_byte : node.end_byte].decode()
        if self.ascii:
            return self.text[node.start_byte : node.end_byte].replace("\n", "")
        (first, start), (last, end) = node.start_point, node.end_point
        if first == last:
            return self.lines[first][start:end]
        return "".join([self.lines[first][start:], *self.lines[first + 1 : last], self.lines[last][:end]])

    def is_docstring(self, above: list[int]) -> bool:
        """Whether the statement that ends here is a string that documents the block it begins."""
        if len(above) != 1 or above is self.documented:
            return False
        node, within = self.cursor.node, [self.grammar.kinds[frame[0]] for frame in self.frames[-2:]]
        if node is None or node.child_count != 1:
            return False
        inside = node.child(0)
        if inside is None or inside.type not in ("string", "concatenated_string"):
            return False
        if within[-1] == "block":
            return within[0] in ("function_definition", "class_definition")
        return within == ["module"] and self.code_follows(node)  # a lone string is the whole program

    def code_follows(self, node: Node) -> bool:
        """Whether anything but comments comes after a child of the root."""
        end, comment = node.end_byte, self.grammar.comment
        return any(child.start_byte >= end and child.kind_id != comment for child in self.root.children)
