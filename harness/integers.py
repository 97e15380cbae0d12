"""JSON with integers of any length.

Python refuses to turn more than 4,300 digits into an integer or back, which guards servers against strangers. Data
sets have longer ones (APPS has answers of 5,000 digits), and the limit belongs to the whole process; `decimal` has
none.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

_UNCHECKED = sys.int_info.str_digits_check_threshold
"""So many digits are converted whatever the limit is set to."""


def parse_int(text: str) -> int:
    """The integer that `text` writes in decimal digits, of any length.

    Raises:
        ValueError: `text` is no integer.
    """
    if len(text) <= _UNCHECKED:
        return int(text)
    if not text.removeprefix("-").isdecimal():
        raise ValueError(f"no integer: {text[:20]}…")
    return int(Decimal(text))


def loads(text: str | bytes) -> Any:
    """As `json.loads`."""
    return json.loads(text, parse_int=parse_int)


def dumps(value: Any) -> str:
    """As `json.dumps`, for what `loads` gives."""
    try:
        return json.dumps(value)
    except ValueError:
        return _dumps(value)


def _dumps(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_dumps, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(str(key))}: {_dumps(item)}' for key, item in value.items())}}}"
    return str(Decimal(value)) if type(value) is int else json.dumps(value)
