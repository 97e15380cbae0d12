"""Protocols: other rules for a task's problems (`harness.plugin.Task.protocols`), asked for with `--protocol NAME`."""

from __future__ import annotations

from dataclasses import replace

from harness.config import Settings
from harness.errors import UsageError, unknown
from harness.evaluation.request import Request
from harness.plugin import Task
from harness.plugin_system.registry import PluginEntry, Registry


def task_under_protocol(registry: Registry, name: str, protocol: str | None) -> PluginEntry[Task]:
    """The task `name`, with the rules of `protocol` if one is named.

    Raises:
        UsageError: there is no such task, or it has no such protocol.
    """
    task = registry.task(name)
    if not protocol:
        return task
    known = registry.call(task, f"the protocols of the task {name!r}", task.plugin.protocols) or {}
    if protocol not in known:
        raise unknown(f"protocol of the task {name}:", protocol, known, "" if known else "It has none.")
    return replace(task, plugin=known[protocol])


def with_task_defaults(settings: Settings, task: Task, protocol: str | None) -> Settings:
    """`settings` over the defaults that the task, or its protocol, sets for the options of other plugins."""
    source = f"default of the protocol {protocol}" if protocol else f"default of {task.name}"
    return settings.with_defaults(task.options, source)


def without_chat(request: Request, task: Task) -> bool:
    """Whether a chat template is left out because the task's prompts are texts to be continued.

    Raises:
        UsageError: one is asked for all the same.
    """
    if task.uses_chat:
        return False
    if request.chat:
        what = f"--protocol {request.protocol}" if request.protocol else f"--task {request.task}"
        raise UsageError(f"--chat: {what} asks with a text that the model continues; leave one of the two out")
    return True
