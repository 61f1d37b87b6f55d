"""A resting body in a quarter or an eighth of its memory; what was added to it learns in full precision (QLoRA,
Dettmers et al. 2023)."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from engine.errors import EngineError, ErrorKind
from engine.finetuning import numbers
from engine.finetuning.attention import TunedAttention, tuned_attention
from engine.finetuning.linear import TunedConv, TunedDense, tuned
from engine.finetuning.rewrite import rewrite
from engine.models.blocks import MultiHeadAttention
from engine.specs.finetuning import MethodSpec
from engine.text import N_


@keras.saving.register_keras_serializable("lathe")
class PackedEmbedding(layers.Layer):
    """A resting table of vectors in 8 bits a number, with a scale a row: `(batch, length)` → `(batch, length, width)`.

    Args:
        input_dim: rows.
        output_dim: width of a row.
    """

    def __init__(self, input_dim: int, output_dim: int, **options: Any) -> None:
        super().__init__(**options)
        self.input_dim, self.output_dim = input_dim, output_dim

    def build(self, input_shape: Any) -> None:
        """Table and scales."""
        options = {"trainable": False, "initializer": "zeros"}
        self.table = self.add_weight(
            name="embeddings_int8", shape=(self.input_dim, self.output_dim), dtype="int8", **options
        )
        self.scale = self.add_weight(name="embeddings_scale", shape=(self.input_dim, 1), **options)

    def take(self, old: Any) -> None:
        """Take the table of the layer whose place this one takes."""
        table = np.asarray(ops.convert_to_numpy(old.embeddings))
        scale = np.abs(table).max(axis=1, keepdims=True) / numbers.LARGEST["int8"]
        scale = np.where(scale == 0.0, 1.0, scale).astype(np.float32)
        self.scale.assign(scale)
        self.table.assign(np.rint(table / scale).astype(np.int8))

    def call(self, places: Any) -> Any:
        """See the class."""
        rows = ops.take(self.table.value, places, axis=0)
        return ops.cast(rows, self.compute_dtype) * ops.cast(ops.take(self.scale, places, axis=0), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """With the width behind."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "input_dim": self.input_dim, "output_dim": self.output_dim}


def check_quantised(method: MethodSpec, stored: str) -> None:
    """Refuse a method that would change numbers which are kept in a few bits.

    Raises:
        EngineError: BAD_INPUT.
    """
    if stored != "none" and not (method.adds_weights or method.body_rests):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A body in {stored} cannot learn itself, as the method “{method}” asks."),
            hint=N_("Choose LoRA or another method that adds weights, or keep the body's numbers as they are."),
            stored=stored,
            method=method.label,
        )


def quantised(body: Any, stored: str) -> keras.Model:
    """A body, with what a method has added, whose matrices are kept in 8 or 4 bits and whose tables in 8.

    Args:
        body: at rest; it is used up.
        stored: "int8" or "int4".
    """

    def replace(layer: Any) -> Any:
        kind, config = type(layer), layer.get_config()
        if kind is layers.Embedding:
            names = ("name", "dtype", "input_dim", "output_dim")
            return PackedEmbedding(**{name: config[name] for name in names}, trainable=False)
        if kind is MultiHeadAttention:
            return _resting(tuned_attention(layer, stored=stored), layer)
        if kind is TunedAttention:
            parts = {part: _fresh(change) for part, change in layer.changes.items()}
            return tuned_attention(layer, parts, stored=stored, prefix=layer.prefix)
        if kind in (layers.Dense, layers.Conv2D) and getattr(layer, "groups", 1) == 1:
            return _resting(tuned(layer, None, stored), layer)
        if kind in (TunedDense, TunedConv):
            return kind.from_config({**config, "change": _fresh(layer.change), "stored": stored, "trainable": True})
        return None

    return rewrite(body, replace)


def _fresh(change: Any) -> Any:
    """The same change without the weights that it has in another layer."""
    return copy.copy(change)


def _resting(new: Any, old: Any) -> Any:
    new.trainable = old.trainable
    return new
