"""A base that is spread over processes: what is refused, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ModelError
from harness.modeling.sharding import can_spread, is_too_large, load_sharded
from harness.records import ModelSpec


def test_one_process_alone_cannot_shard(tiny_model: Path) -> None:
    with pytest.raises(
        ModelError, match="--shard: one process alone holds the whole base; start several with torchrun"
    ):
        load_sharded(ModelSpec(str(tiny_model)), {}, lambda base: base)


def test_a_quantised_base_is_not_sharded(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"--shard: .* would be quantised, which is not sharded here"):
        load_sharded(ModelSpec(str(tiny_model)), {"quantization_config": object()}, lambda base: base)


def test_without_gpus_nothing_is_too_large(tiny_model: Path) -> None:
    if can_spread():
        pytest.skip("this machine has several GPUs")
    assert not is_too_large(ModelSpec(str(tiny_model)), {})
