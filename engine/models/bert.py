"""BERT's encoder: with random weights as a family of its own, and as the body of pretrained ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers, ops

from engine.models.attention import FirstToken, MaskedPooling, PaddingMask, Positions, encoder_block
from engine.models.blocks import Style, dropout, initializer
from engine.models.registry import Head, Tensors, builder
from engine.models.text_inputs import TrimPadding
from engine.models.wide import wide_logits
from engine.specs.models.bert import BertSpec

SEGMENTS = 2  # the published table has rows for a first and a second sentence


@keras.saving.register_keras_serializable("lathe")
class FirstSegment(layers.Layer):
    """Adds the vector of the first sentence: `(batch, length, width)` → the same shape.

    Lathe's texts have one part; the other rows are kept so that published weights fit.
    """

    def __init__(self, rows: int = SEGMENTS, **options: Any) -> None:
        super().__init__(**options)
        self.rows = rows

    def build(self, input_shape: Any) -> None:
        """The table `(rows, width)`."""
        self.table = self.add_weight(
            shape=(self.rows, input_shape[-1]), initializer=initializer("truncated_normal"), name="table"
        )

    def call(self, x: Any) -> Any:
        """Add row 0."""
        return x + ops.cast(self.table, x.dtype)[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "rows": self.rows}


@dataclass(frozen=True)
class BertShape:
    """The sizes of an encoder of the BERT family.

    Attributes:
        vocabulary_size: rows of the table of tokens.
        width: of a token's vector.
        blocks: of attention and dense layers.
        heads: of attention; they share the width.
        inner_width: of the dense layers inside a block.
        longest: rows of the table of positions.
        segments: rows of the table of sentences; 0: there is none (DistilBERT).
        pooling: "first": the first token through a dense layer with tanh, as published; "token": the first token as it
            is; "average": the mean of all tokens.
    """

    vocabulary_size: int
    width: int
    blocks: int
    heads: int
    inner_width: int
    longest: int
    segments: int = SEGMENTS
    pooling: Literal["first", "token", "average"] = "first"


def bert_body(shape: BertShape, style: Style, tokens: Any, dropout_rate: float, *, trim: bool = False) -> Any:
    """Tokens `(batch, length)` → embeddings → post-norm blocks → summary `(batch, width)` (Devlin et al. 2019).

    `trim`: places that are padding in the whole batch are not computed.
    """
    if trim:
        tokens = TrimPadding(name="trim_padding")(tokens)
    mask = PaddingMask(name="padding")(tokens)
    x = layers.Embedding(
        shape.vocabulary_size,
        shape.width,
        embeddings_initializer=initializer(style.initializer),
        name="embed_tokens",
    )(tokens)
    x = Positions(max(shape.longest, tokens.shape[1]), name="embed_positions")(x)
    if shape.segments:
        x = FirstSegment(shape.segments, name="embed_segment")(x)
    x = dropout(style.norm(x, name="embed_norm"), dropout_rate, name="embed_dropout")
    for index in range(1, shape.blocks + 1):
        x = encoder_block(
            style,
            x,
            heads=shape.heads,
            inner_width=shape.inner_width,
            dropout_rate=dropout_rate,
            norm_first=False,
            mask=mask,
            name=f"block{index}_",
        )
    if shape.pooling == "average":
        return MaskedPooling(name="features")(x, mask)
    x = FirstToken(name="features")(x)
    return style.dense(x, shape.width, activation="tanh", name="pooler_dense") if shape.pooling == "first" else x


@builder(BertSpec)
def build_bert(spec: BertSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens `(batch, length)` → BERT's encoder → outputs (+ wide part)."""
    style = Style.of(spec, normalization="layer", norm_epsilon=1e-12)
    shape = BertShape(
        vocabulary_size=head.info["vocabulary_size"],
        width=spec.width,
        blocks=spec.blocks,
        heads=spec.heads,
        inner_width=spec.inner_width,
        longest=spec.longest,
        pooling=spec.pooling,
    )
    x = bert_body(shape, style, inputs["tokens"], spec.dropout)
    return head(dropout(x, spec.dropout, name="features_dropout"), *wide_logits(inputs, head))
