"""The layers that the layer editor offers. Add one: a class here, a function in `engine.models.graph_layers`."""

from typing import ClassVar, Literal

from engine.specs.base import Choice, setting
from engine.specs.models.base import Activation
from engine.text import N_

LayerActivation = Literal["none"] | Activation
PREVIOUS = "previous"  # as an input: the layer before, whichever that is

ACTIVATION_HELP = N_("Applied to what comes out.")


class LayerSpec(Choice):
    """One layer of a graph.

    `ranks`: how many axes besides the batch an input may have: 1 a vector, 2 a sequence, 3 an image.
    """

    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3)
    most_inputs: ClassVar[int] = 1

    id: str = setting(
        title=N_("Name"),
        help=N_("Other layers name it by this."),
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=40,
    )
    inputs: tuple[str, ...] = setting(
        (),
        title=N_("Inputs"),
        help=N_('Names of earlier layers. Empty or "previous": the layer before.'),
        advanced=True,
        max_length=16,
    )


class Conv2dLayer(LayerSpec):
    """Convolution over an image."""

    kind: Literal["conv2d"] = "conv2d"
    label = N_("Convolution")
    summary = N_("Looks for small patterns everywhere in an image.")
    ranks = (3,)
    filters: int = setting(32, title=N_("Filters"), ge=1, le=4096)
    kernel_size: int = setting(3, title=N_("Kernel"), unit="px", ge=1, le=31)
    strides: int = setting(1, title=N_("Step"), unit="px", ge=1, le=16, help=N_("2 halves the image."))
    dilation: int = setting(1, title=N_("Dilation"), ge=1, le=16, advanced=True)
    padding: Literal["same", "valid"] = setting("same", title=N_("Edges"), advanced=True)
    activation: LayerActivation = setting("relu", title=N_("Activation"), help=ACTIVATION_HELP)


class DepthwiseConv2dLayer(LayerSpec):
    """One convolution a channel (Howard et al. 2017)."""

    kind: Literal["depthwise_conv2d"] = "depthwise_conv2d"
    label = N_("Depthwise convolution")
    summary = N_("A convolution of its own for each channel; cheap.")
    ranks = (3,)
    kernel_size: int = setting(3, title=N_("Kernel"), unit="px", ge=1, le=31)
    strides: int = setting(1, title=N_("Step"), unit="px", ge=1, le=16)
    padding: Literal["same", "valid"] = setting("same", title=N_("Edges"), advanced=True)
    activation: LayerActivation = setting("relu", title=N_("Activation"), help=ACTIVATION_HELP)


class SeparableConv2dLayer(LayerSpec):
    """Depthwise convolution followed by 1×1 (Chollet 2017)."""

    kind: Literal["separable_conv2d"] = "separable_conv2d"
    label = N_("Separable convolution")
    summary = N_("A convolution a channel, then one that mixes the channels.")
    ranks = (3,)
    filters: int = setting(32, title=N_("Filters"), ge=1, le=4096)
    kernel_size: int = setting(3, title=N_("Kernel"), unit="px", ge=1, le=31)
    strides: int = setting(1, title=N_("Step"), unit="px", ge=1, le=16)
    padding: Literal["same", "valid"] = setting("same", title=N_("Edges"), advanced=True)
    activation: LayerActivation = setting("relu", title=N_("Activation"), help=ACTIVATION_HELP)


class Conv1dLayer(LayerSpec):
    """Convolution over a sequence."""

    kind: Literal["conv1d"] = "conv1d"
    label = N_("Convolution over a sequence")
    summary = N_("Looks for short patterns everywhere in a sequence.")
    ranks = (2,)
    filters: int = setting(64, title=N_("Filters"), ge=1, le=4096)
    kernel_size: int = setting(3, title=N_("Kernel"), unit="tokens", ge=1, le=127)
    strides: int = setting(1, title=N_("Step"), unit="tokens", ge=1, le=16)
    padding: Literal["same", "valid", "causal"] = setting("same", title=N_("Edges"), advanced=True)
    activation: LayerActivation = setting("relu", title=N_("Activation"), help=ACTIVATION_HELP)


class PoolLayer(LayerSpec):
    """The largest value or the mean of neighbours."""

    kind: Literal["pool"] = "pool"
    label = N_("Pooling")
    summary = N_("Makes an image or a sequence smaller: the largest value or the mean of neighbours.")
    ranks = (2, 3)
    method: Literal["max", "average"] = setting("max", title=N_("Method"))
    size: int = setting(2, title=N_("Size"), ge=2, le=64, help=N_("2 halves each side."))


class GlobalPoolLayer(LayerSpec):
    """One number a channel."""

    kind: Literal["global_pool"] = "global_pool"
    label = N_("Global pooling")
    summary = N_("Turns an image or a sequence into one vector: the mean or the largest value of each channel.")
    ranks = (2, 3)
    method: Literal["average", "max"] = setting("average", title=N_("Method"))


