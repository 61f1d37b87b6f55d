"""What text families begin with: token vectors with their mask, some tokens left out in training."""

from typing import Any, NamedTuple

import keras
from keras import layers, ops

from engine.models.attention import PaddingMask
from engine.models.live import LiveNumber
from engine.models.registry import Head, Tensors


class TokenVectors(NamedTuple):
    """Embedded tokens `(batch, length, width)` and which of them count: bool `(batch, 1, length)`."""

    vectors: Any
    mask: Any


@keras.saving.register_keras_serializable("lathe")
class TokenDropout(layers.Layer):
    """Replaces tokens by "unknown" (1) at random in training (Iyyer et al. 2015, word dropout); padding stays.

    The vector of "unknown" is thereby trained, which otherwise only words that no train text has would need.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.live_rate = LiveNumber(rate, f"tokens {self.name}")
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, tokens: Any, training: bool = False) -> Any:
        """Int `(batch, length)` → the same shape."""
        if not training or self.live_rate.is_off:
            return tokens
        drop = keras.random.uniform(ops.shape(tokens), seed=self.seed_generator) < self.live_rate.get()
        return ops.where(ops.logical_and(drop, ops.not_equal(tokens, 0)), ops.ones_like(tokens), tokens)

    def compute_output_spec(self, tokens: Any, training: bool = False) -> Any:
        """The same."""
        return keras.KerasTensor(tokens.shape, dtype=tokens.dtype)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("lathe")
class TrimPadding(keras.layers.Layer):
    """Cuts off the places at the end that are padding in every text of a batch: `(batch, length)` → `(batch, fewer)`.

    What is left is a multiple of `multiple`, so that kernels meet few shapes. The declared shape stays the whole one,
    for descriptions; layers behind it must ask for the length when they compute, not when they are built. Where a
    program is compiled for fixed shapes (XLA, JAX) nothing is cut off.
    """

    def __init__(self, multiple: int = 8, **options: Any) -> None:
        super().__init__(**options)
        self.multiple = multiple
        self.supports_jit = False  # Keras would compile a prediction for fixed shapes by itself

    def call(self, tokens: Any) -> Any:
        """See the class; at least one group of places is left."""
        if keras.backend.backend() != "tensorflow" or compiles_fixed_shapes():
            return tokens
        used = ops.max(ops.sum(ops.cast(ops.not_equal(tokens, 0), "int32"), axis=1))
        groups = ops.maximum((used + self.multiple - 1) // self.multiple, 1)
        return tokens[:, : groups * self.multiple]

    def compute_output_spec(self, tokens: Any) -> Any:
        """The whole length, which is the most."""
        return keras.KerasTensor(tokens.shape, dtype=tokens.dtype)

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "multiple": self.multiple}


def compiles_fixed_shapes() -> bool:
    """Whether steps are compiled by XLA here: on a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def token_vectors(inputs: Tensors, head: Head, width: int, token_dropout: float) -> TokenVectors:
    """Tokens `(batch, length)` → vectors `(batch, length, width)` with their mask."""
    tokens = inputs["tokens"]
    mask = PaddingMask(name="padding")(tokens)
    if token_dropout:
        tokens = TokenDropout(token_dropout, name="token_dropout")(tokens)
    # Small first vectors: a sum of many of them shall not drown the linear part before anything was learned.
    start = keras.initializers.RandomUniform(-0.05, 0.05)
    embed = layers.Embedding(head.info["vocabulary_size"], width, embeddings_initializer=start, name="embed_tokens")
    return TokenVectors(embed(tokens), mask)
