"""What models put around an answer beside Markdown: tags, HTML, LaTeX, a tool call."""

from __future__ import annotations

import html
import json
import re
from typing import Any

_WRAPPER = re.compile(
    r"^[ \t]*(?:<(?P<tag>answer|final_answer|solution|response|code|python|pre|function)(?:[ =][^>\n]*)?>"
    r"|\[(?P<mark>PYTHON|ANSWER|BEGIN|CODE)\]|<\|begin_of_solution\|>|<\|START_RESPONSE\|>"
    r"|\\begin\{(?P<name>lstlisting|minted|verbatim|code|python)\}(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})?)"
    r"(?P<inner>.*?)"
    r"(?:</(?P=tag)>|\[/(?P=mark)\]|\[DONE\]|<\|end_of_solution\|>|<\|END_RESPONSE\|>|\\end\{(?P=name)\}|\Z)",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
"""`<answer>` (DeepSeek-R1 and its kin), `<response>` (Granite), `[PYTHON]` (Code Llama Instruct), `[BEGIN]`-`[DONE]`
(MBPP's own prompt), `<pre>` and `\\begin{lstlisting}` (pages that a model learnt from)."""
_CALL = re.compile(r"\s*(?:<tool_call>|\[TOOL_CALLS\]|<function=[\w.-]+>)?\s*(?=[\[{])")
_OPENING = re.compile(r"\s*(?:<[A-Za-z_]+(?:[ =][^>\n]*)?>|\[[A-Z_]+\]|\\begin\{)")
_CODE_NAMES = ("code", "source", "program", "script")


def wrapped_text(text: str) -> tuple[str, str] | None:
    """What stands before the tags of an answer, and between the innermost of them; None without such tags."""
    found = _WRAPPER.search(text)
    if found is None or not found["inner"].strip():
        return None
    inner = found["inner"]
    if (found["tag"] or "").lower() == "pre":
        inner = html.unescape(inner)
    deeper = wrapped_text(inner.lstrip()) if _WRAPPER.match(inner.lstrip()) else None
    return text[: found.start()], deeper[1] if deeper else inner


def opens_wrapper(text: str) -> bool:
    """Whether `text` begins with a tag, between which and its end the answer may follow."""
    return _OPENING.match(text) is not None


def tool_call_code(text: str) -> str | None:
    """The code that a tool call hands over, `{"name": …, "arguments": {"code": …}}` in a family's tags; None for none.

    It is the argument that is named so, or else the only text among the arguments.
    """
    start = _CALL.match(text)
    if start is None:
        return None
    try:
        call, _ = json.JSONDecoder().raw_decode(text, start.end())
    except (ValueError, RecursionError):
        return None
    return _code_argument(call[0] if isinstance(call, list) and call else call)


def _code_argument(call: Any) -> str | None:
    if not isinstance(call, dict) or "name" not in call:
        return None
    given = call.get("arguments", call.get("parameters"))
    if not isinstance(given, dict):
        return None
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    named = next((texts[name] for name in _CODE_NAMES if name in texts), None)
    return named if named is not None or len(texts) != 1 else next(iter(texts.values()))
