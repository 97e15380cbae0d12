"""What a step reads, and as which shapes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from harness.tuning.batches import Batch, BucketedBatches, Shape, bucket_widths, chunks, epoch_steps, unpack_batch

Rows = list[dict[str, list[int]]]


@pytest.mark.parametrize(("count", "size"), [(1, 8), (7, 8), (8, 8), (45, 4), (1000, 8)])
def test_an_epoch_reads_every_row_once_and_rows_of_like_length_together(count: int, size: int) -> None:
    lengths = [random.Random(i).randrange(5, 200) for i in range(count)]
    steps = epoch_steps(lengths, size, 42, 0)
    assert sorted(number for step in steps for number in step) == list(range(count))
    assert all(len(step) == size for step in steps[:-1])
    assert max(lengths) == max(lengths[number] for number in steps[0])
    if count == 1000:
        padded = sum(max(lengths[n] for n in step) * len(step) for step in steps)
        assert padded < 1.1 * sum(lengths)
        assert epoch_steps(lengths, size, 42, 1) != steps != epoch_steps(lengths, size, 43, 0)
    assert epoch_steps(lengths, size, 42, 0) == steps


def test_few_widths_pad_least() -> None:
    needed = [16] * 10 + [24] * 1 + [64] * 10 + [200]
    assert bucket_widths(needed, 8) == [16, 24, 64, 200]
    assert bucket_widths(needed, 3) == [16, 64, 200]
    assert bucket_widths(needed, 2) == [64, 200]
    assert bucket_widths([3, 9, 41], 1) == [48]


def test_few_shapes_hold_every_batch_and_a_wider_one_what_a_narrower_does(rows: Callable[..., Rows]) -> None:
    train = rows(203, longest=90)
    batches = BucketedBatches(train, 0, False, 4)
    groups = [group for e in range(3) for step in epoch_steps(batches.lengths, 8, 1, e) for group in chunks(step, 3)]
    batches.fix_buckets(groups)
    assert 1 < len(batches.shapes) <= 4
    assert [s.width for s in batches.shapes] == sorted((s.width for s in batches.shapes), reverse=True)
    assert [s.positions for s in batches.shapes] == sorted((s.positions for s in batches.shapes), reverse=True)
    for group in groups:
        shape, numbers = batches.pack(group, 7)
        assert shape in batches.shapes and numbers.numel() == shape.packed_size
        batch = unpack_batch(shape, numbers)
        asked = [(n, i) for n, row in enumerate(group) for i, x in enumerate(train[row]["labels"][1:]) if x != -100]
        real = len(asked)
        assert batch.target_indices[:real].tolist() == [n * shape.width + i for n, i in asked]
        assert batch.targets[:real].tolist() == [train[group[n]]["labels"][i + 1] for n, i in asked]
        assert (batch.targets[real:] == -100).all() and int(batch.total) == 7
        assert batch.mask[: len(group)].sum(1).tolist() == [len(train[row]["input_ids"]) for row in group]


def one_batch(train: Rows, seq2seq: bool) -> Batch:
    """All rows as one batch."""
    batches = BucketedBatches(train, 0, seq2seq, None)
    return unpack_batch(*batches.pack(range(len(train)), sum(batches.counts)))


def test_a_batch_gives_back_the_labels_it_was_made_of(rows: Callable[..., Rows]) -> None:
    train = rows(5)
    batch = one_batch(train, seq2seq=False)
    assert batch.shape == Shape(5, max(len(r["input_ids"]) for r in train), int(batch.total))
    for row, labels in zip(train, batch.labels().tolist(), strict=True):
        assert labels[: len(row["labels"])] == row["labels"]
        assert set(labels[len(row["labels"]) :]) <= {-100}


def test_rows_of_an_encoder_decoder_keep_their_labels(rows: Callable[..., Rows]) -> None:
    train = [{"input_ids": r["input_ids"], "labels": r["input_ids"][:3]} for r in rows(4)]
    batch = one_batch(train, seq2seq=True)
    assert batch.targets.view(4, -1).tolist() == [row["labels"] for row in train]
    assert int(batch.total) == 12
