"""Whether the text of a test makes objects of a class: only the text decides which process judges a test.

From a value of the candidate's a test can come to an object of the library's that it does not name, such as the item
of an array or a match of a pattern.
"""

from __future__ import annotations

import builtins
import types

from harness.sandbox.remote_calls import codecs

_ITERATING = frozenset({"iter", "reversed", "__iter__"})
_MAKERS = {"_io": frozenset({"open", "stdin", "stdout", "stderr", "tempfile"})}
"""Names that make objects of classes with other names, by module."""


def makes(said: frozenset[str], kind: type) -> bool:
    """Whether a text that says the names `said` (`analysis.said`) makes objects of `kind`."""
    module = codecs.module_of(kind)
    root = module.partition(".")[0]
    if root == "harness":  # stand-ins of pytest's, but none of what a candidate has not
        return module != "harness.sandbox.assertions.collector"
    if not codecs.is_library(root) or root == "__main__":
        return True
    names = {kind.__name__, *(name for name, one in vars(types).items() if one is kind)}
    if root == "numpy":
        return not said.isdisjoint(names | ({"random"} if "random" in module else set()))
    names |= {root.lstrip("_")} - {"builtins"}
    names |= _MAKERS.get(root, _ITERATING if "iterator" in kind.__name__ else frozenset())
    return not said.isdisjoint(names)


def _named_types() -> dict[str, type]:
    """Types of the interpreter that no module has under their own name: "builtins:generator"."""
    found = [*codecs.VIEWS, *(kind for kind in vars(types).values() if isinstance(kind, type))]
    return {codecs.path_of(kind): kind for kind in found if not hasattr(builtins, kind.__name__)}


OF_TYPES = _named_types()
