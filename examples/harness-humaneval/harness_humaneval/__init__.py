"""HumanEval and MBPP: functions to write, judged by assertions. Evaluation only."""

from __future__ import annotations

from harness import hookimpl
from harness.plugin import Task
from harness_humaneval.humaneval import HumanEval
from harness_humaneval.mbpp import Mbpp


@hookimpl
def harness_tasks() -> list[Task]:
    return [HumanEval(), Mbpp()]
