"""A plugin's contract by its kind, and its checks run one after another."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Iterator, Mapping
from typing import Any

from harness.testing.backends import BackendContract
from harness.testing.commands import CommandContract
from harness.testing.contract import CheckResult, Contract
from harness.testing.decoders import DecoderContract
from harness.testing.methods import MethodContract
from harness.testing.metrics import MetricContract
from harness.testing.studies import StudyContract
from harness.testing.tasks import TaskContract


def contract_for(kind: str, name: str, attributes: Mapping[str, Any]) -> Contract:
    """The contract of the plugin `name`, with `attributes` (a task's `data`, a backend's `model`) set on it."""
    contracts: Mapping[str, type[Contract]] = {
        "method": MethodContract,
        "task": TaskContract,
        "metric": MetricContract,
        "backend": BackendContract,
        "decoder": DecoderContract,
        "study": StudyContract,
        "command": CommandContract,
    }
    contract: Contract = type(f"Check{kind.title()}", (contracts[kind],), {"name": name, **attributes})()
    return contract


def examine(contract: Contract) -> Iterator[CheckResult]:
    """Run every check of `contract`, one after another, whatever the others say."""
    for check in [name for name in dir(contract) if name.startswith("test_")]:
        yield examine_one(contract, check)


def examine_one(contract: Contract, check: str) -> CheckResult:
    """Run one check of `contract`, in a scratch folder of its own."""
    body = getattr(contract, check)
    description = inspect.getdoc(body) or check.removeprefix("test_").replace("_", " ")
    contract.setup_method()
    try:
        body()
    except unittest.SkipTest as reason:
        return CheckResult(check, "skipped", description, str(reason))
    except AssertionError as reason:
        return CheckResult(check, "broken", description, str(reason) or "it does not hold")
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises is a finding about it
        return CheckResult(check, "broken", description, f"{type(error).__name__}: {error}")
    finally:
        contract.teardown_method()
    return CheckResult(check, "kept", description)
