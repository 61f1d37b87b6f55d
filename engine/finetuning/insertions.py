"""Layers that methods put between those of a body: bottlenecks, learned places."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("lathe")
class Bottleneck(layers.Layer):
    """An adapter: `x + up(gelu(down(x)))` (Houlsby et al. 2019). `up` begins at 0, so that nothing changes at first.

    `(…, features)` → the same shape. Parameters: 2 · features · width + features + width.

    Args:
        width: of the bottleneck.
    """

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width = width
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Down, and up again."""
        features = int(input_shape[-1])
        start = keras.initializers.HeNormal()
        self.down = self.add_weight(name="down", shape=(features, self.width), initializer=start)
        self.down_bias = self.add_weight(name="down_bias", shape=(self.width,), initializer="zeros")
        self.up = self.add_weight(name="up", shape=(self.width, features), initializer="zeros")
        self.up_bias = self.add_weight(name="up_bias", shape=(features,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """See the class."""
        inner = ops.gelu(ops.matmul(x, self.down) + self.down_bias)
        return x + (ops.matmul(inner, self.up) + self.up_bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable("lathe")
class Prompt(layers.Layer):
    """Learned vectors before the tokens: `(batch, tokens, width)` → `(batch, places + tokens, width)`.

    Args:
        places: how many.
    """

    def __init__(self, places: int, **options: Any) -> None:
        super().__init__(**options)
        self.places = places

    def build(self, input_shape: Any) -> None:
        """The vectors `(places, width)`."""
        start = keras.initializers.RandomNormal(stddev=0.02)  # as embeddings of the BERT family begin
        self.vectors = self.add_weight(name="vectors", shape=(self.places, input_shape[-1]), initializer=start)

    def call(self, x: Any) -> Any:
        """See the class."""
        vectors = ops.expand_dims(ops.cast(self.vectors, x.dtype), 0)
        vectors = ops.broadcast_to(vectors, (ops.shape(x)[0], self.places, x.shape[-1]))
        return ops.concatenate([vectors, x], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """So many places more."""
        batch, tokens, width = input_shape
        return (batch, None if tokens is None else tokens + self.places, width)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "places": self.places}


@keras.saving.register_keras_serializable("lathe")
class PromptMask(layers.Layer):
    """The mask of tokens `(batch, 1, tokens)` with learned places before them, which may always be looked at.

    Args:
        places: how many.
    """

    def __init__(self, places: int, **options: Any) -> None:
        super().__init__(**options)
        self.places = places

    def call(self, mask: Any) -> Any:
        """`(batch, 1, tokens)` → `(batch, 1, places + tokens)`."""
        seen = ops.ones_like(ops.repeat(mask[..., :1], self.places, axis=-1), dtype="bool")
        return ops.concatenate([seen, ops.cast(mask, "bool")], axis=-1)

    def compute_output_spec(self, mask: Any) -> Any:
        """Shape and dtype."""
        tokens = mask.shape[-1]
        shape = (*mask.shape[:-1], None if tokens is None else tokens + self.places)
        return keras.KerasTensor(shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "places": self.places}


@keras.saving.register_keras_serializable("lathe")
class WithoutPrompt(layers.Layer):
    """`(batch, places + tokens, width)` → `(batch, tokens, width)`: the body's summary is made of its own tokens.

    Args:
        places: how many are dropped.
    """

    def __init__(self, places: int, **options: Any) -> None:
        super().__init__(**options)
        self.places = places

    def call(self, x: Any) -> Any:
        """See the class."""
        return x[:, self.places :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """So many places fewer."""
        batch, tokens, width = input_shape
        return (batch, None if tokens is None else tokens - self.places, width)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "places": self.places}
