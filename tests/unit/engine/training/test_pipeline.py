"""Every row once an epoch, in an order of seed and epoch alone, from any batch on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.specs import RunSpec

pytestmark = pytest.mark.tensorflow


def chunks(encoded: Any, order: np.ndarray, *, first_batch: int = 0, steps: int = 3) -> list[Any]:
    from engine.training.pipeline import ChunkStream

    stream = ChunkStream(
        encoded.train, np.ones(2, np.float32), order, batch_size=10, first_batch=first_batch, steps=lambda: steps
    )
    try:
        return list(stream)
    finally:
        stream.close()


def test_orders_are_permutations_that_can_be_made_again() -> None:
    from engine.training.pipeline import epoch_order

    first = epoch_order(1, 0, 50)
    assert sorted(first) == list(range(50))
    np.testing.assert_array_equal(first, epoch_order(1, 0, 50))
    assert (first != epoch_order(1, 1, 50)).any()
    assert (first != epoch_order(2, 0, 50)).any()


def test_rows_of_like_length_stand_together() -> None:
    """Lengths as of short reviews: batches waste little, yet every epoch is another order and nothing is left out."""
    from engine.training.pipeline import GROUP_ROWS, order_by_length

    lengths = np.random.default_rng(0).gamma(4.0, 6.0, 9001).astype(int) + 3
    order = order_by_length(1, 0, lengths)
    assert sorted(order) == list(range(9001))
    np.testing.assert_array_equal(order, order_by_length(1, 0, lengths))
    assert (order != order_by_length(1, 1, lengths)).mean() > 0.9
    whole = 9001 // GROUP_ROWS * GROUP_ROWS
    for batch in (16, 32, 64):
        longest = lengths[order[:whole]].reshape(-1, batch).max(axis=1)
        assert longest.sum() * batch < 1.1 * lengths.sum()
        mixed = np.random.default_rng(0).permutation(lengths)[:whole].reshape(-1, batch).max(axis=1)
        assert mixed.sum() * batch > 1.5 * lengths.sum()
        # Short and long batches take turns: the order of the lengths says nothing about the time.
        assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2
    assert sorted(order_by_length(0, 0, lengths[:10])) == list(range(10))
    assert order_by_length(0, 0, lengths[:0]).size == 0


def test_a_stream_gives_every_row_once_and_can_begin_anywhere(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]
) -> None:
    from engine.training.pipeline import epoch_order

    encoded = encoded_for(table_spec())
    order = epoch_order(0, 0, len(encoded.train))
    whole = chunks(encoded, order)
    np.testing.assert_array_equal(np.concatenate([c.targets for c in whole]), encoded.train.targets[order])
    assert [c.steps for c in whole[:-1]] == [3] * (len(whole) - 1)
    rest = np.concatenate([c.inputs["numbers"] for c in chunks(encoded, order, first_batch=7, steps=4)])
    np.testing.assert_array_equal(rest, encoded.train.take(order[70:])["numbers"])


def test_rows_that_do_not_fit_are_encoded_as_they_are_taken(
    table_spec: Callable[..., RunSpec], encoded_for: Callable[[RunSpec], Any]
) -> None:
    from engine.training.pipeline import Rows

    encoded = encoded_for(table_spec())
    streamed = Rows(encoded.prepared, encoded.encoder, encoded.train.positions, limit_bytes=0)
    streamed.keep()
    indices = np.array([5, 0, 3])
    np.testing.assert_array_equal(streamed.take(indices)["numbers"], encoded.train.take(indices)["numbers"])
    assert streamed.nbytes < encoded.train.nbytes


def test_an_error_while_gathering_reaches_the_fit() -> None:
    from engine.training.pipeline import ChunkStream

    class Broken:
        targets = np.zeros(10, np.int32)

        def take(self, indices: np.ndarray) -> dict[str, np.ndarray]:
            raise OSError("the file is gone")

    stream = ChunkStream(Broken(), None, np.arange(10), batch_size=2, first_batch=0, steps=lambda: 1)  # type: ignore
    with pytest.raises(OSError, match="gone"):
        list(stream)
    stream.close()


def test_calls_grow_towards_their_time() -> None:
    from engine.training.pipeline import ChunkSize

    size = ChunkSize(fixed=0, bytes_a_step=1000, call_s=0.1)
    assert size() == 1
    size.measured(1, 2.0)  # the first call compiles
    assert size() == 1
    for _ in range(10):
        size.measured(size(), size() * 0.002)
    assert size() == 50
    assert ChunkSize(fixed=8, bytes_a_step=1000)() == 8
    large = ChunkSize(fixed=0, bytes_a_step=ChunkSize.LIMIT_BYTES)
    large.measured(1, 1e-4)
    assert large() == 1
