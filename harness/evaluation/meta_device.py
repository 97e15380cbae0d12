"""Applies a method to a model without weights (torch's meta device), to check its options before loading anything."""

from __future__ import annotations

from typing import Any

from harness.errors import ModelError
from harness.modeling.base import Base, meta
from harness.modeling.peft_errors import PEFT_ERRORS, peft_error_message
from harness.plugin import Method, TuningMethod
from harness.records import ModelSpec


def adapt_on_meta(method: Method, spec: ModelSpec, config: Any) -> Base:
    """The model of `spec` on torch's meta device, adapted by the method.

    Raises:
        ModelError: the method refuses these options, or needs the values of the weights.
    """
    try:
        return method.adapt(meta(spec), config) if isinstance(method, TuningMethod) else meta(spec)
    except PEFT_ERRORS as error:
        raise ModelError(peft_error_message(method.name, error)) from None


def check_options(method: Method, spec: ModelSpec, config: Any) -> None:
    """Check that the method accepts these options on this model.

    A method that needs the values of the weights cannot be checked here: it fails with its default options too.

    Raises:
        HarnessError: as `adapted` and the method.
    """
    try:
        adapt_on_meta(method, spec, config)
    except ModelError:
        try:
            adapt_on_meta(method, spec, method.Config())
        except ModelError:
            return
        raise
