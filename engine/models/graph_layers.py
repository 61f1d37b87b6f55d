"""Each kind of the layer editor as Keras layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import keras
from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.models.attention import Positions
from engine.models.blocks import (
    Dropout,
    MultiHeadAttention,
    StochasticDepth,
    activation,
    initializer,
    normalization,
    penalty,
)
from engine.specs.models import layers as kinds
from engine.specs.models.graph import LayerGraphSpec
from engine.specs.models.layers import LayerSpec
from engine.text import N_

Maker = Callable[[Any, list[Any], dict[str, Any], Mapping[str, Any]], Any]
_MAKERS: dict[type[LayerSpec], Maker] = {}


class _MisfitError(Exception):
    """A layer that does not fit, with the mend (a template marked with `N_`)."""

    def __init__(self, hint: str, **values: Any) -> None:
        super().__init__(hint)
        self.hint, self.values = hint, values


def _met(tensors: list[Any]) -> str:
    return ", ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)


def apply(node: LayerSpec, tensors: list[Any], graph: LayerGraphSpec, info: Mapping[str, Any]) -> Any:
    """Call a layer of the editor on what feeds it.

    Raises:
        EngineError: BAD_INPUT naming the layer, the shapes that met and the mend.
    """
    weights = {"kernel_initializer": graph.initializer, "l1": graph.l1, "l2": graph.l2}
    try:
        return _MAKERS[type(node)](node, _unmasked(node, tensors), weights, info)
    except _MisfitError as error:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Layer {layer} does not fit what it is given: {shapes}."),
            hint=error.hint,
            layer=node.id,
            shapes=_met(tensors),
            **error.values,
        ) from error
    except ValueError as error:  # Keras' word for shapes that do not fit
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Layer {layer} does not fit what it is given: {shapes}. {problem}"),
            hint=N_("Change its settings or the layer before it."),
            layer=node.id,
            shapes=_met(tensors),
            problem=str(error).splitlines()[0][:300],
        ) from error


@keras.saving.register_keras_serializable("lathe")
class Unmask(layers.Layer):
    """Ends a padding mask where the next layer cannot use it."""

    supports_masking = True

    def call(self, x: Any) -> Any:
        """The same numbers in a tensor of its own: Keras hangs the mask on the tensor."""
        return keras.ops.copy(x)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape


# Layers that know what to do with padding: recurrent ones skip it, attention looks away, the mean leaves it out.
_USE_MASKS = (
    kinds.RecurrentLayer,
    kinds.AttentionLayer,
    kinds.PositionsLayer,
    kinds.DropoutLayer,
    kinds.StochasticDepthLayer,
    kinds.ActivationLayer,
    kinds.DenseLayer,
    kinds.AddLayer,
    kinds.MultiplyLayer,
)


def _unmasked(node: LayerSpec, tensors: list[Any]) -> list[Any]:
    if isinstance(node, _USE_MASKS) or (isinstance(node, kinds.GlobalPoolLayer) and node.method == "average"):
        return tensors
    names = [f"{node.id}.unmask{index}" for index in range(1, len(tensors) + 1)]
    return [
        x if getattr(x, "_keras_mask", None) is None else Unmask(name=name)(x)
        for name, x in zip(names, tensors, strict=True)
    ]


def _check_kernel(node: Any, tensor: Any, dilation: int = 1) -> None:
    size = min(tensor.shape[1:-1])
    reach = (node.kernel_size - 1) * dilation + 1
    if node.padding == "valid" and reach > size:
        hint = N_("The kernel reaches over {reach} of {size}: lower it, or set the edges to same.")
        raise _MisfitError(hint, reach=reach, size=size)


def makes(*classes: type[LayerSpec]) -> Callable[[Maker], Maker]:
    """Register the function that makes layers of these kinds."""

    def register(maker: Maker) -> Maker:
        _MAKERS.update(dict.fromkeys(classes, maker))
        return maker

    return register


def _kernel(weights: dict[str, Any], prefix: str = "kernel") -> dict[str, Any]:
    return {
        f"{prefix}_initializer": initializer(weights["kernel_initializer"]),
        f"{prefix}_regularizer": penalty(weights["l1"], weights["l2"]),
    }


def _activated(node: Any, x: Any) -> Any:
    return x if node.activation == "none" else activation(node.activation, f"{node.id}.{node.activation}")(x)


@makes(kinds.Conv2dLayer)
def _conv2d(node: kinds.Conv2dLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    _check_kernel(node, tensors[0], node.dilation)
    layer = layers.Conv2D(
        node.filters,
        node.kernel_size,
        strides=node.strides,
        padding=node.padding,
        dilation_rate=node.dilation,
        name=node.id,
        **_kernel(weights),
    )
    return _activated(node, layer(tensors[0]))


@makes(kinds.DepthwiseConv2dLayer)
def _depthwise(
    node: kinds.DepthwiseConv2dLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    _check_kernel(node, tensors[0])
    layer = layers.DepthwiseConv2D(
        node.kernel_size, strides=node.strides, padding=node.padding, name=node.id, **_kernel(weights, "depthwise")
    )
    return _activated(node, layer(tensors[0]))


@makes(kinds.SeparableConv2dLayer)
def _separable(
    node: kinds.SeparableConv2dLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    _check_kernel(node, tensors[0])
    layer = layers.SeparableConv2D(
        node.filters,
        node.kernel_size,
        strides=node.strides,
        padding=node.padding,
        name=node.id,
        **_kernel(weights, "depthwise"),
        **_kernel(weights, "pointwise"),
    )
    return _activated(node, layer(tensors[0]))


@makes(kinds.Conv1dLayer)
def _conv1d(node: kinds.Conv1dLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    _check_kernel(node, tensors[0])
    layer = layers.Conv1D(
        node.filters,
        node.kernel_size,
        strides=node.strides,
        padding=node.padding,
        name=node.id,
        **_kernel(weights),
    )
    return _activated(node, layer(tensors[0]))


@makes(kinds.PoolLayer)
def _pool(node: kinds.PoolLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    name = f"{'Max' if node.method == 'max' else 'Average'}Pooling{len(tensors[0].shape) - 2}D"
    if any(size < node.size for size in tensors[0].shape[1:-1]):
        raise _MisfitError(N_("Pooling by {size} would leave nothing: lower its size or delete it."), size=node.size)
    return getattr(layers, name)(node.size, name=node.id)(tensors[0])


@makes(kinds.GlobalPoolLayer)
def _global_pool(
    node: kinds.GlobalPoolLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    name = f"Global{'Max' if node.method == 'max' else 'Average'}Pooling{len(tensors[0].shape) - 2}D"
    return getattr(layers, name)(name=node.id)(tensors[0])


@makes(kinds.DenseLayer)
def _dense(node: kinds.DenseLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    return _activated(node, layers.Dense(node.units, name=node.id, **_kernel(weights))(tensors[0]))


@makes(kinds.FlattenLayer)
def _flatten(node: kinds.FlattenLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    return layers.Flatten(name=node.id)(tensors[0])


@makes(kinds.ReshapeLayer)
def _reshape(node: kinds.ReshapeLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    numbers, named = prod(tensors[0].shape[1:]), prod(size for size in node.shape if size != -1)
    open_axes = node.shape.count(-1)
    if min(node.shape) < -1 or 0 in node.shape or open_axes > 1:
        raise _MisfitError(N_("Sizes must be 1 or more, with at most one -1."))
    if numbers % named or (not open_axes and numbers != named):
        raise _MisfitError(
            N_("{numbers} numbers cannot be put into {wanted}: change the shape so that its product is the same."),
            numbers=numbers,
            wanted=str(node.shape),
        )
    return layers.Reshape(node.shape, name=node.id)(tensors[0])


@makes(kinds.AttentionLayer)
def _attention(node: kinds.AttentionLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    width = tensors[0].shape[-1]
    if not node.head_width and width % node.heads:
        raise _MisfitError(
            N_("{heads} heads cannot share a width of {width}: change their number or set the width of a head."),
            heads=node.heads,
            width=width,
        )
    layer = MultiHeadAttention(
        node.heads, node.head_width or width // node.heads, dropout=node.dropout, name=node.id, **_kernel(weights)
    )
    return layer(tensors[0], tensors[-1])


@makes(kinds.RecurrentLayer)
def _recurrent(node: kinds.RecurrentLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    cell = layers.LSTM if node.cell == "lstm" else layers.GRU
    name = f"{node.id}.{node.cell}" if node.bidirectional else node.id
    layer = cell(node.units, return_sequences=node.whole_sequence, name=name, **_kernel(weights))
    if node.bidirectional:
        layer = layers.Bidirectional(layer, name=node.id)
    return layer(tensors[0])


@makes(kinds.EmbeddingLayer)
def _embedding(node: kinds.EmbeddingLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    # Padding is masked, so that recurrent layers, attention and mean pooling pass over it.
    return layers.Embedding(info["vocabulary_size"], node.width, mask_zero=True, name=node.id)(tensors[0])


@makes(kinds.PositionsLayer)
def _positions(node: kinds.PositionsLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    return Positions(tensors[0].shape[1], node.method, name=node.id)(tensors[0])


@makes(kinds.NormalizationLayer)
def _normalization(
    node: kinds.NormalizationLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    options = {"momentum": 0.9} if node.method == "batch" else {}
    return normalization(node.method, tensors[0].shape[-1], node.id, **options)(tensors[0])


@makes(kinds.DropoutLayer)
def _dropout(node: kinds.DropoutLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    return Dropout(node.rate, name=node.id)(tensors[0])


@makes(kinds.StochasticDepthLayer)
def _stochastic_depth(
    node: kinds.StochasticDepthLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    return StochasticDepth(node.rate, name=node.id)(tensors[0])


@makes(kinds.ActivationLayer)
def _activation(
    node: kinds.ActivationLayer, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]
) -> Any:
    return activation(node.function, node.id)(tensors[0])


@makes(kinds.AddLayer, kinds.MultiplyLayer, kinds.ConcatenateLayer)
def _merge(node: LayerSpec, tensors: list[Any], weights: dict[str, Any], info: Mapping[str, Any]) -> Any:
    if len(tensors) == 1:  # the other branch was deleted
        return layers.Identity(name=node.id)(tensors[0])
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    if isinstance(node, kinds.ConcatenateLayer):
        if len({shape[:-1] for shape in shapes}) > 1:
            raise _MisfitError(
                N_("Branches may differ in the last size only: give all of them the same steps and pooling.")
            )
        return layers.Concatenate(name=node.id)(tensors)
    if len(set(shapes)) > 1:
        raise _MisfitError(N_("Branches must have the same shape: give the last layers of all of them the same size."))
    layer = layers.Add if isinstance(node, kinds.AddLayer) else layers.Multiply
    return layer(name=node.id)(tensors)
