"""Recurrent layers over tokens with a linear n-gram part."""

from typing import Any

from keras import layers, ops

from engine.models.attention import MaskedPooling
from engine.models.blocks import dropout, penalty
from engine.models.registry import Head, Tensors, builder
from engine.models.text_inputs import token_vectors
from engine.models.wide import wide_logits
from engine.specs.models.text_rnn import TextRnnSpec


@builder(TextRnnSpec)
def build_text_rnn(spec: TextRnnSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens → vectors → recurrent layers → last, mean or maximum → outputs (+ wide part)."""
    x, mask = token_vectors(inputs, head, spec.width, spec.token_dropout)
    x = dropout(x, spec.dropout, name="embed_dropout")
    steps = ops.squeeze(mask, axis=1)  # (batch, length)
    for index in range(1, spec.layers + 1):
        last = index == spec.layers and spec.pooling == "last"
        x = _layer(spec, f"rnn{index}", sequences=not last)(x, mask=steps)
    if spec.pooling != "last":
        x = MaskedPooling(spec.pooling, name="features")(x, mask)
    x = dropout(x, spec.dropout, name="features_dropout")
    return head(x, *(wide_logits(inputs, head) if spec.wide else ()))


def _layer(spec: TextRnnSpec, name: str, *, sequences: bool) -> Any:
    cell = layers.LSTM if spec.cell == "lstm" else layers.GRU
    layer = cell(
        spec.units, return_sequences=sequences, kernel_regularizer=penalty(spec.l1, spec.l2), name=f"{name}_{spec.cell}"
    )
    return layers.Bidirectional(layer, name=name) if spec.bidirectional else layer
