"""From encoded rows to chunks of batches: shuffled anew each epoch, gathered ahead of the step that needs them.

Rows are gathered with numpy rather than by `tf.data`: one gather serves many steps, costs a fraction of a millisecond,
is the same on every backend, and an epoch's order is a pure function of seed and epoch, so that a run can go on from
the middle of an epoch without replaying what came before.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import psutil

from engine.specs import Part
from engine.training.steps import Chunk

if TYPE_CHECKING:
    from engine.data.load import Prepared
    from engine.models.encoding import Encoder

# Encoded rows are kept whole where they take less than this share of the free memory; else they are encoded as needed.
SHARE_OF_MEMORY = 0.3
CHUNKS_AHEAD = 2
LENGTHS_AT_ONCE = 4096
# Rows of like length: most batch sizes are parts or multiples of a group; a window holds enough of them to sort well.
GROUP_ROWS, WINDOW_ROWS = 64, 4096


class Rows:
    """The encoded rows of one part: in memory, or encoded batch by batch where they would not fit.

    Args:
        prepared: the cleaned data.
        encoder: turns rows into arrays.
        positions: which rows of `prepared`, ascending.
        limit_bytes: the most that may be kept whole.
    """

    def __init__(self, prepared: Prepared, encoder: Encoder, positions: np.ndarray, *, limit_bytes: float) -> None:
        self.positions = np.asarray(positions)
        self.targets = encoder.encode_target(np.asarray(prepared.target)[self.positions])
        self._prepared = prepared
        self._encoder = encoder
        self._whole: dict[str, np.ndarray] | None = None
        self._lengths: np.ndarray | None = None
        self._expected_bytes = len(self.positions) * row_bytes(prepared, encoder)
        self._fits = self._expected_bytes <= limit_bytes

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def nbytes(self) -> int:
        """Memory that the encoded rows hold, or will hold once they are kept."""
        return self.targets.nbytes + (self._expected_bytes if self._fits else 0)

    def keep(self) -> None:
        """Encode all rows now and keep them, where they fit into memory; `take` is then a copy of numbers."""
        if self._fits and self._whole is None:
            self._whole = {
                k: np.ascontiguousarray(v) for k, v in self._encoder.encode(self._prepared, self.positions).items()
            }

    def take(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Encoded rows by their place in this part, in the order asked for."""
        if self._whole is not None:
            return {name: value.take(indices, axis=0) for name, value in self._whole.items()}
        return self._encoder.encode(self._prepared, self.positions[indices])

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The order of the rows in an epoch; where padding can be cut off, rows of like length stand together."""
        lengths = self.lengths
        if lengths is None:
            return epoch_order(seed, epoch, len(self))
        return order_by_length(seed, epoch, lengths)

    @property
    def lengths(self) -> np.ndarray | None:
        """How much of each row is no padding `(rows,)`; None where that makes no difference."""
        name = self._encoder.trimmed_input
        if not name:
            return None
        if self._lengths is None:
            starts = range(0, len(self), LENGTHS_AT_ONCE)
            parts = (np.arange(first, min(first + LENGTHS_AT_ONCE, len(self))) for first in starts)
            counted = [np.count_nonzero(self.take(part)[name], axis=1) for part in parts]
            self._lengths = np.concatenate([np.zeros(0, np.int64), *counted])
        return self._lengths

    def by_length(self) -> np.ndarray:
        """All rows, those of like length together where that saves padding `(rows,)`; its `argsort` leads back."""
        lengths = self.lengths
        return np.arange(len(self)) if lengths is None else np.argsort(lengths, kind="stable")

    def batches(self, batch_size: int, order: np.ndarray | None = None) -> Iterator[dict[str, np.ndarray]]:
        """All rows in the given order, else in their own."""
        order = np.arange(len(self)) if order is None else order
        for first in range(0, len(order), batch_size):
            yield self.take(order[first : first + batch_size])


@dataclass(frozen=True)
class Encoded:
    """What a fit reads: data, encoder and the encoded rows of its train and validation parts."""

    prepared: Prepared
    encoder: Encoder
    train: Rows
    validation: Rows

    def keep(self) -> Encoded:
        """Encode all rows now, where they fit into memory."""
        self.train.keep()
        self.validation.keep()
        return self

    @property
    def nbytes(self) -> int:
        """Memory held by encoded rows and the frame behind them."""
        frame = int(self.prepared.frame.memory_usage(deep=False).sum())
        return self.train.nbytes + self.validation.nbytes + frame


def row_bytes(prepared: Prepared, encoder: Encoder) -> int:
    """The memory of one encoded row, seen from the first one (images are kept as bytes, whatever the model takes)."""
    if not len(prepared.frame):
        return 0
    return sum(value.nbytes for value in encoder.encode(prepared, np.array([0])).values())


def encode(prepared: Prepared, encoder: Encoder) -> Encoded:
    """The rows of the train and validation parts, to be encoded when they are taken or kept."""
    limit = psutil.virtual_memory().available * SHARE_OF_MEMORY

    def rows(part: Part) -> Rows:
        return Rows(prepared, encoder, prepared.parts.get(part, np.array([], np.int64)), limit_bytes=limit)

    return Encoded(prepared, encoder, rows(Part.TRAIN), rows(Part.VALIDATION))


def epoch_order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """The order of the rows in an epoch `(rows,)`: a permutation that depends on seed and epoch alone."""
    return np.random.default_rng((seed, epoch)).permutation(rows)


def order_by_length(seed: int, epoch: int, lengths: np.ndarray) -> np.ndarray:
    """An order in which neighbours have like lengths, so that batches of short rows have little padding `(rows,)`.

    Rows are drawn into windows of some thousands, sorted there, cut into groups, and all groups are shuffled: what is
    in a batch and when it comes is as random as without, but for the length. It depends on seed, epoch and lengths
    alone and not on the batch size, so that a run goes on in the middle of an epoch, also with another batch size.

    Args:
        seed: of the document.
        epoch: counted from 0.
        lengths: of the rows `(rows,)`.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(lengths))
    whole = len(order) // GROUP_ROWS * GROUP_ROWS  # what is left over comes last, so that batches keep to groups
    windows = (order[first : min(first + WINDOW_ROWS, whole)] for first in range(0, whole, WINDOW_ROWS))
    ordered = np.concatenate([order[:0], *(rows[np.argsort(lengths[rows], kind="stable")] for rows in windows)])
    groups = ordered.reshape(-1, GROUP_ROWS)
    return np.concatenate([groups[random.permutation(len(groups))].reshape(-1), order[whole:]])


