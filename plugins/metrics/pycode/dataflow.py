"""Where each value comes from: the data-flow of GraphCodeBERT (Guo et al. 2021, arXiv 2009.08366, section 3).

The rules, read off a tree by `compile_flow` and followed by `follow`:

- a variable that is read comes from the places that last wrote it; one that was never written is its own source;
- the left side of an assignment is computed from every variable of the right side (pair by pair when both sides have
  as many children), a parameter comes from its default;
- after `if`, a variable has the sources of all branches, and its old ones when there is no `else`;
- loops are gone through twice, so that values can come from the turn before; comprehensions read their `for` first.

The published program computes this by recursion and doubles its work with each nested loop. Here the tree becomes a
flat list of steps, loops that start from the same sources are gone through once, and branches undo what they wrote.
Two defects are kept when `mended` is false: both sides of an assignment are paired by position even where one is a
string or an attribute, which can lose the flow of the whole text, and `else` after `for` is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from harness.plugins.metrics.pycode.tree import Part, Reading

COMES_FROM, COMPUTED_FROM = 0, 1

Edge = tuple[int, int, tuple[str, ...], tuple[int, ...]]
"""(place, relation, source names, source places): places count variables."""

READ, WRITE, IF, BRANCH, END_IF, LOOP, END_LOOP, SPAN, PART = range(9)
"""Steps: READ a range of variables; WRITE a range from a range; and the structure around them.

SPAN and PART are work still to be compiled.
"""
Step = tuple[Any, ...]

CLAUSES = ("elif_clause", "else_clause")
PAIRED_LISTS = ("pattern_list", "tuple_pattern", "list_pattern", "expression_list", "tuple", "list")


class Lost(Exception):
    """The published program fails on this text and reports no flow at all."""


# ---- tree to steps ---------------------------------------------------------------------------------------------


def compile_flow(reading: Reading, *, mended: bool) -> list[Step]:
    """The steps of a text.

    Raises:
        Lost: as published, a string was paired with something child by child.
    """
    steps: list[Step] = []
    work: list[Step] = [(SPAN, 0, len(reading.names), reading.moving)]
    while work:
        step = work.pop()
        if step[0] == SPAN and not step[3]:
            steps += [(READ, step[1], step[2])] * (step[2] > step[1])
        elif step[0] == SPAN:
            work.extend(reversed(_span(step[1], step[2], step[3])))
        elif step[0] == PART:
            work.extend(reversed(_part(step[1], mended)))
        else:
            if step[0] == END_LOOP:
                steps[step[1][0]] = (*steps[step[1][0]], len(steps))
            elif step[0] == LOOP:
                step[3].append(len(steps))
                step = step[:3]
            steps.append(step)
    return steps


def _span(start: int, end: int, inner: Sequence[Part]) -> list[Step]:
    """Reads of plain variables around the data-moving nodes among them."""
    steps: list[Step] = []
    for part in inner:
        if part[2] > start:
            steps.append((READ, start, part[2]))
        steps.append((PART, part))
        start = part[3]
    if end > start:
        steps.append((READ, start, end))
    return steps


def _visit(part: Part) -> Step:
    return (SPAN, part[2], part[3], part[5])


def _part(part: Part, mended: bool) -> list[Step]:
    kind, _, start, end, parts, _ = part
    parts = parts or []
    if kind in ("assignment", "augmented_assignment"):
        return _assignment(parts, mended)
    if kind == "for_in_clause":
        return _move(_with_field(parts, "left"), parts[-1])
    if kind == "default_parameter":
        return _default(parts)
    if kind == "if_statement":
        return _branches(parts)
    if kind == "for_statement":
        return _loop(start, end, _for_body(parts, mended), parts if mended else [])
    if kind == "while_statement":
        return _loop(start, end, [_visit(child) for child in parts], [])
    first = [child for child in parts if child[0] == "for_in_clause"]
    rest = [child for child in parts if child[0] != "for_in_clause"]
    return [_visit(child) for child in (*first, *rest)]


def _with_field(parts: list[Part], name: str) -> Part | None:
    return next((child for child in parts if child[1] == name), None)


def _assignment(parts: list[Part], mended: bool) -> list[Step]:
    left, right = _with_field(parts, "left"), _with_field(parts, "right")
    if right is None:
        return []  # an annotation without a value
    if left is None:
        raise Lost
    lefts = [child for child in left[4] or [] if child[0] != ","]
    rights = [child for child in right[4] or [] if child[0] != ","]
    together = len(lefts) == len(rights) and bool(lefts)
    if mended:
        together = together and left[0] in PAIRED_LISTS and right[0] in PAIRED_LISTS
    elif together and right[0] == "string":
        raise Lost  # its children are no variables
    if not together:
        return _move(left, right)
    writes = [_write(one, other) for one, other in zip(lefts, rights, strict=True)]
    return [*(_visit(child) for child in rights), *writes]


def _move(left: Part | None, right: Part) -> list[Step]:
    if left is None:
        raise Lost
    return [_visit(right), _write(left, right)]


def _write(left: Part, right: Part) -> Step:
    return (WRITE, COMPUTED_FROM, left[2], left[3], right[2], right[3])


def _default(parts: list[Part]) -> list[Step]:
    name, value = _with_field(parts, "name"), _with_field(parts, "value")
    if name is None or value is None:
        raise Lost
    return [_visit(value), (WRITE, COMES_FROM, name[2], name[3], value[2], value[3])]


def _branches(parts: list[Part]) -> list[Step]:
    steps: list[Step] = [(IF,), *(_visit(child) for child in parts if child[0] not in CLAUSES)]
    for child in parts:
        if child[0] in CLAUSES:
            steps += [(BRANCH,), _visit(child)]
    return [*steps, (END_IF, any("else" in child[0] for child in parts))]


def _for_body(parts: list[Part], mended: bool) -> list[Step]:
    body = _with_field(parts, "body") if mended else parts[-1] if parts[-1][0] == "block" else None
    return _assignment(parts, mended) + ([_visit(body)] if body else [])


def _loop(start: int, end: int, body: list[Step], after: list[Part]) -> list[Step]:
    place: list[int] = []
    following = [_visit(child) for child in after if child[0] == "else_clause"]
    return [(LOOP, start, end, place), *body, (END_LOOP, place), *following]


# ---- steps to edges --------------------------------------------------------------------------------------------


_BUNDLED = 64
"""A variable with more sources than this keeps them in a bundle, so that joining branches takes constant time."""
_SOURCES = 64
"""Sources that a text may name for each of its variables, on average; after that a value has only its first 64.