class DenseLayer(LayerSpec):
    """A matrix times the last axis."""

    kind: Literal["dense"] = "dense"
    label = N_("Dense")
    summary = N_("Every output sees every input of the last axis.")
    units: int = setting(128, title=N_("Units"), ge=1, le=65_536)
    activation: LayerActivation = setting("relu", title=N_("Activation"), help=ACTIVATION_HELP)


class FlattenLayer(LayerSpec):
    """All numbers in one row."""

    kind: Literal["flatten"] = "flatten"
    label = N_("Flatten")
    summary = N_("Turns an image or a sequence into one long vector.")


class ReshapeLayer(LayerSpec):
    """The same numbers in another shape."""

    kind: Literal["reshape"] = "reshape"
    label = N_("Reshape")
    summary = N_("Puts the same numbers into another shape.")
    shape: tuple[int, ...] = setting(
        (-1,),
        title=N_("Shape"),
        help=N_("Without the batch. One -1 stands for what is left."),
        min_length=1,
        max_length=3,
    )


class AttentionLayer(LayerSpec):
    """Multi-head attention (Vaswani et al. 2017); with two inputs the first asks and the second answers."""

    kind: Literal["attention"] = "attention"
    label = N_("Attention")
    summary = N_("Every place of a sequence looks at every other.")
    ranks = (2,)
    most_inputs = 2
    heads: int = setting(4, title=N_("Attention heads"), ge=1, le=64)
    head_width: int = setting(
        0, title=N_("Width of a head"), ge=0, le=1024, help=N_("0: the width of the input shared by the heads.")
    )
    dropout: float = setting(0.0, live=True, title=N_("Dropout"), ge=0.0, le=0.9, step=0.05)


class RecurrentLayer(LayerSpec):
    """LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014), also in both directions."""

    kind: Literal["recurrent"] = "recurrent"
    label = N_("Recurrent")
    summary = N_("Reads a sequence step by step and remembers.")
    ranks = (2,)
    cell: Literal["lstm", "gru"] = setting("lstm", title=N_("Cell"))
    units: int = setting(64, title=N_("Units"), ge=1, le=4096)
    bidirectional: bool = setting(True, title=N_("Both directions"))
    whole_sequence: bool = setting(
        False, title=N_("Keep every step"), help=N_("Put out what it knew at each step instead of at the end only.")
    )


class EmbeddingLayer(LayerSpec):
    """A learned vector a token."""

    kind: Literal["embedding"] = "embedding"
    label = N_("Embedding")
    summary = N_("Turns token numbers into vectors; takes the texts themselves.")
    ranks = (1,)
    width: int = setting(64, title=N_("Width"), ge=1, le=4096)


class PositionsLayer(LayerSpec):
    """Adds where a token stands."""

    kind: Literal["positions"] = "positions"
    label = N_("Positions")
    summary = N_("Tells attention where each token stands.")
    ranks = (2,)
    method: Literal["learned", "sinusoidal"] = setting("learned", title=N_("Method"))


class NormalizationLayer(LayerSpec):
    """Batch (Ioffe & Szegedy 2015), layer (Ba et al. 2016) or group normalisation (Wu & He 2018)."""

    kind: Literal["normalization"] = "normalization"
    label = N_("Normalization")
    summary = N_("Keeps numbers in a range that trains well.")
    method: Literal["batch", "layer", "group"] = setting("batch", title=N_("Over"))


class DropoutLayer(LayerSpec):
    """Leaves out numbers at random in training (Srivastava et al. 2014)."""

    kind: Literal["dropout"] = "dropout"
    label = N_("Dropout")
    summary = N_("Leaves out numbers at random in training, against learning by heart.")
    rate: float = setting(0.2, live=True, title=N_("Share"), ge=0.0, le=0.9, step=0.05)


class StochasticDepthLayer(LayerSpec):
    """Leaves out a branch for some examples in training (Huang et al. 2016)."""

    kind: Literal["stochastic_depth"] = "stochastic_depth"
    label = N_("Stochastic depth")
    summary = N_("Leaves out a whole branch for some examples in training; put it at the end of a branch.")
    rate: float = setting(0.1, live=True, title=N_("Share"), ge=0.0, le=0.8, step=0.05)


class ActivationLayer(LayerSpec):
    """A bend."""

    kind: Literal["activation"] = "activation"
    label = N_("Activation")
    summary = N_("A bend, without which layers in a row would be one.")
    function: Activation = setting("relu", title=N_("Function"))


class AddLayer(LayerSpec):
    """The sum of branches of one shape: a residual connection."""

    kind: Literal["add"] = "add"
    label = N_("Add (shortcut)")
    summary = N_("Adds branches of the same shape, as residual networks do.")
    most_inputs = 16


class MultiplyLayer(LayerSpec):
    """The product of branches of one shape: a gate."""

    kind: Literal["multiply"] = "multiply"
    label = N_("Multiply (gate)")
    summary = N_("Multiplies branches of the same shape, so that one gates the other.")
    most_inputs = 16


class ConcatenateLayer(LayerSpec):
    """Branches side by side."""

    kind: Literal["concatenate"] = "concatenate"
    label = N_("Join")
    summary = N_("Puts branches side by side; their sizes may differ in the last axis only.")
    most_inputs = 16
