"""What a task asks of a node follows from the nodes that there are."""

from __future__ import annotations

import pytest

from harness.engines.cluster import Room, gist, room_for_candidates, room_for_runs
from harness.errors import HarnessError

GB = 1 << 30
HEAD = {"CPU": 0.0, "memory": 8.0 * GB}
PLAIN = {"CPU": 16.0, "memory": 64.0 * GB}
SMALL = {"CPU": 4.0, "memory": 16.0 * GB}
EIGHT_GPUS = {"CPU": 132.0, "GPU": 8.0, "memory": 800.0 * GB}


def test_without_gpus_a_run_gets_a_whole_node() -> None:
    assert room_for_runs([PLAIN, PLAIN, PLAIN]) == Room(16.0, 0, 64 * GB, 3)


def test_a_run_gets_a_gpu_with_its_share_of_the_node() -> None:
    assert room_for_runs([EIGHT_GPUS, EIGHT_GPUS, PLAIN]) == Room(16.0, 1, 100 * GB, 16)


def test_the_least_share_of_all_nodes_is_asked_for_so_that_none_stands_idle() -> None:
    assert room_for_runs([PLAIN, SMALL]) == Room(4.0, 0, 16 * GB, 5)


def test_a_head_that_offers_no_cpu_gets_no_work() -> None:
    assert room_for_runs([HEAD, PLAIN]) == Room(16.0, 0, 64 * GB, 1)
    with pytest.raises(HarnessError, match="no node with a CPU to offer"):
        room_for_runs([HEAD])


def test_more_gpus_than_cpus_share_these() -> None:
    assert room_for_runs([{"CPU": 4.0, "GPU": 8.0, "memory": 80.0 * GB}]) == Room(0.5, 1, 10 * GB, 8)


def test_candidates_are_executed_on_every_node_with_gpus_or_without() -> None:
    assert room_for_candidates([EIGHT_GPUS, {**PLAIN, "CPU": 132.0, "memory": 800.0 * GB}]).at_once == 2


def test_a_node_that_says_nothing_of_its_memory_is_asked_for_none() -> None:
    assert room_for_runs([{"CPU": 2.0}]) == Room(2.0, 0, 0, 1)


def test_of_an_error_of_many_lines_the_first_sentence_is_told() -> None:
    error = RuntimeError("\nThe node is dead. It had an id.\nIt may have been killed.")
    assert gist(error) == "RuntimeError: The node is dead"
