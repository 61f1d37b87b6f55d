"""Floating-point operations of one example's way through a layer: a multiply-add counts as two.

Look-ups, copies and reshapes count as none; normalisation and activations count a few per number, as inference does
them. Dropout, stochastic depth and augmentation rest at inference and count as none.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

Shape = tuple[int, ...]  # without the batch
Rule = Callable[[Any, list[Shape], Shape], int]  # layer, input shapes, output shape -> operations

_RULES: dict[str, Rule] = {}
SOFTMAX = 5  # per number: maximum, difference, exponential, sum, quotient
STATISTICS = 7  # per number: mean, difference, square, mean of squares, quotient, scale, shift


def flops_of(*class_names: str) -> Callable[[Rule], Rule]:
    """Register a rule for layers of these classes."""

    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(class_names, rule))
        return rule

    return register


def layer_flops(layer: Any) -> int:
    """Operations of a built layer for one example, forward; all its calls where it is used more than once."""
    if hasattr(layer, "layers"):  # a model in a model
        return sum(layer_flops(inner) for inner in layer.layers)
    rule = _RULES.get(type(layer).__name__)
    if rule is None:
        return 0
    return sum(rule(layer, inputs, output) for inputs, output in calls(layer))


def calls(layer: Any) -> list[tuple[list[Shape], Shape]]:
    """Input shapes and output shape, without the batch, of every call of a layer in a functional model."""
    return [
        ([tuple(x.shape[1:]) for x in node.input_tensors], tuple(node.output_tensors[0].shape[1:]))
        for node in layer._inbound_nodes
    ]


def dense_flops(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """A matrix times a vector."""
    return 2 * inputs * outputs + (outputs if bias else 0)


@flops_of("TunedDense", "TunedConv")
def _tuned(layer: Any, inputs: list[Shape], output: Shape) -> int:
    """The layer's own product at each place, and what was put beside it."""
    into, out = layer.matrix_shape
    own = dense_flops(into, out, bias=layer.use_bias)
    return prod(output[:-1]) * (own + (layer.change.flops(into, out) if layer.change else 0))


@flops_of("TunedAttention")
def _tuned_attention(layer: Any, inputs: list[Shape], output: Shape) -> int:
    (queries, width), (keys, _) = inputs[0], inputs[1]
    prefix = (
        layer.prefix * queries * (2 * layer.num_heads * (layer.key_dim + layer.value_dim) + SOFTMAX * layer.num_heads)
    )
    added = sum(change.flops(width, width) for change in layer.changes.values())
    return _attention(layer, inputs, output) + prefix + max(queries, keys) * added


@flops_of("Bottleneck")
def _bottleneck(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return prod(output[:-1]) * (4 * output[-1] * layer.width + 2 * layer.width + 2 * output[-1])


@flops_of("Conv1D", "Conv2D")
def _conv(layer: Any, inputs: list[Shape], output: Shape) -> int:
    a_number = 2 * prod(layer.kernel_size) * inputs[0][-1] // layer.groups
    return prod(output) * (a_number + int(layer.use_bias))


@flops_of("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return prod(output) * (2 * prod(layer.kernel_size) + int(layer.use_bias))


@flops_of("SeparableConv1D", "SeparableConv2D")
def _separable(layer: Any, inputs: list[Shape], output: Shape) -> int:
    between = inputs[0][-1] * layer.depth_multiplier
    places = prod(output[:-1])
    return places * between * 2 * prod(layer.kernel_size) + places * dense_flops(
        between, output[-1], bias=layer.use_bias
    )


@flops_of("Dense")
def _dense(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return prod(output[:-1]) * dense_flops(inputs[0][-1], output[-1], bias=layer.use_bias)


@flops_of("MultiHeadAttention")
def _attention(layer: Any, inputs: list[Shape], output: Shape) -> int:
    (queries, width), (keys, key_input) = inputs[0], inputs[1]
    heads = layer.num_heads
    key_width, value_width = heads * layer.key_dim, heads * layer.value_dim
    projections = queries * dense_flops(width, key_width) + keys * dense_flops(key_input, key_width)
    projections += keys * dense_flops(key_input, value_width) + queries * dense_flops(value_width, output[-1])
    scores = queries * keys * (2 * key_width + 2 * value_width + SOFTMAX * heads)
    return projections + scores


@flops_of("SimpleRNN", "GRU", "LSTM")
def _recurrent(layer: Any, inputs: list[Shape], output: Shape) -> int:
    """Gates, each with two matrices, and the element-wise work between them (Cho et al. 2014; Hochreiter 1997)."""
    gates, elementwise = {"SimpleRNN": (1, 2), "GRU": (3, 9), "LSTM": (4, 9)}[type(layer).__name__]
    length, width = inputs[0]
    units = layer.units
    return length * (gates * (2 * units * (width + units) + units) + elementwise * units)


@flops_of("Bidirectional")
def _bidirectional(layer: Any, inputs: list[Shape], output: Shape) -> int:
    rule = _RULES[type(layer.forward_layer).__name__]
    return rule(layer.forward_layer, inputs, output) + rule(layer.backward_layer, inputs, output)


@flops_of("LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization")
def _statistics(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return STATISTICS * prod(output)


@flops_of("BatchNormalization", "Rescaling", "Normalization")
def _affine(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return 2 * prod(output)  # with fixed statistics: one factor, one summand


@flops_of("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "LayerScale", "Positions", "FirstSegment", "MemberCopies")
def _elementwise(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return prod(output)


@flops_of("Softmax")
def _softmax(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return SOFTMAX * prod(output)


@flops_of("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
def _merge(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return (len(inputs) - 1) * prod(output)


@flops_of("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
def _pooling(layer: Any, inputs: list[Shape], output: Shape) -> int:
    size = layer.pool_size
    return prod(output) * (prod(size) if isinstance(size, tuple) else size)


@flops_of(
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "MaskedPooling",
    "MemberMean",
    "ColumnSum",
)
def _global_pooling(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return prod(inputs[0])


@flops_of("SparseLinear")
def _sparse_linear(layer: Any, inputs: list[Shape], output: Shape) -> int:
    return dense_flops(inputs[0][0], layer.units, bias=False) + layer.units


@flops_of("ColumnLinear", "MemberLogits")
def _dense_each(layer: Any, inputs: list[Shape], output: Shape) -> int:
    """A dense layer of its own for each column or member."""
    count, width = inputs[0]
    return count * dense_flops(width, output[-1])
