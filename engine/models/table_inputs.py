"""What table families begin with: numbers, embedded categories and words as one vector, or as one token a column."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from engine.models.registry import Tensors

# Width of a category's embedding: a few more than the bits that tell its values apart.
SMALLEST_EMBEDDING, LARGEST_EMBEDDING = 2, 16


@keras.saving.register_keras_serializable("lathe")
class CategoryEmbedding(layers.Layer):
    """One embedding table for all category columns, each with its own rows.

    Args:
        sizes: entries of each column, the shared one for rare and unseen values included.
        width: length of a value's vector.
        zeros: begin with zeros, for linear parts.
    """

    def __init__(self, sizes: Sequence[int], width: int, zeros: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.sizes, self.width, self.zeros = [int(size) for size in sizes], width, zeros

    def build(self, input_shape: Any) -> None:
        """All tables one below the other."""
        start: Any = "zeros" if self.zeros else keras.initializers.RandomNormal(stddev=self.width**-0.5)  # length ~1
        self.table = self.add_weight(name="table", shape=(sum(self.sizes), self.width), initializer=start)
        self.built = True

    def call(self, codes: Any) -> Any:
        """Codes int `(batch, columns)` → `(batch, columns, width)`."""
        offsets = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        return ops.take(self.table, codes + ops.convert_to_tensor(offsets, dtype="int32"), axis=0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, columns, width)`."""
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "sizes": self.sizes, "width": self.width, "zeros": self.zeros}


@keras.saving.register_keras_serializable("lathe")
class ColumnLinear(layers.Layer):
    """A linear layer of its own for each number column (Gorishniy et al. 2022).

    `(batch, columns, width)` → `(batch, columns, units)`.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        """Uniform in ±1/√width, as in the paper's code."""
        _, columns, width = input_shape
        bound = float(width) ** -0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        self.kernel = self.add_weight(name="kernel", shape=(columns, width, self.units), initializer=start)
        start = keras.initializers.RandomUniform(-bound, bound)
        self.bias = self.add_weight(name="bias", shape=(columns, self.units), initializer=start)

    def call(self, numbers: Any) -> Any:
        """See the class."""
        return ops.einsum("bcw,cwu->bcu", numbers, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """See the class."""
        return (*input_shape[:2], self.units)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "units": self.units}


def embedding_width(sizes: Sequence[int]) -> int:
    """About the square root of the largest number of values, 2 to 16."""
    return int(min(LARGEST_EMBEDDING, max(SMALLEST_EMBEDDING, round(max(sizes) ** 0.5) + 1)))


def joined_inputs(inputs: Tensors, info: Mapping[str, Any]) -> Any:
    """All of a row as one vector `(batch, features)`."""
    parts = []
    if "numbers" in inputs:
        parts.append(layers.Flatten(name="numbers_flat")(inputs["numbers"]))
    if "categories" in inputs:
        sizes = info["category_sizes"]
        embedded = CategoryEmbedding(sizes, embedding_width(sizes), name="category_embedding")(inputs["categories"])
        parts.append(layers.Flatten(name="categories_flat")(embedded))
    if "words" in inputs:
        parts.append(inputs["words"])
    return layers.Concatenate(name="row")(parts) if len(parts) > 1 else parts[0]


def column_tokens(inputs: Tensors, info: Mapping[str, Any], width: int) -> Any:
    """Each column as a vector: `(batch, columns, width)`; all words of a row together make one more."""
    parts = []
    if "numbers" in inputs:
        parts.append(ColumnLinear(width, name="number_tokens")(inputs["numbers"]))
    if "categories" in inputs:
        parts.append(CategoryEmbedding(info["category_sizes"], width, name="category_tokens")(inputs["categories"]))
    if "words" in inputs:
        words = layers.Dense(width, name="word_token")(inputs["words"])
        parts.append(layers.Reshape((1, width), name="word_token_shape")(words))
    return layers.Concatenate(axis=1, name="columns")(parts) if len(parts) > 1 else parts[0]
