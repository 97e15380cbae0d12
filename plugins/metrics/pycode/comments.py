"""The two ways in which published CodeBLEU evaluators take comments out of a program's text before parsing it.

Neither is right (one uses Java's comment marks on Python, the other loses strings that start a line), and both are kept
exactly so that published numbers can be reproduced; docs/metrics.md tells what each one does to real code.
Both take time linear in the text.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"//[^\n]*|/\*|['\"]")
_REST = {quote: re.compile(rf"(?s:[^\\{quote}]++|\\.)*+{quote}") for quote in "'\""}


def without_java_comments(text: str) -> str:
    """`text` with `//…` and `/*…*/` outside quotes replaced by a space, and without blank lines."""
    if "//" in text or "/*" in text:
        text = _cut_java(text)
    return _without_blank_lines(text)


def _without_blank_lines(text: str) -> str:
    return "\n".join([line for line in text.split("\n") if line.strip()])


def _cut_java(text: str) -> str:
    kept: list[str] = []
    start = at = 0
    open_ended: set[str] = set()  # once a mark has no end, a later one of its kind has none either
    while match := _MARK.search(text, at):
        mark, at = match.group(), match.end()
        if mark in open_ended:
            continue
        if mark.startswith("//"):
            end = at
        elif mark == "/*":
            end = text.find("*/", at) + 2
        else:
            rest = _REST[mark].match(text, at)
            end = rest.end() if rest else 1
        if end < 2:
            open_ended.add(mark)
            at = match.start() + 1
            continue
        at = end
        if mark not in _REST:
            kept += (text[start : match.start()], " ")
            start = end
    return "".join(kept) + text[start:]


# ---- by tokens, as Python 3.11's tokenizer sees them -----------------------------------------------------------

_PREFIX = r"(?:[bB][rR]?|[rR][bBfF]?|[uU]|[fF][rR]?)?"
_TOUCHED = re.compile(rf"#|[\t\r\f]|\\\n|(?:\A|\n)[^\S\n]*(?:\n|{_PREFIX}['\"])")
"""Without any of these the rules below give the text back as it is."""

_TOKEN = re.compile(
    rf"""[ \f\t]*(?:
        (?P<join>\\\r?\n) | (?P<end>\Z) | (?P<comment>\#[^\r\n]*)
        | (?P<triple>{_PREFIX}(?:'''|\"\"\")) | (?P<newline>\r?\n) | (?P<single>{_PREFIX}['\"])
    )""",
    re.VERBOSE,
)
_FIRST_STRING = re.compile(rf"[ \f\t]*{_PREFIX}['\"]")
_PLAIN = re.compile(r"[^'\"#\\\r\n\t\f]*[^'\"#\\\r\n\t\f ]")
"""Tokens that stay as they are with the spaces between them; a string's prefix is one unless it begins the line."""
_EASY = re.compile(r"""( *)(?:(?:[^'"#\\\r\n\t\f]++|'[^'\\\n]*+'|"[^"\\\n]*+")*+)\n?""")
"""A line that is written back as it is, unless it begins with a string or has three quotes in a row."""
_BRACKET = re.compile(r"[(\[{)\]}]")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_TRIPLE_END = {q * 3: re.compile(rf"(?:[^\\{q}]++|\\.|{q}(?!{q}{q}))*+{q}{q}{q}") for q in "'\""}
_SINGLE_END = {q: re.compile(rf"(?:[^\n\\{q}]++|\\(?!\r?\n).)*+(?:{q}|\\\r?\n)") for q in "'\""}
_CARRIED_END = {q: re.compile(rf"(?:[^\\{q}]++|\\.)*+{q}") for q in "'\""}


class _Unreadable(Exception):
    """The tokenizer would raise: the text stays as it is."""


def without_python_comments(text: str) -> str:
    """`text` rebuilt from its tokens without comments, without strings that begin a line, without blank lines.

    Text that Python 3.11's tokenizer refuses comes back unchanged. The rules are written out here because the
    tokenizers of later Pythons differ, and a score must not depend on the Python that computes it.
    """
    if not _TOUCHED.search(text):
        return text
    try:
        return _without_blank_lines(_Rebuilt(text).text())
    except _Unreadable:
        return text


class _Rebuilt:
    """One pass over the lines of a text, writing its tokens back at their columns."""

    def __init__(self, source: str) -> None:
        self.lines = [line for line in re.split(r"(?<=\n)", source) if line]  # a line ends at a line feed only
        self.out: list[str] = []
        self.previous = "indent"
        self.row, self.column = -1, 0
        self.depth = 0
        self.joined = False
        self.indents = [0]
        self.carried: list[str] = []
        self.carried_end: re.Pattern[str] | None = None
        self.carried_single = False
        self.carried_column = 0
        self.carried_row = 0

    def text(self) -> str:
        for row, line in enumerate(self.lines):
            at = 0
            if self._easy(row, line):
                continue
            if self.carried_end is not None:
                at = self._carry(row, line)
            elif self.depth == 0 and not self.joined:
                at = self._indent(row, line)
            else:
                self.joined = False
            if at < len(line):
                self._tokens(row, line, at)
        if self.carried_end is not None or self.depth != 0 or self.joined:
            raise _Unreadable
        return "".join(self.out)

    def _easy(self, row: int, line: str) -> bool:
        """Write a whole line back if nothing in it can change; whether it was."""
        match = _EASY.fullmatch(line)
        if match is None or self.carried_end is not None:
            return False
        quoted = "'" in line or '"' in line
        if quoted and ("'''" in line or '"""' in line or _FIRST_STRING.match(line)):
            return False
        width = match.end(1)
        blank = width == len(line) - line.endswith("\n")
        if self.depth == 0 and not self.joined and not blank:
            if width > self.indents[-1]:
                self.indents.append(width)
            while width < self.indents[-1]:
                if width not in self.indents:
                    raise _Unreadable
                self.indents.pop()
        self.joined = False
        was_open = self.depth != 0
        if _BRACKET.search(line):
            code = _QUOTED.sub("", line) if quoted else line
            self.depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        self.out.append(line)
        self.previous = "blank" if self.depth > 0 or (blank and not was_open) else "newline"
        self.row, self.column = row, len(line)
        return True

    def _put(self, kind: str, text: str, row: int, column: int, end_row: int, end_column: int) -> None:
        if row > self.row:
            self.column = 0
        if column > self.column:
            self.out.append(" " * (column - self.column))
        begins = kind == "string" and (self.previous in ("indent", "newline") or column == 0)
        if kind != "comment" and not begins:
            self.out.append(text)
        self.previous, self.row, self.column = kind, end_row, end_column

    def _carry(self, row: int, line: str) -> int:
        """Continue a string from the line before; where the tokens of this line begin."""
        assert self.carried_end is not None
        match = self.carried_end.match(line)
        self.carried.append(line[: match.end()] if match else line)
        if match is None and not (self.carried_single and not line.endswith(("\\\n", "\\\r\n"))):
            return len(line)
        end = match.end() if match else len(line)
        kind = "string" if match else "other"
        self.carried_single = self.carried_single and not match  # 3.11 forgets to reset it after a failure
        self._put(kind, "".join(self.carried), self.carried_row, self.carried_column, row, end)
        self.carried, self.carried_end = [], None
        return end

    def _indent(self, row: int, line: str) -> int:
        """Measure the indentation of a new statement; where its tokens begin."""
        at = width = 0
        while at < len(line) and line[at] in " \t\f":
            width = width + 1 if line[at] == " " else (width // 8 + 1) * 8 if line[at] == "\t" else 0
            at += 1
        if at == len(line):
            return at
        if line[at] in "#\r\n":
            comment = line[at:].rstrip("\r\n") if line[at] == "#" else ""
            end = at + len(comment)
            if comment:
                self._put("comment", comment, row, at, row, end)
            self._put("blank", line[end:], row, end, row, len(line))
            return len(line)
        if width > self.indents[-1]:
            self.indents.append(width)
            self._put("indent", line[:at], row, 0, row, at)
        while width < self.indents[-1]:
            if width not in self.indents:
                raise _Unreadable
            self.indents.pop()
            self._put("dedent", "", row, at, row, at)
        return at

    def _tokens(self, row: int, line: str, at: int) -> None:
        open_ended: set[str] = set()
        string_first = _FIRST_STRING.match(line, at) is not None
        while at < len(line):
            plain = None if string_first else _PLAIN.match(line, at)
            string_first = False
            if plain:
                text = plain.group()
                self.depth += sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
                self._put("other", text, row, at, row, plain.end())
                at = plain.end()
                continue
            match = _TOKEN.match(line, at)
            kind = match.lastgroup if match else None
            if match is None or kind is None:
                self._put("other", line[at], row, at, row, at + 1)
                at += 1
                continue
            start, at = match.span(kind)
            if kind == "join":
                self.joined = True
            elif kind in ("triple", "single"):
                at = self._string(row, line, start, at, open_ended)
            elif kind != "end":
                kind = "blank" if kind == "newline" and self.depth > 0 else kind
                self._put(kind, line[start:at], row, start, row, at)

    def _string(self, row: int, line: str, start: int, at: int, open_ended: set[str]) -> int:
        """A string whose opening quotes end at `at`; where the next token begins."""
        triple = line[at - 3 : at] in _TRIPLE_END and at - start >= 3
        quote = line[at - 3 : at] if triple else line[at - 1]
        match = None
        if quote not in open_ended:
            match = (_TRIPLE_END[quote] if triple else _SINGLE_END[quote]).match(line, at)
        if match and not match.group().endswith("\n"):
            self._put("string", line[start : match.end()], row, start, row, match.end())
            return match.end()
        if triple or match:
            self.carried_end = _TRIPLE_END[quote] if triple else _CARRIED_END[quote]
            self.carried_single = self.carried_single or not triple
            self.carried, self.carried_row, self.carried_column = [line[start:]], row, start
            return len(line)
        open_ended.add(quote)  # no end on this line: the prefix is a name, and the quote a token of its own
        end = max(at - 1, start + 1)
        self._put("other", line[start:end], row, start, row, end)
        return end
