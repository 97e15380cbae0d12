"""Runtime protocols (`typing.Protocol`) and objects of the candidate's: a proxy is asked for each member.

Python 3.11 asks every object. Later versions look at an object and its class without asking, where a proxy has nothing.
"""

from __future__ import annotations

import typing
from typing import Any

from harness.sandbox.remote_calls.proxies import ProxyType

_LOOKING = "_lazy_load_getattr_static"


def ask_proxies() -> None:
    """Lets `isinstance(proxy, protocol)` ask the proxy, in the process of a test."""
    look = getattr(typing, _LOOKING, None)
    if look is None:
        return

    def attribute(value: Any, name: str, *default: Any) -> Any:
        return getattr(value, name, *default) if type(type(value)) is ProxyType else look()(value, name, *default)

    vars(typing)[_LOOKING] = lambda: attribute
