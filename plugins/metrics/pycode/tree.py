"""One pass over a syntax tree: its shape as numbers, its variables in order, and the nodes that move data.

The tree comes from tree-sitter, which gives one for any text. The walk keeps its own stack, so that depth is no matter,
and its time is linear in the number of nodes. Equal subtrees get equal numbers from one `Shapes`, so that comparing
shapes never spells a subtree out.
"""

from __future__ import annotations

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
        self.string, self.statement, self.comment, self.identifier = (
            next(i for i, kind in self.kinds.items() if kind == name and i in self.named)
            for name in ("string", "expression_statement", "comment", "identifier")
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
    that is called "identifier").
    """

    def __init__(self, grammar: Grammar, shapes: Shapes, *, mended: bool) -> None:
        self.grammar, self.shapes, self.mended = grammar, shapes, mended

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
        root = tree.root_node
        self.grammar, self.shapes, self.mended = reader.grammar, reader.shapes, reader.mended
        self.text, self.source = text, source
        self.cursor = tree.walk()
        self.reading = Reading(broken=root.has_error)
        self.ascii = len(source) == len(text)  # then a byte's place is its character's
        self.hidden = self.reading.broken and len(source) <= _HIDDEN_LIMIT and "(MISSING _" in str(root)
        self.lines = [] if self.ascii else text.split("\n")
        self.frames: list[tuple[int, list[Part] | None, list[Part] | None, int, int, int, int, int]] = []
        """Open nodes: kind, parts of the node above, own parts, and how much of everything there was before them."""
        self.above: list[int] = []
        """Shape and field of each finished named node whose parent is not finished."""
        self.in_string = 0

    def run(self) -> Reading:
        cursor, frames, grammar, above = self.cursor, self.frames, self.grammar, self.above
        down, across, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
        named, kinds, fields, names = grammar.named, grammar.kinds, grammar.fields, self.reading.names
        sound = self.ascii and not self.reading.broken
        every_leaf = self.mended or not self.ascii
        common = self.ascii and not self.mended
        parts: list[Part] | None = None
        while True:
            node = cursor.node
            assert node is not None
            kind = node.kind_id
            role = 0 if parts is None else cursor.field_id or 0
            if down():
                parts = self.open(node, kind, role, parts)
                continue
            start = len(names)
            if kind not in named:
                if every_leaf or (not sound and node.is_missing):
                    self.unnamed_leaf(node, kind, sound)
            elif common and (sound or not (node.is_missing or kind == grammar.error)):  # what `any_leaf` does, in place
                above.append(kind << _FIELDS | (cursor.field_id or 0))
                if kind != grammar.comment and not self.in_string:
                    text = self.text[node.start_byte : node.end_byte]
                    if text != kinds[kind]:
                        names.append(text)
                        self.reading.binds.append(kind == grammar.identifier)
            else:
                self.any_leaf(node, kind)
            if parts is not None:
                parts.append((kinds[kind], fields[role], start, len(names), None, NOTHING))
            while not across():
                if not up():
                    return self.reading
                self.close()
                parts = frames[-1][2] if frames else None

    def open(self, node: Node, kind: int, role: int, above: list[Part] | None) -> list[Part] | None:
        """Enter a node with children; the list that collects its parts, if they matter."""
        grammar, frames, reading = self.grammar, self.frames, self.reading
        parts: list[Part] | None = None
        if kind in grammar.moving or (above is not None and role in grammar.sides and frames[-1][0] in grammar.split):
            parts = []
        frames.append((
            kind, above, parts, len(self.above), len(reading.names), len(reading.moving), len(reading.shapes),
            len(reading.tokens),
        ))  # fmt: skip
        if kind == grammar.string:
            if not self.in_string:
                self.variable(self.spelling(node), False)
            self.in_string += 1
        return parts

    def close(self) -> None:
        """Leave a node: give it a shape, and tell the node above what it was."""
        kind, parts_above, parts, above, names, moving, shapes, tokens = self.frames.pop()
        grammar, reading, waiting = self.grammar, self.reading, self.above
        if kind == grammar.string:
            self.in_string -= 1
        elif self.mended and kind == grammar.statement and self.is_docstring(above):
            del waiting[above:], reading.names[names:], reading.binds[names:], reading.shapes[shapes:]
            del reading.tokens[tokens:], reading.moving[moving:]
            return
        shape = kind if len(waiting) == above else self.shapes.number((kind, *waiting[above:]))
        if self.hidden:
            shape = self.spelt_out(shape)
        reading.shapes.append(shape)
        role = self.cursor.field_id or 0
        if kind in grammar.named:
            waiting[above:] = (shape << _FIELDS | role,)
        else:  # an unnamed node ("not in") is not spelt out: what is in it belongs to the node above
            waiting[above:] = [child if child & _FIELD else child | role for child in waiting[above:]]
        if kind in grammar.moving:
            part = (grammar.kinds[kind], grammar.fields[role], names, len(reading.names), parts, NOTHING)
            part = (*part[:5], [part])
            del reading.moving[moving:]
            reading.moving.append(part)
            if parts_above is not None:
                parts_above.append(part)
        elif parts_above is not None:
            inner = reading.moving[moving:] or NOTHING
            parts_above.append((grammar.kinds[kind], grammar.fields[role], names, len(reading.names), parts, inner))

    def spelt_out(self, shape: int) -> int:
        """The shape of the node at the cursor, where it may hold a made-up token that only its text shows."""
        text = str(self.cursor.node)
        return self.shapes.number(text) if "(MISSING _" in text else shape

    def unnamed_leaf(self, node: Node, kind: int, sound: bool) -> None:
        """A token that is its own kind, unless the text is broken or not ASCII."""
        if not sound:
            self.any_leaf(node, kind)
        elif self.mended and not self.in_string:
            self.reading.tokens.append(self.grammar.kinds[kind])

    def any_leaf(self, node: Node, kind: int) -> None:
        """A leaf of any text, in any reading."""
        name, missing = self.grammar.kinds[kind], node.is_missing
        if self.mended and name == "comment":
            return
        shape = kind
        if missing:
            shape |= _MISSING
        elif name == "ERROR" and node.end_byte > node.start_byte:
            shape = self.shapes.number(str(node))  # names the character at which the parser stumbled
        if missing or kind in self.grammar.named:
            self.above.append(shape << _FIELDS | (self.cursor.field_id or 0))
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

    def is_docstring(self, above: int) -> bool:
        """Whether the statement that ends here is a string that documents the block it begins."""
        node = self.cursor.node
        if node is None or not self.frames or self.frames[-1][3] != above:
            return False
        inside = [child.type for child in node.children]
        if inside not in (["string"], ["concatenated_string"]):
            return False
        within = [self.grammar.kinds[frame[0]] for frame in self.frames[-2:]]
        if within[-1] == "block":
            return within[0] in ("function_definition", "class_definition")
        following = node.next_sibling
        while following is not None and following.type == "comment":
            following = following.next_sibling
        return within == ["module"] and following is not None  # a lone string is the whole program
