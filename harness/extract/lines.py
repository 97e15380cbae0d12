"""What is code and what is prose, a line at a time."""

from __future__ import annotations

import ast
import functools
import html
import keyword
import re
import textwrap
import warnings

_REMEMBERED = 2**12
"""Texts and lines whose reading is remembered: the candidates of a problem begin alike, and are read at each line."""
_ODD_SPACES: dict[int, str | None] = {ord(c): " " for c in "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"}
_ODD_SPACES |= {ord(c): None for c in "\u00ad\u200b\u200c\u200d\u2060\ufeff"}
_CODE_BEGINS = frozenset(word for word in keyword.kwlist if word.islower()) | {"print", "exec", "match", "case"}
_SEPARATOR = re.compile(r"[-*=_]{3,}")
_HEADING = re.compile(r"#{3,}\s*\w")
_BOLD = re.compile(r"\*\*[^*]+\*\*:?|\|.*\|")
"""A heading in bold letters, and a table's row."""
_MAGIC = re.compile(r"^(?:%|!).*\n?", re.MULTILINE)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot);")
_TAG = re.compile(r"(?:</?[a-z]+>)+|\[/?[A-Z]{4,}\]|\\(?:begin|end)\{\w+\}.*")
_LANGUAGE = re.compile(r"\s*(?:[Pp]ython3?|py)[ \t]*\n(?=.*\S)", re.DOTALL)
_LABEL = re.compile(r"[A-Z][a-z]+(?:, ?[a-z]+)*,?(?: ?: ?[\w ,.'-]*)?")
_ITEM = re.compile(r"^(?:[-*+]|\d+[.)])\s+")
_WORD = re.compile(r"[(\"'*_\[]*[^\W\d_][\w'’*/-]*[.,:;!?)\"'*_\]。：！？，]*")
_OPEN_TEXT = re.compile(r"""[(\[{=+%]\s*(?:[rR]?[bBfF]|[bBfF]?[rR]|[uU])?(["'])(?:\\.|(?!\1)[^\\])*\\?$""")
"""A text literal that the token limit cut, in a call, a list or an assignment: `name = "Ada L`."""
_SPAN = re.compile(r"`[^`]+`")
_PROMPT = re.compile(r"[ \t]*(?:>>>|In \[\d+\]:)(?: (?P<code>.*)|[ \t]*$)")
_MORE = re.compile(r"[ \t]*(?:\.\.\.:?)(?: (?P<code>.*)|[ \t]*$)")


def normalised(text: str) -> str:
    """`text` with one kind of line end, no byte order mark, and fences as Markdown has them where it was escaped."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\\`\\`\\`", "```")


def without_language_line(code: str) -> str:
    """`code` without the name of its language on a line before it, which belonged to a fence."""
    prompt = _LANGUAGE.match(code)
    return code[prompt.end() :] if prompt else code


def undo_markup(code: str) -> str:
    """`code` without what the page that it stood on did to it, where only that keeps it from parsing.

    That is: ordinary spaces for those that Python does not know, characters for HTML's entities (`&lt;`), and no lines
    that are a notebook's own (`%time`, `!pip install`).
    """
    if _compiles(code) and not _escaped(code):
        return code
    plain = code.translate(_ODD_SPACES)
    pages = [html.unescape(plain)] if _escaped(code) else [plain, html.unescape(plain)]
    candidates = [*pages, *(_MAGIC.sub("", page) for page in pages)]
    return next(
        (candidate for candidate in candidates if candidate != code and candidate.strip() and _compiles(candidate)),
        code,
    )


def _escaped(code: str) -> bool:
    """Whether code that parses does so because an entity was taken for an operator: `a &lt; b` is `a & lt; b`."""
    if not (_ENTITY.search(code) and _compiles(code) and _compiles(html.unescape(code))):
        return False
    names = {node.id for node in ast.walk(ast.parse(textwrap.dedent(code))) if isinstance(node, ast.Name)}
    return not names.isdisjoint({"lt", "gt", "amp", "quot"})


def parses(text: str) -> bool:
    """Whether `text`, less a common indentation, is Python by the running interpreter's grammar."""
    return _compiles(text.translate(_ODD_SPACES))


@functools.lru_cache(maxsize=_REMEMBERED)
def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a candidate's invalid escape is no news to the user
            ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@functools.lru_cache(maxsize=_REMEMBERED)
def is_prose(line: str) -> bool:
    """Whether a line is written for a reader: a sentence, a label ("Answer:"), a heading, a separator, a tag,
    a table's row.

    A guess by the share of plain words. It decides nothing about a text that parses as a whole.
    """
    line = line.strip()
    if _SEPARATOR.fullmatch(line) or _HEADING.match(line) or _TAG.fullmatch(line) or _BOLD.fullmatch(line):
        return True
    if _compiles(line):
        return _LABEL.fullmatch(line) is not None and line not in ("True", "False", "None")
    if _OPEN_TEXT.search(line):
        return False
    tokens = _SPAN.sub("code", _ITEM.sub("", line)).split()
    if not tokens or re.split(r"\W", tokens[0])[0] in _CODE_BEGINS:
        return False
    words = sum(_WORD.fullmatch(token) is not None for token in tokens)
    if line.rstrip("*_")[-1:] in (*".:!?。：！？",):
        return words >= max(1.0, len(tokens) / 2)
    return len(tokens) >= 3 and words >= 0.75 * len(tokens)


def code_without_prose(text: str) -> str | None:
    """The code in `text` without prose before and after it; None where there is none of either, or no code.

    What is kept has to parse, or else, where it has no end that could be prose, to begin as code does: a program that
    the token limit cut must not lose its last lines.
    """
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip() and not is_prose(line)), None)
    if start is None or text.count('"""') % 2 or text.count("'''") % 2:
        return None  # no code; or the end of a docstring that the prompt began
    before = any(line.strip() for line in lines[:start])
    for end in range(start + 1, len(lines)):
        ends = bool(lines[end].strip()) and (is_prose(lines[end]) or _PROMPT.match(lines[end]) is not None)
        if ends and parses(code := "\n".join(lines[start:end])):
            return textwrap.dedent(code) if before else code
    code = "\n".join(lines[start:])
    begins = re.split(r"\W", lines[start].strip())[0] in _CODE_BEGINS
    return textwrap.dedent(code) if before and (begins or parses(code)) else None


def interpreter_input(code: str) -> str | None:
    """What was typed in an interpreter session (`>>> `, `In [1]: `), without what it printed; None for no session."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip() and not is_prose(line)), "")
    if not _PROMPT.match(first):
        return None
    entered, in_input = [], False
    for line in lines:
        prompt = _PROMPT.match(line) or (_MORE.match(line) if in_input else None)
        in_input = prompt is not None
        if prompt:
            entered.append(prompt["code"] or "")
    return "\n".join(entered)
