"""Attention whose projections rest while something added to them learns, or which looks at learned places as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from engine.finetuning import changes
from engine.finetuning.changes import Change
from engine.finetuning.linear import TunedProjection, plain_config
from engine.models.blocks import MultiHeadAttention

PARTS = {"query": "_query_dense", "key": "_key_dense", "value": "_value_dense", "output": "_output_dense"}
PREFIX_DEVIATION = 0.02  # of the first prefixes: as the body's own embeddings


@keras.saving.register_keras_serializable("lathe")
class TunedAttention(MultiHeadAttention):
    """Lathe's MultiHeadAttention with changed projections and a prefix.

    Args:
        parts: "query", "key", "value", "output" -> what is added to that projection.
        stored: how the projections are kept (`engine.finetuning.numbers`).
        prefix: so many learned keys and values, at which every place may look (Li & Liang 2021).
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        parts: Mapping[str, Any] | None = None,
        stored: str = "none",
        prefix: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(num_heads, key_dim, **options)
        made = {name: changes.from_record(part) for name, part in (parts or {}).items()}
        self._changes = {name: change for name, change in made.items() if change is not None}
        self._stored = stored
        self._prefix = prefix

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Build Keras' layer, put the changed projections into it and rest what is not added."""
        super().build(query_shape, value_shape, key_shape)
        width = self._num_heads * self._value_dim
        shapes = {"query": query_shape, "key": key_shape or value_shape, "value": value_shape}
        shapes["output"] = (*query_shape[:-1], self._num_heads, self._value_dim)
        for part, attribute in PARTS.items():
            old = getattr(self, attribute)
            old.trainable = False
            if part not in self._changes and self._stored == "none":
                continue
            options = {**old.get_config(), "kernel_initializer": "zeros", "trainable": True}
            new = TunedProjection.from_config(
                {**options, "change": self._changes.get(part), "stored": self._stored, "dtype": self.dtype_policy}
            )
            self._tracker.untrack(old)  # otherwise its weights would be counted, too
            setattr(self, attribute, new)
            new.build(shapes[part])
        if self._prefix:
            start = {"initializer": keras.initializers.RandomNormal(stddev=PREFIX_DEVIATION)}
            self.prefix_keys = self.add_weight(name="prefix_keys", shape=(self._prefix, width), **start)
            start = {"initializer": keras.initializers.RandomNormal(stddev=PREFIX_DEVIATION)}
            self.prefix_values = self.add_weight(name="prefix_values", shape=(self._prefix, width), **start)

    @property
    def prefix(self) -> int:
        """So many learned keys and values, which no matrix could take in."""
        return self._prefix

    @property
    def changes(self) -> Mapping[str, Change]:
        """Projection → what is added to it."""
        return self._changes

    def take(self, old: Any) -> None:
        """Take the weights of the attention layer whose place this one takes."""
        for attribute in PARTS.values():
            mine, theirs = getattr(self, attribute), getattr(old, attribute)
            if isinstance(mine, TunedProjection):
                mine.take(theirs)
            else:
                mine.set_weights(theirs.get_weights())
        if self._prefix and getattr(old, "prefix", 0):
            self.prefix_keys.assign(old.prefix_keys)
            self.prefix_values.assign(old.prefix_values)

    def folded(self) -> list[Any]:
        """The weights of Lathe's plain layer that does the same, in its order.

        A prefix cannot be folded; a layer that has one is no business of `engine.finetuning.merging`.
        """
        weights: list[Any] = []
        for attribute in ("_query_dense", "_key_dense", "_value_dense", "_output_dense"):
            layer = getattr(self, attribute)
            found = layer.folded() if isinstance(layer, TunedProjection) else layer.get_weights()
            weights += [array for array in found if array is not None]
        return weights

    def _compute_attention(
        self, query: Any, key: Any, value: Any, attention_mask: Any = None, *more: Any, **options: Any
    ) -> Any:
        """With the prefix before keys and values, which no mask hides."""
        if self._prefix:
            key = _before(self.prefix_keys, key)
            value = _before(self.prefix_values, value)
            if attention_mask is not None:  # (batch, queries or 1, keys)
                seen = ops.ones_like(ops.cast(attention_mask[..., :1], "bool"))
                seen = ops.repeat(seen, self._prefix, axis=-1)
                attention_mask = ops.concatenate([seen, ops.cast(attention_mask, "bool")], axis=-1)
        return super()._compute_attention(query, key, value, attention_mask, *more, **options)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        parts = {name: changes.to_record(part) for name, part in self._changes.items()}
        return {**super().get_config(), "parts": parts, "stored": self._stored, "prefix": self._prefix}


def _before(learned: Any, x: Any) -> Any:
    """Learned `(places, heads · width)` before `(batch, length, heads, width)`."""
    learned = ops.reshape(ops.cast(learned, x.dtype), (1, -1, *x.shape[2:]))
    learned = ops.broadcast_to(learned, (ops.shape(x)[0], *learned.shape[1:]))
    return ops.concatenate([learned, x], axis=1)


def tuned_attention(
    layer: Any, parts: Mapping[str, Change] | None = None, *, stored: str = "none", prefix: int = 0
) -> TunedAttention:
    """The tuned form of an attention layer."""
    config = {**layer.get_config(), "kernel_initializer": "zeros", "trainable": True}  # its weights are taken over
    attention: TunedAttention = TunedAttention.from_config(
        {**config, "parts": dict(parts or {}), "stored": stored, "prefix": prefix}
    )
    return attention


def plain_attention(layer: TunedAttention) -> MultiHeadAttention:
    """A fresh attention layer for a tuned one; `layer.folded()` are its weights."""
    attention: MultiHeadAttention = MultiHeadAttention.from_config({**plain_config(layer), "trainable": True})
    return attention
