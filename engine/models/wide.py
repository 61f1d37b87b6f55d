"""The linear part beside a deep one: a weight an n-gram and class, as in TF-IDF with logistic regression."""

from typing import Any

import keras
from keras import ops

from engine.models.registry import Head, Tensors


@keras.saving.register_keras_serializable("lathe")
class SparseLinear(keras.layers.Layer):
    """Weighted sum of the rows of a table: the product of a sparse vector with a matrix.

    Args:
        features: rows of the table.
        units: columns of the table.
        scale: factor of the result. A vector of length 1 over some twenty n-grams has entries of about 0.2; the factor
            lets weights that an optimizer can reach in a few hundred steps decide.
    """

    def __init__(self, features: int, units: int, scale: float = 10.0, **options: Any) -> None:
        super().__init__(**options)
        self.features, self.units, self.scale = features, units, scale

    def build(self, *input_shape: Any) -> None:
        """Starts at zero: n-grams not seen in training say nothing."""
        self.table = self.add_weight(name="table", shape=(self.features, self.units), initializer="zeros")
        self.built = True

    def call(self, ids: Any, weights: Any) -> Any:
        """Ids int `(batch, n)`, weights `(batch, n)` → `(batch, units)`."""
        rows = ops.take(self.table, ids, axis=0)  # (batch, n, units)
        return self.scale * ops.einsum("bn,bnu->bu", ops.cast(weights, rows.dtype), rows)

    def compute_output_shape(self, ids_shape: Any, weights_shape: Any = None) -> Any:
        """`(batch, units)`."""
        return (ids_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "features": self.features, "units": self.units, "scale": self.scale}


def wide_logits(inputs: Tensors, head: Head) -> tuple[Any, ...]:
    """The linear part's logits `(batch, outputs)` as a tuple for `head(features, *extra)`; empty without n-grams."""
    if "ngram_ids" not in inputs or not head.info["ngram_features"]:
        return ()
    layer = SparseLinear(int(head.info["ngram_features"]), head.outputs, dtype="float32", name="wide")
    return (layer(inputs["ngram_ids"], inputs["ngram_weights"]),)
