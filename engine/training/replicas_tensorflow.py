"""One step over several GPUs on TensorFlow: each holds the weights and takes a share of the rows (MirroredStrategy).

Gradients are summed over all of them before they are clipped and applied, so that every GPU makes the same update. Two
things are those of a share and not of the whole batch, as everywhere with this strategy: the statistics by which batch
normalisation normalises (its moving ones are averaged after each call), and dropout draws one mask for all shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import tensorflow as tf

FLOATS = ("float16", "bfloat16", "float32", "float64")


def building() -> AbstractContextManager[Any]:
    """Within it, variables are made on every GPU of this process; with one or none nothing is different."""
    names = tuple(device.name for device in tf.config.list_logical_devices("GPU"))
    return mirrored(names).scope() if len(names) > 1 else nullcontext()


@cache
def mirrored(names: tuple[str, ...]) -> Any:
    """The strategy over some devices: one a process, because two would number what they say to each other alike."""
    return tf.distribute.MirroredStrategy(list(names))


class Replicas:
    """The devices on which the variables lie that were made where this is made."""

    def __init__(self) -> None:
        self._strategy = tf.distribute.get_strategy()
        self.count = int(self._strategy.num_replicas_in_sync)

    # ---- around a step --------------------------------------------------------------------------------------------
    def run(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Run a step on every device; what they return is added up."""
        if self.count == 1:
            return step(*arguments)
        return self._strategy.reduce("SUM", self._strategy.run(step, args=arguments), axis=None)

    def agree(self, variables: Sequence[Any]) -> None:
        """Give every device the mean of what the devices hold: moving statistics, which each has moved by itself."""
        moved = [variable for variable in variables if variable.dtype in FLOATS]
        if self.count > 1 and moved:
            self._strategy.run(self._average, args=(moved,))

    @staticmethod
    def _average(variables: Sequence[Any]) -> None:
        context = tf.distribute.get_replica_context()
        for variable in variables:
            variable.assign(context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.convert_to_tensor(variable.value)))

    # ---- inside a step --------------------------------------------------------------------------------------------
    def share(self, inputs: dict[str, Any], targets: Any, weights: Any) -> tuple[dict[str, Any], Any, Any, Any]:
        """This device's rows of a batch, and how much they count in sums over all devices.

        A batch that cannot be divided evenly is done whole by each, so that none is left without a row.
        """
        if self.count == 1:
            return inputs, targets, weights, 1.0
        place = tf.distribute.get_replica_context().replica_id_in_sync_group
        rows = tf.shape(targets)[0]
        even = tf.equal(rows % self.count, 0)
        first = tf.where(even, rows * place // self.count, 0)
        last = tf.where(even, rows * (place + 1) // self.count, rows)
        mine = {name: value[first:last] for name, value in inputs.items()}
        return mine, targets[first:last], weights[first:last], tf.where(even, 1.0, 1.0 / self.count)

    def summed(self, gradients: list[Any]) -> list[Any]:
        """Gradients added up over all devices."""
        if self.count == 1:
            return gradients
        return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients))
