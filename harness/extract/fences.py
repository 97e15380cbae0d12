"""Markdown code blocks in a completion, by a CommonMark parser, and the mistakes that models make with them."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.extract.lines import code_without_prose, interpreter_input, is_prose, parses
from harness.extract.turns import quoted

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

UNMARKED = frozenset({"", "text", "txt", "plaintext", "plain", "code"})
_RUN = re.compile(r"`{3,}|~{3,}")
_QUOTES = re.compile(
    r"^(?P<quotes>\'\'\'|\"\"\"|``)(?P<inner>(?:python[\d.]*|py)[ \t]*\n.*?)(?P<end>^(?P=quotes)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
"""What stands for a fence by mistake: `'''python`."""
_DOCSTRING = re.compile(r"(\"\"\"|\'\'\').*?\1", re.DOTALL)
_HIDDEN = str.maketrans("`~", "\ue002\ue003")
_SHOWN = str.maketrans("\ue002\ue003", "`~")
_PATCHES = ("diff", "patch")
_SHORT = re.compile(r"^[ \t]*`+[ \t]*$", re.MULTILINE)
"""A closing fence with too few backticks."""
_CONTAINERS = re.compile(r"[ \t]*(?:(?:[-*+>]|\d+[.)])[ \t]*)*")
_PYTHON_FENCE = re.compile(r"^```(?P<language>python3?|py)[ \t]*\n", re.MULTILINE | re.IGNORECASE)
_LANGUAGE = re.compile(r"[{.\s]*([\w+#-]*)")
_ATTRIBUTES = re.compile(r"(?:[\w-]+=(?:\"[^\"]*\"|'[^']*'|\S+)\s*|\{[^}]*\}\s*|[\w./-]+\.\w+\s*)+")


@dataclass(frozen=True, slots=True)
class Block:
    """One code block: its code, the language of its info string in small letters, and whether it was closed."""

    code: str
    language: str
    closed: bool


def blocks(text: str) -> list[Block]:
    """The code blocks of `text`; code before a lone closing fence is one, in the task's own language."""
    text = _QUOTES.sub(lambda m: f"```{m['inner']}{'```' if m['end'] else ''}", text)
    if not _RUN.search(text):
        return []
    if (block := _open_block(text)) is not None:
        return [block]
    found = [_patched_text(inner) for block in _blocks(text) for inner in _nested_blocks(block)]
    if not any(ends_in_docstring(block.code) for block in found):
        return found
    # A fence in a docstring ends the block for CommonMark: it is hidden, where that gives a program.
    hidden = _blocks(_DOCSTRING.sub(lambda m: m.group().translate(_HIDDEN), text))
    shown = [replace(block, code=block.code.translate(_SHOWN)) for block in hidden]
    return shown if any(block.language != "" and parses(block.code) for block in shown) else found


def _open_block(text: str) -> Block | None:
    """The one block of a text of whole lines whose only fence opens a block of Python; None for other texts.

    What the rest of this module finds too, without its work: a model that writes its answer passes here for each line.
    """
    fence = _PYTHON_FENCE.search(text)
    if fence is None or not text.endswith("\n") or len(_RUN.findall(text)) != 1 or "\0" in text:
        return None
    head, code = text[: fence.start()], text[fence.end() :]
    if not code.strip() or ends_in_docstring(head) or _SHORT.search(code):
        return None
    return Block(code, fence["language"].lower(), closed=False)


def ends_in_docstring(code: str) -> bool:
    """Whether a string of three quotation marks is open at the end of `code`."""
    return bool(code.count('"""') % 2 or code.count("'''") % 2)


def has_unusual_fences(text: str) -> bool:
    """Whether a line begins a block with what Python would read otherwise, as an operator or a string: `~~~ python`."""
    return re.search(r"^[ \t>]*~~~", text, re.MULTILINE) is not None or _QUOTES.search(text) is not None


def _blocks(text: str) -> list[Block]:
    text = "\n".join(_fences_on_own_lines(line) for line in text.split("\n"))
    fences = _fences(text, containers=True)
    if any(not fence.content.strip() for fence in fences):
        # A block in a list whose code is not indented as the list is: to CommonMark it ends at once.
        fences = _fences(text, containers=False) or fences
    found = [block for fence in fences for block in _split(fence, text.split("\n"))]
    if not found or fences[0].map is None:
        return found
    head = "\n".join(text.split("\n")[: fences[0].map[0]])
    if ends_in_docstring(head):
        return []  # the fence is part of a docstring
    before = _code(head)
    marked = any(block.language not in UNMARKED for block in found)
    lone = found[0].language == "" and not (parses(found[0].code) and found[0].code.strip())
    if before is not None and (lone or not marked):
        return [Block(before, "python", closed=True)]
    return found


def _nested_blocks(block: Block) -> list[Block]:
    """The blocks in a block of Markdown; any other block as it is."""
    return (blocks(block.code) if block.language in ("markdown", "md") else []) or [block]


def _patched_text(block: Block) -> Block:
    """Of a patch the text that it leaves; any other block as it is."""
    if block.language not in _PATCHES:
        return block
    lines = [line for line in block.code.split("\n") if not re.match(r"---|\+\+\+|@@|diff |index |-|\\\\", line)]
    spaced = all(line[1:2] in ("", " ") for line in lines if line.startswith("+"))  # "+ x = 1" as people write it
    return replace(
        block, code="\n".join(line[2 if spaced and line.startswith("+") else 1 :] for line in lines), language=""
    )


