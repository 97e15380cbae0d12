"""Contracts: what a plugin of each kind has to keep, as tests that its author inherits.

    from harness.testing import MethodContract

    class TestDora(MethodContract):
        name = "dora"

runs every check against the installed plugin `dora`, under pytest or any runner that calls `test_…` methods;
`harness plugin check dora` runs the same ones and prints them in plain words. Built-ins go through them too.
`pytest_plugins = ["harness.testing.fixtures"]` in a `conftest.py` adds fixtures.

A check that does not apply raises `unittest.SkipTest`, which pytest shows as skipped.
"""

from harness.testing.backends import BackendContract
from harness.testing.checks import contract_for, examine
from harness.testing.commands import CommandContract
from harness.testing.contract import CheckResult, Contract, PluginContract
from harness.testing.decoders import DecoderContract
from harness.testing.methods import MethodContract
from harness.testing.metrics import MetricContract
from harness.testing.models import tiny_model
from harness.testing.studies import StudyContract
from harness.testing.tasks import TaskContract

__all__ = [
    "BackendContract",
    "CheckResult",
    "CommandContract",
    "Contract",
    "DecoderContract",
    "MethodContract",
    "MetricContract",
    "PluginContract",
    "StudyContract",
    "TaskContract",
    "contract_for",
    "examine",
    "tiny_model",
]
