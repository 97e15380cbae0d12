"""Text that others wrote, made safe to show.

A run folder may come from anybody, and its names, notes, commands and answers reach terminals, tables and files. What
a terminal or a browser would obey instead of showing is written out: an escape character as `\\x1b`, a sign that turns
the direction of writing as `\\u202e`.
"""

from __future__ import annotations

import re

_OBEYED = (
    "\x00-\x1f\x7f-\x9f"  # control characters: a terminal's commands begin with one of them, a line ends with another
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"  # direction of writing, and signs without a width
    "\u2028\u2029"  # ends of lines and paragraphs
    "\ud800-\udfff"  # halves of characters, which no file can hold
    "\U000e0000-\U000e007f"  # tags: text that nobody sees
)
_LINE = re.compile(f"[{_OBEYED}]")
_LINES = re.compile(f"(?![\n\t])[{_OBEYED}]")


def escape(text: str) -> str:
    """`text` as one line that is only shown, whatever is in it."""
    return _LINE.sub(_written, text) if _LINE.search(text) else text


def escape_lines(text: str) -> str:
    """The same for text of several lines, which keeps its line feeds and tabs."""
    return _LINES.sub(_written, text) if _LINES.search(text) else text


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(found[0])
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def escape_json(text: str) -> str:
    """JSON that is only shown: the same value, with what would be obeyed as the escapes of JSON."""
    return _LINES.sub(_escape, text) if _LINES.search(text) else text


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


_FORMULA = set("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, in both widths."""


def csv_cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula: an apostrophe stands before one that would begin it."""
    shown = escape(text)
    return f"'{shown}" if text[:1] in _FORMULA else shown
