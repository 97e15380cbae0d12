"""Options of plugins: the fields of a plugin's `Config`, a frozen dataclass, each with its meaning."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from harness.encode import to_json
from harness.records import Tuning


def option(
    default: Any,
    help: str,
    *,
    in_run_id: bool = True,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    added: bool = False,
    file: bool = False,
) -> Any:
    """A `Config` field with its meaning: `r: int = option(16, "rank of the update matrices", least=1)`.

    A number that is not `above`, not at `least` or more than at `most` what is said here is refused before anything is
    loaded. `in_run_id=False` is for a backend's option that no completion depends on (a time limit, the number of
    concurrent requests): a run that was begun with one value is continued with another. `added=True` is for an option
    that is added to a published plugin: at its default it is written nowhere, so that no earlier run gets another id.
    `file=True` is for a text that is given as the path of its file; a run records the text.
    """
    metadata = {"help": help, "in_run_id": in_run_id, "above": above, "least": least, "most": most, "added": added}
    metadata["file"] = file
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def run_id_options(config: Any) -> dict[str, Any]:
    """The options that are part of a run's id, by name, as JSON values."""
    names = {f.name for f in fields(config) if f.metadata.get("in_run_id", True)}
    return {name: value for name, value in to_json(config).items() if name in names}


@dataclass(frozen=True)
class NoConfig:
    """The options of a plugin that has none."""


@dataclass(frozen=True)
class TaskConfig:
    """The options that a task has without a word of its own; a task with more of them inherits these."""

    template: str = option("", "file with a prompt of your own, in Jinja: {{ instruction }}", file=True, added=True)


@dataclass(frozen=True)
class TuningConfig:
    """The options of the training loop, which a tuning method's `Config` inherits; None is what the method says."""

    batch_size: int | None = option(None, "training problems of a step; none: the method's", least=1, added=True)
    warmup_ratio: float | None = option(
        None, "share of the steps in which the learning rate rises; none: the method's", least=0, most=0.99, added=True
    )
    max_tokens: int | None = option(
        None, "tokens of a prompt with its answer that are trained on; none: the method's", least=1, added=True
    )
    patience: int | None = option(
        None, "validations without a lower loss after which tuning ends; none: it goes on", least=1, added=True
    )


def with_loop_options(tuning: Tuning, config: Any) -> Tuning:
    """`tuning` with the options of the training loop that `config` sets."""
    names = [f.name for f in fields(TuningConfig)] if isinstance(config, TuningConfig) else []
    given = {name: value for name in names if (value := getattr(config, name)) is not None}
    return replace(tuning, **given)