def answer_block(found: Sequence[Block], languages: tuple[str, ...], entry_point: str) -> str:
    """The code of the block that answers: one of the own language before an unmarked one before any other.

    Among equals the first that parses, or that defines `entry_point` where one is known, after the blocks before it
    whose names it uses.
    """
    filled = [block for block in found if block.code.strip() and not _is_broken_off(block)]
    own = [block for block in filled if block.language.startswith(languages)]
    unmarked = [block for block in filled if block.language in UNMARKED]
    whole = [block for block in filled if _is_code(block.code)]
    group = own or [block for block in whole if block in unmarked] or whole or unmarked or filled
    group = [block for block in group if block in whole] or list(group)
    if not group:
        return ""
    at = next((i for i, block in enumerate(group) if _defines(block.code, entry_point)), 0) if entry_point else 0
    return _with_definitions(group, at)


def _is_broken_off(block: Block) -> bool:
    """Whether the block ends after the name of its language, which stands on the line below its fence."""
    return not block.closed and block.code.strip().lower() in ("python", "python3", "py")


def inline_code(text: str) -> str | None:
    """The code span that answers in a text of prose: the first that is more than a name; None where there is none."""
    if "`" not in text or not all(is_prose(line) or "`" in line for line in text.splitlines() if line.strip()):
        return None
    tokens = [child for token in _markdown(containers=True).parse(text) for child in token.children or ()]
    spans = [_without_language(token.content) for token in tokens if token.type == "code_inline"]
    alone = text.strip().startswith("`") and text.strip().endswith("`") and len(spans) == 1
    return next((span for span in spans if alone or (parses(span) and not re.fullmatch(r"[\w.]*", span))), None)


def _without_language(span: str) -> str:
    return re.sub(r"^(?:python3?|py)[ \t]+(?=\S)", "", span.strip())


@functools.cache
def _markdown(*, containers: bool) -> MarkdownIt:
    """CommonMark without raw HTML and indented code, so that a fence counts wherever it stands."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).disable("code")
    return parser if containers else parser.disable(["list", "blockquote"])


def _fences(text: str, *, containers: bool) -> list[Token]:
    return [token for token in _markdown(containers=containers).parse(text) if token.type == "fence"]


def _fences_on_own_lines(line: str) -> str:
    """`line` with a fence that stands behind words or code put on a line of its own."""
    runs = list(_RUN.finditer(line))
    if len(runs) != 1 or "`" in line[: runs[0].start()] or quoted(line, runs[0]):
        return line
    before, fence = line[: runs[0].start()], line[runs[0].start() :]
    if _CONTAINERS.fullmatch(before):
        return line
    return f"{before.rstrip()}\n{fence}"


def _split(fence: Token, lines: Sequence[str]) -> list[Block]:
    """The block of a fence; several where a closing fence is missing or has words behind it, so that more follows."""
    language, first = _info(fence.info)
    code, found = first + fence.content, []
    inner_fence = re.compile(rf"^[ \t]*{re.escape(fence.markup)}[ \t]*(?P<info>\w.*)(?:\n|\Z)", re.MULTILINE)
    while inner := inner_fence.search(code):
        found.append(Block(code[: inner.start()], language, closed=True))
        rest = code[inner.end() :]
        if is_prose(inner["info"]) and not inner["info"].lower().startswith("py"):
            return [*found, *blocks(rest)]
        (language, first), code = _info(inner["info"]), rest
        code = first + code
    last = lines[fence.map[1] - 1] if fence.map else ""
    closed = re.fullmatch(rf"[ \t>]*{re.escape(fence.markup[0])}{{{len(fence.markup)},}}[ \t]*", last) is not None
    if not closed and not parses(code) and (short := _SHORT.search(code)) and parses(code[: short.start()]):
        return [*found, Block(code[: short.start()], language, closed=True)]
    return [*found, Block(code, language, closed and fence.map is not None and fence.map[1] - fence.map[0] > 1)]


def _info(info: str) -> tuple[str, str]:
    """The language of an info string, and code that was written behind the fence by mistake, as a line.

    One word behind the language is no code (`python showLineNumbers`).
    """
    info = re.sub(r"^\{code-cell\}\s*", "", info.strip())
    found = _LANGUAGE.match(info)
    assert found is not None  # it matches the empty text
    rest = info[found.end() :].strip(" \t}")
    word = rest.isidentifier()
    if rest and not word and not rest.startswith((".", ":", "{")) and not _ATTRIBUTES.fullmatch(rest) and parses(rest):
        return found[1].lower(), f"{rest}\n"
    if "(" in info and parses(info):
        return "", f"{info}\n"
    return found[1].lower(), ""


def _code(text: str) -> str | None:
    """`text` where it is code, with or without prose around it, and not prose alone."""
    if all(is_prose(line) or line.lstrip().startswith("#") for line in text.split("\n") if line.strip()):
        return None  # sentences; a comment may be a heading
    if parses(text):
        return text
    bare = code_without_prose(text)
    return bare if bare is not None and parses(bare) else None


def _is_code(code: str) -> bool:
    return parses(code) or interpreter_input(code) is not None


def _defines(code: str, name: str) -> bool:
    return (
        re.search(rf"^\s*(?:(?:async\s+)?def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*=", code, re.M)
        is not None
    )


def _with_definitions(group: Sequence[Block], at: int) -> str:
    """Block `at` behind those blocks before it that bind names which it reads and does not bind itself."""
    code = group[at].code
    if not at or not parses(code):
        return code
    bound, read = _bound_and_read_names(code)
    missing = read - bound - set(dir(builtins))
    needed = [
        block.code for block in group[:at] if parses(block.code) and _bound_and_read_names(block.code)[0] & missing
    ]
    return "\n".join([*needed, code])


def _bound_and_read_names(code: str) -> tuple[set[str], set[str]]:
    """The names that a program binds, and those that it reads."""
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(ast.parse(textwrap.dedent(code))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
    return bound, read
