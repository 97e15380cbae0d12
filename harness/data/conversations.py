"""Rows in the shape of a conversation, as sets for chat models have them.

{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}
"""

from __future__ import annotations

from typing import Any

from harness.data.rows import DataRow
from harness.errors import DataError

FIELDS = ("messages", "conversations")
_USER, _ASSISTANT = frozenset({"user", "human", "prompter"}), frozenset({"assistant", "gpt", "model", "bot"})


def exchange(row: DataRow) -> tuple[str, str] | None:
    """What the user asks first and what the assistant answers; None where the row is no conversation.

    Later turns are left out, since they need the ones before them; so is the system's part.

    Raises:
        DataError: a turn is not what it should be, or nobody asks, or nobody answers.
    """
    field = next((name for name in FIELDS if row.values.get(name) is not None), None)
    if field is None:
        return None
    turns = row.json(field)
    if not isinstance(turns, list):
        raise DataError(f"{row.where}: field {field!r} is {type(turns).__name__}, not a list of turns; write one")
    asked: list[str] = []
    for turn in turns:
        role, content = _turn(turn, field, row.where)
        if role in _USER:
            asked.append(content)
        elif role in _ASSISTANT and asked:
            return "\n".join(asked), content
    lacks = "answer" if asked else "user's turn before an answer"
    raise DataError(f"{row.where}: field {field!r} has no {lacks}; add it or take the row out")


def _turn(turn: Any, field: str, where: str) -> tuple[str, str]:
    names = turn if isinstance(turn, dict) else {}
    role = next((names[key] for key in ("role", "from") if isinstance(names.get(key), str)), None)
    content = next((names[key] for key in ("content", "value") if names.get(key) is not None), None)
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        content = "\n".join(texts) if len(texts) == len(parts) else None
    if role is None or not isinstance(content, str):
        raise DataError(
            f'{where}: field {field!r} has a turn without words; write each like {{"role": "user", "content": "…"}}'
        )
    return role.lower(), content
