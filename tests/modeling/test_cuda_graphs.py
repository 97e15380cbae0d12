"""What a capture needs of the process; the capture itself wants a GPU."""

from __future__ import annotations

import gc

import pytest

from harness.modeling.cuda_graphs import garbage_kept


def test_no_garbage_is_collected_during_a_capture() -> None:
    with garbage_kept():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_garbage_collection_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with garbage_kept():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_failure_turns_garbage_collection_on_again() -> None:
    with pytest.raises(ValueError, match="in it"), garbage_kept():
        raise ValueError("in it")
    assert gc.isenabled()