Each assignment names all variables of its value. Where hundreds are inside each other (`a = b = c = ...`) this is the
square of the text's length, which the bound makes linear. No program of people comes near it.
"""


def follow(reading: Reading, steps: list[Step]) -> tuple[list[Edge], set[int]]:
    """The edges of a text in the order in which they are found, and the places that take part in them."""
    flow = _Flow(reading, steps)
    edges = flow.run()
    return edges, _taking_part(edges, list(flow.bundles))


class _Flow:
    """Sources of every variable while the steps are gone through."""

    def __init__(self, reading: Reading, steps: list[Step]) -> None:
        self.names, self.binds, self.steps = reading.names, reading.binds, steps
        self.sources: dict[str, tuple[int, ...]] = {}
        self.undo: list[tuple[str, tuple[int, ...] | None]] = []
        self.edges: list[Edge] = []
        self.bundles: dict[tuple[int, ...], int] = {}
        self.ifs: list[tuple[int, list[dict[str, tuple[int, ...]]]]] = []
        self.loops: list[tuple[int, int, int, Any, bool]] = []
        self.known: dict[Any, tuple[list[Edge], dict[str, tuple[int, ...]]]] = {}
        self.inside: dict[int, tuple[str, ...]] = {}
        self.values: dict[tuple[int, int, bool], tuple[tuple[str, ...], tuple[int, ...]]] = {}
        self.room = _SOURCES * len(self.names)

    def run(self) -> list[Edge]:
        at, steps = 0, self.steps
        while at < len(steps):
            step = steps[at]
            at += 1
            what = step[0]
            if what == READ:
                self.read(step[1], step[2])
            elif what == WRITE:
                self.write(*step[1:])
            elif what == LOOP:
                at = self.begin_loop(at, *step[1:])
            elif what == END_LOOP:
                at = self.end_loop(at)
            elif what == IF:
                self.ifs.append((len(self.undo), []))
            elif what == BRANCH:
                self.ifs[-1][1].append(self.rewind(self.ifs[-1][0]))
            else:
                self.join(step[1])
        return self.edges

    def set(self, name: str, places: tuple[int, ...]) -> None:
        self.undo.append((name, self.sources.get(name)))
        self.sources[name] = places

    def read(self, start: int, end: int) -> None:
        names, sources = self.names, self.sources
        for place in range(start, end):
            name = names[place]
            known = sources.get(name)
            if known is not None:
                self.edges.append((place, COMES_FROM, (name,), known))
            else:
                self.edges.append((place, COMES_FROM, (), ()))
                if self.binds[place]:
                    self.set(name, (place,))

    def write(self, relation: int, start: int, end: int, source_start: int, source_end: int) -> None:
        names, places = self.value(source_start, source_end, bool(self.loops) or relation == COMES_FROM)
        for place in range(start, end):
            if names or relation == COMPUTED_FROM:
                self.edges.append((place, relation, names, places))
            self.set(self.names[place], (place,))

    def value(self, start: int, end: int, merged: bool) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Names and places of all variables of a value; merged names are sorted and without repeats."""
        found = self.values.get((start, end, merged))
        if found is None:
            self.room -= end - start
            stop = end if self.room >= 0 else min(end, start + _SOURCES)
            names = tuple(self.names[start:stop])
            if merged and len(names) > 1:
                names = tuple(sorted(set(names)))
            found = self.values[start, end, merged] = names, tuple(range(start, stop))
        return found

    def rewind(self, mark: int) -> dict[str, tuple[int, ...]]:
        """Take back what was written since `mark`; what it was."""
        written = {name: self.sources[name] for name, _ in self.undo[mark:]}
        for name, old in reversed(self.undo[mark:]):
            if old is None:
                del self.sources[name]
            else:
                self.sources[name] = old
        del self.undo[mark:]
        return written

    def join(self, has_else: bool) -> None:
        """After the last branch: each variable has the sources of all of them."""
        mark, branches = self.ifs.pop()
        branches.append(self.rewind(mark))
        joined: dict[str, list[tuple[int, ...]]] = {}
        for branch in branches:
            for name, places in branch.items():
                joined.setdefault(name, []).append(places)
        for name, options in joined.items():
            old = self.sources.get(name)
            if old is not None and (len(options) < len(branches) or not has_else):
                options.append(old)
            self.set(name, self.together(options))

    def together(self, options: list[tuple[int, ...]]) -> tuple[int, ...]:
        """The places of all options; many are tied in a bundle, which counts as one place with a negative number."""
        places = tuple(sorted(set().union(*options)))
        if len(places) <= _BUNDLED:
            return places
        return (-self.bundles.setdefault(places, len(self.bundles) + 1),)

    def begin_loop(self, at: int, start: int, end: int, end_at: int) -> int:
        nested = bool(self.loops)
        key = None
        if nested:
            if at not in self.inside:
                self.inside[at] = tuple(dict.fromkeys(self.names[start:end]))
            key = (at, *map(self.sources.get, self.inside[at]))
            if key in self.known:
                edges, written = self.known[key]
                self.edges.extend(edges)
                for name, places in written.items():
                    self.set(name, places)
                return end_at + 1
        self.loops.append((at, len(self.edges), len(self.undo), key, True))
        return at

    def end_loop(self, at: int) -> int:
        begin, edges, undo, key, again = self.loops.pop()
        if again:
            self.loops.append((begin, edges, undo, key, False))
            return begin
        found = _merge(self.edges[edges:])
        self.edges[edges:] = found
        if key is not None:
            self.known[key] = (found, {name: self.sources[name] for name, _ in self.undo[undo:]})
        return at


