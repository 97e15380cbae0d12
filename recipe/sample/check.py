"""Does a reference do what its instruction asks? Every family brings the judge of its members."""

from __future__ import annotations

import ast
import contextlib
import io

from recipe.sample.families import Snippet, Variant


class WrongReference(ValueError):
    """A reference that does not parse, raises, or does something else than asked."""


def check_snippet(variant: Variant) -> None:
    """Run the reference of a one-liner or function and let its family judge what came of it.

    The code run here is written by the families of this folder, nobody else's.
    Raises WrongReference with the instruction and the code.
    """
    if not holds(variant, variant.answer):
        raise WrongReference(f"{variant.asked!r}: the judge of its family rejects\n{variant.answer}")


def snippet_of(variant: Variant) -> Snippet:
    """The family of `variant`, which must be one without tests."""
    if not isinstance(variant.family, Snippet):
        raise TypeError(f"{variant.family.name!r} is judged by tests, not by an expression")
    return variant.family


def holds(variant: Variant, code: str) -> bool:
    """Whether `code` does what `variant` asks; anything that `code` raises is passed on."""
    family = snippet_of(variant)
    scope: dict[str, object] = {"__name__": "__main__"}
    exec(variant.fill(family.setup), scope)  # noqa: S102
    tree = ast.parse(code)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            scope["result"] = eval(code, scope)  # noqa: S307
        else:
            # Not under this module's postponed annotations: dataclasses keep theirs.
            exec(compile(code, "<reference>", "exec", dont_inherit=True), scope)  # noqa: S102
    scope["printed"] = printed.getvalue()
    judged = eval(variant.fill(family.holds), scope)  # noqa: S307
    if judged is not True and judged is not False:
        raise TypeError(f"{family.name!r}: `holds` must be a truth value, not {judged!r}")
    return bool(judged)
