"""The multilayer perceptron."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.mlp import MlpSpec


@builder(MlpSpec)
def build_mlp(spec: MlpSpec, inputs: Tensors, head: Head) -> Any:
    """Dense layers one after the other on `(batch, features)`; images are flattened, table inputs joined."""
    return head(perceptron(spec, flat_features(inputs, head)))


def flat_features(inputs: Tensors, head: Head) -> Any:
    """All inputs as one tensor `(batch, features)`."""
    if "image" in inputs:
        return layers.Flatten(name="flatten")(inputs["image"])
    from engine.models.table_inputs import joined_inputs

    return joined_inputs(inputs, head.info)


def perceptron(spec: MlpSpec, x: Any) -> Any:
    """The hidden layers: dense, normalisation, activation, dropout."""
    style = Style.of(spec)
    for index, units in enumerate(spec.units, start=1):
        x = style.dense(x, units, name=f"hidden{index}_dense")
        x = style.act(style.norm(x, name=f"hidden{index}_norm"), name=f"hidden{index}_act")
        x = dropout(x, spec.dropout, name=f"hidden{index}_dropout")
    return x