class ChunkStream:
    """The chunks of one epoch from a batch on, gathered by a thread a few ahead.

    Args:
        rows: the train part.
        weights: one weight a class, or None for regression.
        order: the epoch's order.
        batch_size: rows a step.
        first_batch: the batch to begin with (a run that goes on in the middle of an epoch).
        steps: asked before each chunk: how many steps it shall have.
    """

    def __init__(
        self,
        rows: Rows,
        weights: np.ndarray | None,
        order: np.ndarray,
        *,
        batch_size: int,
        first_batch: int,
        steps: Callable[[], int],
    ) -> None:
        self._rows, self._weights, self._order = rows, weights, order
        self._batch_size, self._first, self._steps = batch_size, first_batch * batch_size, steps
        self._chunks: queue.Queue[Chunk | BaseException | None] = queue.Queue(CHUNKS_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="chunks", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            chunk = self._chunks.get()
            if chunk is None:
                return
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def close(self) -> None:
        """Stop gathering."""
        self._closed.set()
        while self._thread.is_alive():  # make room, so that a waiting thread sees the end
            try:
                self._chunks.get_nowait()
            except queue.Empty:
                self._thread.join(0.01)

    def _fill(self) -> None:
        first = self._first
        try:
            while first < len(self._order) and not self._closed.is_set():
                last = first + max(self._steps(), 1) * self._batch_size
                self._chunks.put(self._chunk(self._order[first:last]))
                first = last
            self._chunks.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the chunk
            self._chunks.put(error)

    def _chunk(self, indices: np.ndarray) -> Chunk:
        targets = self._rows.targets[indices]
        weights = np.ones(len(indices), np.float32) if self._weights is None else self._weights[targets]
        return Chunk(self._rows.take(indices), targets, weights, self._batch_size)


class ChunkSize:
    """How many steps a compiled call runs: one at first, so that figures come at once, then about `call_s` of work.

    Args:
        fixed: steps from the document; 0 chooses.
        bytes_a_step: memory of one encoded batch, which bounds a chunk.
        call_s: how long a call shall take; stop requests are seen after each.
    """

    LIMIT_BYTES = 64 * 1024**2
    LARGEST = 512

    def __init__(self, *, fixed: int, bytes_a_step: int, call_s: float = 0.1) -> None:
        self._fixed = fixed
        self._call_s = call_s
        self._largest = max(1, min(self.LARGEST, self.LIMIT_BYTES // max(bytes_a_step, 1)))
        self._steps = 1

    def __call__(self) -> int:
        """The steps of the next chunk."""
        return self._fixed or self._steps

    def measured(self, steps: int, seconds: float) -> None:
        """Learn from a call; growth is limited, because the first call also compiles."""
        wanted = int(self._call_s / max(seconds / steps, 1e-6))
        self._steps = max(1, min(wanted, self._steps * 4, self._largest))
