"""The plain convolutional network."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.cnn import CnnSpec

SUMMARIES = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}


@builder(CnnSpec)
def build_cnn(spec: CnnSpec, inputs: Tensors, head: Head) -> Any:
    """`(batch, height, width, channels)` → stages → one vector → dense → outputs."""
    style = Style.of(spec)
    x = inputs["image"]
    for number, filters in enumerate(spec.filters, start=1):
        x = _stage(spec, style, x, filters, f"stage{number}_")
    x = SUMMARIES[spec.summary_pooling](name="features")(x)
    x = dropout(x, spec.dropout, name="features_dropout")
    if spec.dense_units:
        x = style.dense(x, spec.dense_units, name="hidden_dense")
        x = style.act(style.norm(x, name="hidden_norm"), name="hidden_act")
        x = dropout(x, spec.dropout, name="hidden_dropout")
    return head(x)


def _stage(spec: CnnSpec, style: Style, x: Any, filters: int, name: str) -> Any:
    """Convolutions, then height and width halved (rounded up, so that even 1 px images pass)."""
    for index in range(1, spec.convolutions + 1):
        strides = 2 if spec.pooling == "stride" and index == spec.convolutions else 1
        x = style.conv_norm_act(x, filters, spec.kernel_size, name=f"{name}{index}", strides=strides)
    if spec.pooling == "max":
        x = layers.MaxPooling2D(2, padding="same", name=f"{name}pool")(x)
    elif spec.pooling == "average":
        x = layers.AveragePooling2D(2, padding="same", name=f"{name}pool")(x)
    return x
