"""A prompt of the user's own in place of a task's: a file in the Jinja language (`--set TASK.template=FILE`)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.plugin import Task
    from harness.records import Problem

_STAND_IN = "\ue000instruction\ue001"


def with_template(task: Task, text: str) -> Task:
    """`task` with the prompts that `text` describes; `task` itself where there is no text.

    In `text`, `{{ instruction }}` is the problem's instruction; the answer begins right after its last character. With
    a chat template the same text is what the user says, without blank space at its ends.

    Raises:
        UsageError: it is no Jinja template, uses a name that there is not, or leaves the instruction out.
    """
    if not text:
        return task
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    where = f"the template of {task.name}"
    try:
        environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        template = environment.from_string(text)
        shown = template.render(instruction=_STAND_IN)
    except jinja2.TemplateError as error:
        raise UsageError(
            f"{where}: {' '.join(str(error).split())}; the one name that it has is {{{{ instruction }}}}"
        ) from None
    if _STAND_IN not in shown:
        raise UsageError(f"{where}: it leaves the instruction out; write {{{{ instruction }}}} where it belongs")

    class Templated(type(task)):  # type: ignore[misc]  # the class of a plugin
        def template(self, problem: Problem) -> str:
            return str(template.render(instruction=problem.instruction))

        def request(self, problem: Problem) -> str:
            return self.template(problem).strip()

    templated = copy.copy(task)
    templated.__class__ = Templated
    return templated
