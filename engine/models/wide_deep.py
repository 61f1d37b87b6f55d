"""Wide & Deep for tables."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import keras
from keras import layers, ops

from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.models.table_inputs import CategoryEmbedding, joined_inputs
from engine.models.wide import SparseLinear
from engine.specs.models.wide_deep import WideDeepSpec

# With 24 category columns there are 276 pairs; more would cost more than they tell.
MAX_PAIRS = 276


@builder(WideDeepSpec)
def build_wide_deep(spec: WideDeepSpec, inputs: Tensors, head: Head) -> Any:
    """Linear logits of numbers, categories, words and pairs of categories + an MLP upon the joined row."""
    style = Style.of(spec)
    x = joined_inputs(inputs, head.info)
    for index, units in enumerate(spec.units, start=1):
        x = style.dense(x, units, name=f"hidden{index}_dense")
        x = style.act(style.norm(x, name=f"hidden{index}_norm"), name=f"hidden{index}_act")
        x = dropout(x, spec.dropout, name=f"hidden{index}_dropout")
    return head(x, *_wide(spec, inputs, head))


def _wide(spec: WideDeepSpec, inputs: Tensors, head: Head) -> list[Any]:
    logits = []
    for name in ("numbers", "words"):
        if name in inputs:
            linear = layers.Dense(head.outputs, use_bias=False, kernel_initializer="zeros", name=f"wide_{name}")
            logits.append(linear(layers.Flatten(name=f"wide_{name}_flat")(inputs[name])))
    if "categories" in inputs:
        sizes = head.info["category_sizes"]
        weights = CategoryEmbedding(sizes, head.outputs, zeros=True, name="wide_categories")(inputs["categories"])
        logits.append(ColumnSum(name="wide_categories_sum")(weights))
        if spec.cross_features and len(sizes) > 1:
            ids, ones = CategoryPairs(sizes, spec.cross_features, name="pairs")(inputs["categories"])
            logits.append(SparseLinear(spec.cross_features, head.outputs, scale=1.0, name="wide_pairs")(ids, ones))
    return logits


@keras.saving.register_keras_serializable("lathe")
class ColumnSum(layers.Layer):
    """`(batch, columns, units)` → `(batch, units)`."""

    def call(self, x: Any) -> Any:
        """Add the columns up."""
        return ops.sum(x, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without the columns."""
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable("lathe")
class CategoryPairs(layers.Layer):
    """Cross-product features: each pair of category columns gives one number out of `features`.

    Pairs that fit are numbered one by one; where there are more, they share numbers (hashing trick, Weinberger et al.
    2009).
    """

    def __init__(self, sizes: Sequence[int], features: int, **options: Any) -> None:
        super().__init__(**options)
        self.sizes, self.features = [int(size) for size in sizes], features
        self.pairs = list(combinations(range(len(self.sizes)), 2))[:MAX_PAIRS]

    def call(self, codes: Any) -> Any:
        """Codes int `(batch, columns)` → ids int `(batch, pairs)` and ones `(batch, pairs)`."""
        first = ops.take(codes, [a for a, _ in self.pairs], axis=1)
        second = ops.take(codes, [b for _, b in self.pairs], axis=1)
        offsets, total = [], 0
        for a, b in self.pairs:
            offsets.append(total % self.features)
            total += self.sizes[a] * self.sizes[b]
        factors = ops.convert_to_tensor([self.sizes[b] for _, b in self.pairs], dtype="int32")
        ids = first * factors + second + ops.convert_to_tensor(offsets, dtype="int32")
        ids = ops.mod(ids, self.features)
        return ids, ops.ones_like(ids, dtype="float32")

    def compute_output_spec(self, codes: Any) -> Any:
        """Shapes and dtypes."""
        shape = (codes.shape[0], len(self.pairs))
        return keras.KerasTensor(shape, dtype="int32"), keras.KerasTensor(shape, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "sizes": self.sizes, "features": self.features}