def _merge(edges: Sequence[Edge]) -> list[Edge]:
    """One edge for each place and relation, with the sources of all."""
    merged: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        place, relation, names, places = edge
        have = merged.get((place, relation))
        if have is None:
            merged[place, relation] = edge
            continue
        if have[2] is not names and have[2] != names:
            names = tuple(sorted({*have[2], *names}))
        if have[3] is not places and have[3] != places:
            places = tuple(sorted({*have[3], *places}))
        merged[place, relation] = (place, relation, names, places)
    return list(merged.values())


Item = tuple[int, int, int]
"""(variable, relation, source): a source is -1 for none, the number of a single variable, or below for several."""


# ---- edges to what is compared ---------------------------------------------------------------------------------


def _taking_part(edges: list[Edge], bundles: list[tuple[int, ...]]) -> set[int]:
    """Places that have a source or are one."""
    found: set[int] = set()
    seen: set[int] = set()
    opened: set[int] = set()
    for edge in edges:
        if not edge[3]:
            continue
        found.add(edge[0])
        if len(edge[3]) == 1 and edge[3][0] >= 0:
            found.add(edge[3][0])
            continue
        if id(edge[3]) in seen:  # many edges share one tuple of places
            continue
        seen.add(id(edge[3]))
        work = [edge[3]]
        while work:
            places = work.pop()
            found.update(places)
            inside = {place for place in places if place < 0} - opened
            opened |= inside
            work.extend(bundles[-place - 1] for place in inside)
    return found


def normalised(
    edges: list[Edge], taking_part: set[int], names: Sequence[str], number: Callable[[object], int]
) -> list[Item]:
    """The items of the places that take part in the flow, in order of place.

    Variables are numbered by first mention, so that renaming changes nothing. `number` gives equal lists of sources,
    and no others, equal numbers from 0 up: a list that is shared by many items is then compared once.
    """
    first: dict[int, Edge] = {}
    for edge in sorted([edge for edge in edges if edge[0] in taking_part], key=itemgetter(0)):
        have = first.get(edge[0])
        if have is not None:
            edge = (have[0], have[1], tuple(sorted({*have[2], *edge[2]})), ())  # noqa: PLW2901
        first[edge[0]] = edge
    numbers: dict[str, int] = {}
    several: dict[int, int] = {}
    items = []
    for place, relation, sources, _ in first.values():
        if not sources:
            source = -1
        elif len(sources) == 1:
            source = numbers.setdefault(sources[0], len(numbers))
        else:
            if id(sources) not in several:
                renamed = [numbers.setdefault(name, len(numbers)) for name in sources]
                several[id(sources)] = -2 - number(("sources", *renamed))
            source = several[id(sources)]
        items.append((numbers.setdefault(names[place], len(numbers)), relation, source))
    return items
