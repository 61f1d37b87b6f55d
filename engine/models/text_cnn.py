"""Convolutions over tokens with a linear n-gram part."""

from typing import Any

from keras import layers

from engine.models.blocks import Style, dropout, initializer, penalty
from engine.models.registry import Head, Tensors, builder
from engine.models.text_inputs import token_vectors
from engine.models.wide import wide_logits
from engine.specs.models.text_cnn import TextCnnSpec


@builder(TextCnnSpec)
def build_text_cnn(spec: TextCnnSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens → vectors → convolutions of each length → maximum over time → outputs (+ wide part)."""
    vectors, _ = token_vectors(inputs, head, spec.width, spec.token_dropout)
    style = Style.of(spec)
    found = []
    for size in spec.kernel_sizes:
        convolve = layers.Conv1D(
            spec.filters,
            size,
            padding="same",  # so that texts shorter than the filter still pass
            kernel_initializer=initializer(spec.initializer),
            kernel_regularizer=penalty(spec.l1, spec.l2),
            name=f"conv{size}",
        )
        x = style.act(convolve(vectors), name=f"conv{size}_act")
        found.append(layers.GlobalMaxPooling1D(name=f"conv{size}_max")(x))  # (batch, filters)
    x = layers.Concatenate(name="phrases")(found) if len(found) > 1 else found[0]
    x = dropout(x, spec.dropout, name="phrases_dropout")
    return head(x, *(wide_logits(inputs, head) if spec.wide else ()))
