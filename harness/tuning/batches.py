"""Batches: which rows a step trains on, and the shapes that they are padded to.

Rows of similar length share a batch, as with the length-grouped sampler of transformers in the study: the permutation
of an epoch is cut into megabatches of up to 50 batches, each is sorted by length, and the longest row comes first. The
permutation depends on the seed and the epoch alone, so that an interrupted run finds its place again.

On a GPU each shape (rows, width, target positions) needs its own CUDA graph, so widths are padded to a few buckets,
which are chosen for the least padding. A batch is copied to the device as one packed vector of integers.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Row = Mapping[str, Any]
"""`input_ids` and `labels`, lists of integers; labels are -100 at positions without a loss."""
IGNORE_INDEX = -100
_MEGABATCH = 50
"""Batches of a megabatch, at most."""
_WIDTH_MULTIPLE = 8
"""Bucket widths are multiples of this, which tensor cores compute fastest."""


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """Sizes of a batch: `rows`, the `width` of a row, and the number of target `positions` of all rows together."""

    rows: int
    width: int
    positions: int

    @property
    def packed_size(self) -> int:
        """How many integers a batch of this shape is."""
        return self.rows * self.width + self.rows + 2 * self.positions + 1


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch on the device, with the sizes of `shape`.

    `ids` (rows, width) are token ids, padded on the right; `lengths` (rows,) counts the real ones. For a causal model
    `target_indices` (positions,) index the flattened `ids` where a response token is predicted, and `targets`
    (positions,) are these tokens, or -100 for padding. For an encoder-decoder model `targets` are the flattened labels.
    `total` (1,) is the number of response tokens of the whole step, of which this may be one micro-batch.
    """

    shape: Shape
    ids: torch.Tensor
    lengths: torch.Tensor
    target_indices: torch.Tensor
    targets: torch.Tensor
    total: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """(rows, width): 1 at real tokens."""
        import torch

        return (torch.arange(self.shape.width, device=self.ids.device) < self.lengths[:, None]).long()

    def labels(self) -> torch.Tensor:
        """(rows, width): the labels of a causal model's rows. Synchronises with the host."""
        import torch

        labels = torch.full_like(self.ids, IGNORE_INDEX).view(-1)
        real = self.targets != IGNORE_INDEX
        labels[self.target_indices[real] + 1] = self.targets[real]
        return labels.view_as(self.ids)


def unpack_batch(shape: Shape, packed: torch.Tensor) -> Batch:
    """The batch in a vector of `shape.packed_size` integers, without a copy."""
    sizes = (shape.rows * shape.width, shape.rows, shape.positions, shape.positions, 1)
    ids, lengths, target_indices, targets, total = packed.split(sizes)  # type: ignore[no-untyped-call]
    return Batch(shape, ids.view(shape.rows, shape.width), lengths, target_indices, targets, total)


def pack(rows: Sequence[Row], shape: Shape, total: int, pad_token_id: int, seq2seq: bool) -> torch.Tensor:
    """Rows as a vector of integers for `unpack_batch`; if `shape` has more rows, the others are padding."""
    import torch

    ids, lengths, target_indices, targets = [], [], [], []
    for number, row in enumerate(rows):
        tokens, labels = row["input_ids"], row["labels"]
        ids += [*tokens, *[pad_token_id] * (shape.width - len(tokens))]
        lengths.append(len(tokens))
        if seq2seq:
            targets_per_row = shape.positions // shape.rows
            targets += [*labels, *[IGNORE_INDEX] * (targets_per_row - len(labels))]
            continue
        positions = target_positions(row)
        target_indices += [number * shape.width + position for position in positions]
        targets += [labels[position + 1] for position in positions]
    empty = shape.rows - len(rows)
    ids += [pad_token_id] * (empty * shape.width)
    # A row of padding has one real token, since some models fail on rows without any.
    lengths += [1] * empty
    target_indices += [0] * (shape.positions - len(target_indices))
    targets += [IGNORE_INDEX] * (shape.positions - len(targets))
    return torch.tensor([*ids, *lengths, *target_indices, *targets, total])


def target_positions(row: Row) -> list[int]:
    """Positions of a causal model's row whose next token is a response token."""
    return [position for position, label in enumerate(row["labels"][1:]) if label != IGNORE_INDEX]


def num_targets(row: Row, seq2seq: bool) -> int:
    """The number of response tokens of a row that have a loss."""
    return sum(label != IGNORE_INDEX for label in (row["labels"] if seq2seq else row["labels"][1:]))


