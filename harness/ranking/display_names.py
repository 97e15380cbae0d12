"""Names as papers write them, for what is printed: "LoRA+RAG (n=4)" for `lora+rag (n=4)`, "EM@10" for `em@10`.

They are attributes of the plugins (`display_name`, `display_measures`). Whatever has none, or is not installed here, is
called as one types it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from harness.plugin_system.registry import Registry


def own_display_name(plugin: Any) -> str:
    """The display name of a plugin; "" where it has none.

    A plugin that extends another under a name of its own does not take over the other's: both would be one in a figure.
    """
    classes = type(plugin).__mro__
    named, displayed = (
        next((place for place, one in enumerate(classes) if attribute in vars(one)), len(classes))
        for attribute in ("name", "display_name")
    )
    return str(plugin.display_name) if displayed <= named else ""


class DisplayNames:
    """The display names of the plugins of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def method(self, label: str) -> str:
        """A method with what is said behind it: `lora+rag (n=4)` is "LoRA+RAG (n=4)"."""
        typed, blank, options = label.partition(" ")
        return "+".join(self._of("method", name) for name in typed.split("+")) + blank + options

    def task(self, name: str) -> str:
        """A task: `conala` is "CoNaLa"."""
        return self._of("task", name)

    def measure(self, name: str) -> str:
        """A measure with its k: `em@10` is "EM@10"; so is that of a slice in "hard em@10", word by word."""
        return " ".join(self._measure(word) for word in name.split(" "))

    def _of(self, kind: str, name: str) -> str:
        entry = self._registry.entries(kind).get(name)
        return (own_display_name(entry.plugin) if entry else "") or name

    def _measure(self, word: str) -> str:
        stem = re.split("[@/]", word, maxsplit=1)[0]
        return self._measures.get(stem, stem) + word[len(stem) :]

    @cached_property
    def _measures(self) -> Mapping[str, str]:
        """Names of measures by what stands before k and variant; of two plugins' that of the one that came first."""
        found: dict[str, str] = {}
        for entry in self._registry.entries("metric").values():
            found = {**entry.plugin.display_measures, **found}
        return found
