"""Puts a setup before a program. A program is not parsed here: the supervisor does not trust it that far."""

from __future__ import annotations

import re

_BLANK = re.compile(r"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)*")
_LONG = r'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\''
_SHORT = r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\''
_DOCSTRING = re.compile(rf"[rRuU]?(?:{_LONG}|{_SHORT})[ \t]*;?[ \t]*", re.DOTALL)
_FUTURE = re.compile(
    r"from[ \t]+__future__[ \t]+import[ \t]*(?:\((?:#[^\n]*|[^)#])*\)|(?:[^\n\r;#(\\]|\\\r?\n)*)(;?)[ \t]*"
)


def joined(setup: str, program: str) -> str:
    """The text of `setup` and then `program`, with the `from __future__` that either begins with before both."""
    setup, program = setup.removeprefix("\ufeff"), program.removeprefix("\ufeff")
    if "__future__" not in program or not setup.strip():
        return f"{setup}\n{program}"
    first, setup = _split(setup)
    second, program = _split(program)
    return "\n".join([*first, *second, setup, program])


def _split(text: str) -> tuple[list[str], str]:
    """The imports from `__future__` that stand where they may, and the text without them."""
    at = _end(_BLANK, text, 0)
    at = _end(_BLANK, text, _end(_DOCSTRING, text, at))
    found, rest = [], text[:at]
    while match := _FUTURE.match(text, at):
        found.append(match[0].rstrip().rstrip(";"))
        at = match.end()
        end = _end(_BLANK, text, at)
        rest, at = rest + text[at:end], end
    return found, rest + text[at:]


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start
