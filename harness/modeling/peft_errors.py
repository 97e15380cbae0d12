"""What PEFT raises where a tuner does not go on a model, and what is said then."""

from __future__ import annotations

PEFT_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What PEFT raises for options that do not do, by option and tuner; it seldom checks them itself."""


def peft_error_message(name: str, error: Exception) -> str:
    """What is said where PEFT does not put the method `name` on a model."""
    words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return f"{name}: PEFT refuses it ({words}); options: harness show {name}"