def epoch_steps(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """The row numbers of each step of an epoch; the last step may have fewer than `size`."""
    numbers = list(range(len(lengths)))
    random.Random(f"{seed}/{epoch}").shuffle(numbers)
    megabatch_size = size * max(1, min(len(numbers) // (size * 4), _MEGABATCH))
    megabatches = [
        sorted(numbers[start : start + megabatch_size], key=lambda number: -lengths[number])
        for start in range(0, len(numbers), megabatch_size)
    ]
    longest = max(range(len(megabatches)), key=lambda i: lengths[megabatches[i][0]])
    # What does not fit in memory fails in the first step.
    megabatches[0][0], megabatches[longest][0] = megabatches[longest][0], megabatches[0][0]
    flat = [number for megabatch in megabatches for number in megabatch]
    return [flat[start : start + size] for start in range(0, len(flat), size)]


def bucket_widths(needed: Sequence[int], max_buckets: int) -> list[int]:
    """At most `max_buckets` widths, multiples of 8, that hold batches of the `needed` widths with the least padding."""
    counts = Counter(math.ceil(width / _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE for width in needed)
    sizes = sorted(counts)
    if len(sizes) <= max_buckets:
        return sizes
    # Dynamic programming. best[i]: the cost and the widths chosen for the sizes up to i, where size i is a width.
    cumulative = [0]
    for size in sizes:
        cumulative.append(cumulative[-1] + counts[size])
    best: list[tuple[int, tuple[int, ...]]] = [(size * cumulative[i + 1], (size,)) for i, size in enumerate(sizes)]
    for _ in range(max_buckets - 1):
        best = [
            min([best[i], *(_wider(best[j], size, cumulative[i + 1] - cumulative[j + 1]) for j in range(i))])
            for i, size in enumerate(sizes)
        ]
    return list(best[-1][1])


def _wider(best: tuple[int, tuple[int, ...]], size: int, batches: int) -> tuple[int, tuple[int, ...]]:
    """The cost and the widths when `batches` more batches are padded to another width, `size`."""
    return best[0] + size * batches, (*best[1], size)


class BucketedBatches:
    """Micro-batches (groups of row numbers) and their shapes: exact ones, or with `max_buckets` at most so many."""

    def __init__(self, rows: Sequence[Row], pad_token_id: int, seq2seq: bool, max_buckets: int | None) -> None:
        self._rows, self._pad_token_id, self._seq2seq, self._max_buckets = rows, pad_token_id, seq2seq, max_buckets
        self._lengths = [len(row["input_ids"]) for row in rows]
        self.counts = [num_targets(row, seq2seq) for row in rows]
        self._buckets: dict[int, Shape] = {}

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        return self._lengths

    def fix_buckets(self, groups: Sequence[Sequence[int]]) -> None:
        """Choose the buckets for all `groups` that will ever be used; does nothing where shapes are exact."""
        if self._max_buckets is None:
            return
        exact = [self._exact(group) for group in groups]
        rows = max(shape.rows for shape in exact)
        targets_per_row = max(shape.positions // shape.rows for shape in exact)
        for width in bucket_widths([shape.width for shape in exact], self._max_buckets):
            members = [shape for shape in exact if shape.width <= width and not self._has_bucket(shape.width)]
            # A wider bucket has at least as many target positions, so that it holds all that a narrower one holds.
            narrower = max([shape.positions for shape in self._buckets.values()], default=1)
            positions = max([*(shape.positions for shape in members), narrower])
            positions = rows * targets_per_row if self._seq2seq else positions
            self._buckets[width] = Shape(rows, width, positions)

    def _has_bucket(self, width: int) -> bool:
        return any(width <= known for known in self._buckets)

    @cached_property
    def shapes(self) -> list[Shape]:
        """The buckets, the widest first, so that the others can reuse its memory."""
        return sorted(self._buckets.values(), key=lambda shape: -shape.width)

    def shape(self, group: Sequence[int]) -> Shape:
        """The shape of a group of rows; without rows it is one of padding."""
        exact = self._exact(group) if group else Shape(1, 1, 1)
        if self._max_buckets is None:
            return exact
        return self._buckets[min(width for width in self._buckets if width >= exact.width)]

    def _exact(self, group: Sequence[int]) -> Shape:
        width = max(self._lengths[number] for number in group)
        if self._seq2seq:
            return Shape(len(group), width, len(group) * max(len(self._rows[number]["labels"]) for number in group))
        return Shape(len(group), width, max(1, sum(self.counts[number] for number in group)))

    def examples(self, groups: Sequence[Sequence[int]]) -> Iterator[tuple[Shape, torch.Tensor]]:
        """A packed batch of each bucket that `groups` use, the widest first."""
        by_shape = {self.shape(group): group for group in groups}
        return (self.pack(by_shape[shape], 1) for shape in self.shapes if shape in by_shape)

    def common_shape(self, groups: Sequence[Sequence[int]]) -> Shape:
        """A shape that holds each of `groups`."""
        shapes = [self.shape(group) for group in groups]
        if self._max_buckets is not None:
            return max(shapes, key=lambda shape: shape.width)
        return Shape(
            max(shape.rows for shape in shapes),
            max(shape.width for shape in shapes),
            max(shape.positions for shape in shapes),
        )

    def pack(self, group: Sequence[int], total: int) -> tuple[Shape, torch.Tensor]:
        """The shape of a group of rows, and its packed vector on the host; `total` as in `Batch`."""
        shape = self.shape(group)
        return shape, self.pack_as(shape, group, total)

    def pack_as(self, shape: Shape, group: Sequence[int], total: int) -> torch.Tensor:
        """As `pack`, in a shape that is at least as large."""
        return pack([self._rows[number] for number in group], shape, total, self._pad_token_id, self._seq2seq)


def chunks(group: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """`group` in chunks of at most `size`: a step in micro-batches."""
    return (group[start : start + size] for start in range(0, len(group), size))
