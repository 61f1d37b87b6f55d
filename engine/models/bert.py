"""BERT's encoder with random weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from engine.models.attention import FirstToken, MaskedPooling, PaddingMask, Positions, encoder_block
from engine.models.blocks import Style, dropout, initializer
from engine.models.registry import Head, Tensors, builder
from engine.models.wide import wide_logits
from engine.specs.models.bert import BertSpec

SEGMENTS = 2  # the published table has rows for a first and a second sentence


@keras.saving.register_keras_serializable("lathe")
class FirstSegment(layers.Layer):
    """Adds the vector of the first sentence: `(batch, length, width)` → the same shape.

    Lathe's texts have one part; the second row is kept so that published weights fit.
    """

    def build(self, input_shape: Any) -> None:
        """The table `(2, width)`."""
        self.table = self.add_weight(
            shape=(SEGMENTS, input_shape[-1]), initializer=initializer("truncated_normal"), name="table"
        )

    def call(self, x: Any) -> Any:
        """Add row 0."""
        return x + ops.cast(self.table, x.dtype)[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape


@builder(BertSpec)
def build_bert(spec: BertSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens `(batch, length)` → embeddings → post-norm blocks → pooler → outputs (+ wide part)."""
    tokens = inputs["tokens"]
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-12)
    mask = PaddingMask(name="padding")(tokens)
    x = layers.Embedding(
        head.info["vocabulary_size"],
        spec.width,
        embeddings_initializer=initializer(spec.initializer),
        name="embed_tokens",
    )(tokens)
    x = Positions(max(spec.longest, tokens.shape[1]), name="embed_positions")(x)
    x = FirstSegment(name="embed_segment")(x)
    x = dropout(style.norm(x, name="embed_norm"), spec.dropout, name="embed_dropout")
    for index in range(1, spec.blocks + 1):
        x = encoder_block(
            style,
            x,
            heads=spec.heads,
            inner_width=spec.inner_width,
            dropout_rate=spec.dropout,
            norm_first=False,
            mask=mask,
            name=f"block{index}_",
        )
    if spec.pooling == "average":
        x = MaskedPooling(name="features")(x, mask)
    else:
        x = style.dense(FirstToken(name="features")(x), spec.width, activation="tanh", name="pooler_dense")
    return head(dropout(x, spec.dropout, name="features_dropout"), *wide_logits(inputs, head))
