"""What a body makes of rows: its features, and the outputs of its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from engine.models.text_inputs import TrimPadding

HEAD = "head_logits"  # the layer that every family ends with (`engine.models.registry.Head`)
FEATURES = "features"
BATCH = 64

Inputs = Mapping[str, NDArray[Any]]


def features_of(core: keras.Model) -> Any:
    """The tensor that a core's head reads: `(batch, width)`."""
    return core.get_layer(HEAD).input


class Body:
    """The part of a core below its head, asked for its features and the outputs of its blocks.

    Args:
        core: encoded inputs → outputs.
        blocks: name → name of the layer whose output is the block's; from the input to the output.
    """

    def __init__(self, core: keras.Model, blocks: Mapping[str, str] | None = None) -> None:
        self._blocks = list(blocks or {})
        outputs = {FEATURES: features_of(core)}
        outputs |= {f"block:{name}": core.get_layer(layer).output for name, layer in (blocks or {}).items()}
        self._model = keras.Model(core.input, outputs)
        self._dtypes = {name: tensor.dtype for name, tensor in core.input.items()}
        self._trim = next((layer for layer in core.layers if isinstance(layer, TrimPadding)), None)

    def features(self, inputs: Inputs) -> NDArray[np.float32]:
        """Features `(rows, width)` of encoded rows."""
        return self.outputs(inputs)[FEATURES]

    def outputs(self, inputs: Inputs) -> dict[str, NDArray[np.float32]]:
        """Features and blocks by name, one vector a row: places of a sequence or picture are averaged."""
        order = _by_length(inputs)
        parts: dict[str, list[NDArray[np.float32]]] = {}
        for first in range(0, len(order), BATCH):
            batch = {name: values[order[first : first + BATCH]] for name, values in inputs.items()}
            found = self._forward(batch)
            if self._trim is not None:  # the places that are left, as the blocks have them
                batch["tokens"] = np.asarray(self._trim(keras.ops.convert_to_tensor(batch["tokens"])))
            for name, value in found.items():
                parts.setdefault(name.removeprefix("block:"), []).append(_pooled(value, batch))
        back = np.argsort(order)
        return {name: np.concatenate(values)[back] for name, values in parts.items()}

    def _forward(self, batch: Inputs) -> dict[str, NDArray[Any]]:
        """One batch, filled up to the usual size so that it needs no program of its own."""
        count = len(next(iter(batch.values())))
        filled = {
            name: np.concatenate([batch[name], np.repeat(batch[name][-1:], BATCH - count, axis=0)]).astype(dtype)
            for name, dtype in self._dtypes.items()
        }
        found = self._model.predict_on_batch(filled)
        return {name: np.asarray(value)[:count] for name, value in found.items()}


def _by_length(inputs: Inputs) -> NDArray[np.intp]:
    """An order in which texts of like length stand together: what all of a batch have of padding costs nothing."""
    if "tokens" in inputs:
        return np.argsort(np.count_nonzero(inputs["tokens"], axis=1), kind="stable")
    return np.arange(len(next(iter(inputs.values()))))


def _pooled(values: NDArray[Any], batch: Inputs) -> NDArray[np.float32]:
    """`(rows, …, width)` → `(rows, width)`: the mean over places; padding of a text does not count."""
    values = np.asarray(values, np.float32)
    if values.ndim == 2:
        return values
    if values.ndim == 3 and "tokens" in batch:
        places = batch["tokens"] != 0
        if places.shape[1] < values.shape[1]:  # something was put before the text
            ahead = np.ones((len(places), values.shape[1] - places.shape[1]), bool)
            places = np.concatenate([ahead, places], axis=1)
        places[:, 0] = True  # an empty text
        weights = places[:, : values.shape[1], None].astype(np.float32)
        return np.asarray((values * weights).sum(axis=1) / weights.sum(axis=1))
    return np.asarray(values.reshape(len(values), -1, values.shape[-1]).mean(axis=1))


def sample(count: int, most: int, seed: int) -> NDArray[np.intp]:
    """At most `most` of `count` places, ascending; the same for the same seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def head_weights(core: keras.Model) -> Sequence[NDArray[Any]]:
    """The head's kernel `(width, outputs)` and bias."""
    return [np.asarray(value) for value in core.get_layer(HEAD).get_weights()]
