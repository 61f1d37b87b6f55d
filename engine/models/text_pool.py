"""Embedding and pooling with a linear n-gram part."""

from typing import Any, Literal

from keras import layers

from engine.models.attention import MaskedPooling
from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.models.text_inputs import token_vectors
from engine.models.wide import wide_logits
from engine.specs.models.text_pool import TextPoolSpec


@builder(TextPoolSpec)
def build_text_pool(spec: TextPoolSpec, inputs: Tensors, head: Head) -> Any:
    """Tokens → vectors → mean or maximum → dense layers → outputs (+ wide part)."""
    vectors, mask = token_vectors(inputs, head, spec.width, spec.token_dropout)
    methods: tuple[Literal["average", "max"], ...] = ("average", "max") if spec.pooling == "both" else (spec.pooling,)
    pooled = [MaskedPooling(method, name=f"pool_{method}")(vectors, mask) for method in methods]
    x = layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]
    x = dropout(x, spec.dropout, name="pooled_dropout")
    style = Style.of(spec)
    for index, units in enumerate(spec.units, start=1):
        x = style.act(style.dense(x, units, name=f"hidden{index}_dense"), name=f"hidden{index}_act")
        x = dropout(x, spec.dropout, name=f"hidden{index}_dropout")
    return head(x, *(wide_logits(inputs, head) if spec.wide else ()))
