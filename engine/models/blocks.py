"""Pieces that several families are made of: layers in a family's style, augmentation, residual helpers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers

from engine.models.live import LiveNumber, beside_the_seeds, zeros_are_kept
from engine.specs.models.base import Activation, Initializer, ModelSpec, Normalization


@keras.saving.register_keras_serializable("lathe")
def gelu_tanh(x: Any) -> Any:
    """GELU by its approximation with tanh (Hendrycks & Gimpel 2016), with which the first BERT was trained."""
    return keras.ops.gelu(x, approximate=True)


def activation(name: Activation | Literal["gelu_tanh"], layer_name: str) -> Any:
    """An activation layer."""
    if name == "gelu_tanh":
        return layers.Activation(gelu_tanh, name=layer_name)
    if name == "leaky_relu":
        return layers.LeakyReLU(negative_slope=0.01, name=layer_name)
    return layers.Activation(name, name=layer_name)


def initializer(name: Initializer) -> Any:
    """A fresh kernel initialiser (a shared one would give every layer the same draw)."""
    if name == "truncated_normal":
        return keras.initializers.TruncatedNormal(stddev=0.02)  # BERT's and ViT's; Keras' own default is 0.05
    return keras.initializers.get(name)


@keras.saving.register_keras_serializable("lathe")
class Penalty(keras.regularizers.L1L2):
    """Keras' L1L2 whose factors can be turned without a new trace; a factor of 0 is left out."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__(l1=l1, l2=l2)
        self._live_l1 = LiveNumber(l1, "l1") if l1 else None
        self._live_l2 = LiveNumber(l2, "l2") if l2 else None

    def __call__(self, x: Any) -> Any:
        """l1 · sum|x| + l2 · sum x²."""
        terms = []
        if self._live_l1 is not None:
            terms.append(self._live_l1.get() * keras.ops.sum(keras.ops.absolute(x)))
        if self._live_l2 is not None:
            terms.append(self._live_l2.get() * keras.ops.sum(keras.ops.square(x)))
        return sum(terms[1:], terms[0]) if terms else keras.ops.zeros(())


def penalty(l1: float, l2: float) -> Any:
    """A kernel regulariser, or None where there is nothing to add."""
    return Penalty(l1, l2) if l1 or l2 else None


def normalization(
    kind: Normalization, channels: int, name: str, *, epsilon: float | None = None, **options: Any
) -> Any:
    """A normalisation layer, or None for "none". `options` go to the layer (BatchNormalization's momentum, scale…)."""
    if kind == "batch":
        return layers.BatchNormalization(epsilon=epsilon or 1e-3, name=name, **options)
    if kind == "layer":
        return layers.LayerNormalization(epsilon=epsilon or 1e-6, name=name, **options)
    if kind == "group":
        groups = next(count for count in (32, 16, 8, 4, 2, 1) if channels % count == 0)  # Wu & He 2018 take 32
        return layers.GroupNormalization(groups=groups, epsilon=epsilon or 1e-5, name=name, **options)
    return None


@dataclass(frozen=True)
class Style:
    """What all layers of one model have in common."""

    activation: Activation = "relu"
    initializer: Initializer = "he_normal"
    l1: float = 0.0
    l2: float = 0.0
    normalization: Normalization = "batch"
    norm_epsilon: float | None = None
    norm_momentum: float = 0.9  # the moving statistics settle within a few dozen steps, as short runs need

    @classmethod
    def of(cls, spec: ModelSpec, **changes: Any) -> Style:
        """The style that a document declares."""
        values: dict[str, Any] = {
            "activation": spec.activation,
            "initializer": spec.initializer,
            "l1": spec.l1,
            "l2": spec.l2,
        }
        values["normalization"] = getattr(spec, "normalization", "none")
        return cls(**{**values, **changes})

    def conv(
        self, x: Any, filters: int, kernel: int | tuple[int, int], *, name: str, strides: int = 1, **more: Any
    ) -> Any:
        """`(batch, height, width, channels)` → `(batch, height, width, filters)`; without bias unless asked."""
        more = {"padding": "same", "use_bias": False, "kernel_initializer": initializer(self.initializer), **more}
        return layers.Conv2D(
            filters,
            kernel,
            strides=strides,
            kernel_regularizer=penalty(self.l1, self.l2),
            name=name,
            **more,
        )(x)

    def dense(self, x: Any, units: int, *, name: str, **more: Any) -> Any:
        """`(…, features)` → `(…, units)`."""
        return layers.Dense(
            units,
            kernel_initializer=initializer(self.initializer),
            kernel_regularizer=penalty(self.l1, self.l2),
            name=name,
            **more,
        )(x)

    def norm(self, x: Any, *, name: str, **options: Any) -> Any:
        """Normalise, or pass through for "none"."""
        if self.normalization == "batch":
            options = {"momentum": self.norm_momentum, **options}
        layer = normalization(self.normalization, x.shape[-1], name, epsilon=self.norm_epsilon, **options)
        return x if layer is None else layer(x)

    def act(self, x: Any, *, name: str) -> Any:
        """Activate."""
        return activation(self.activation, name)(x)

    def conv_norm_act(self, x: Any, filters: int, kernel: int | tuple[int, int], *, name: str, **more: Any) -> Any:
        """Convolution, normalisation, activation, named `<name>conv`, `<name>norm`, `<name>act`."""
        bias = self.normalization == "none"  # a bias before a normalisation has no effect
        x = self.conv(x, filters, kernel, name=f"{name}conv", use_bias=bias, **more)
        return self.act(self.norm(x, name=f"{name}norm"), name=f"{name}act")


@keras.saving.register_keras_serializable("lathe")
class Dropout(layers.Dropout):
    """Keras' Dropout (Srivastava et al. 2014) whose rate can be turned without a new trace."""

    def __init__(self, rate: float, **options: Any) -> None:
        # Keras gives a layer that is off no seeds; one that may be turned up needs them.
        super().__init__(0.5 if rate == 0 and zeros_are_kept() else rate, **options)
        self.rate = rate
        self.live_rate = LiveNumber(rate, f"dropout {self.name}")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """`(…)` → the same shape; what stays is scaled by 1 / (1 - rate)."""
        if not training or self.live_rate.is_off:
            return inputs
        return drop(inputs, self.live_rate.get(), self.seed_generator)


def drop(x: Any, rate: Any, seed: Any) -> Any:
    """`x` with a random share `rate` of its numbers set to 0 and the others scaled so that the mean stays."""
    ops = keras.ops
    keep = keras.random.uniform(ops.shape(x), seed=seed) >= rate
    return x * (ops.cast(keep, x.dtype) * ops.cast(1.0 / (1.0 - rate), x.dtype))


def dropout(x: Any, rate: float, *, name: str) -> Any:
    """Dropout where the rate is above 0, or where a rate of 0 may be turned up."""
    if rate:
        return Dropout(rate, name=name)(x)
    if zeros_are_kept():
        with beside_the_seeds():
            return Dropout(rate, name=name)(x)
    return x


@keras.saving.register_keras_serializable("lathe")
class MultiHeadAttention(layers.MultiHeadAttention):
    """Keras' MultiHeadAttention (Vaswani et al. 2017) whose dropout can be turned without a new trace."""

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Build Keras' layer, then let its dropout ask for the rate."""
        super().build(query_shape, value_shape, key_shape)
        if not self.dropout:
            return
        layer, rate = self._dropout_layer, LiveNumber(self.dropout, f"dropout {self.name}")
        layer.call = lambda x, training=False: drop(x, rate.get(), layer.seed_generator) if training else x


@keras.saving.register_keras_serializable("lathe")
class StochasticDepth(layers.Layer):
    """Leaves out a residual branch for a random part of the batch in training (Huang et al. 2016).

    What stays is scaled by 1 / (1 - rate), so that inference needs no correction.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.live_rate = LiveNumber(rate, f"depth {self.name}")
        self.seed_generator = keras.random.SeedGenerator()
        self.supports_masking = True

    def call(self, x: Any, training: bool = False) -> Any:
        """`(batch, …)` → the same shape."""
        if not training or self.live_rate.is_off:
            return x
        rate = self.live_rate.get()
        shape = (keras.ops.shape(x)[0], *[1] * (len(x.shape) - 1))  # one draw an example: (batch, 1, …)
        keep = keras.random.uniform(shape, seed=self.seed_generator) >= rate
        return x * (keras.ops.cast(keep, x.dtype) * keras.ops.cast(1.0 / (1.0 - rate), x.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("lathe")
class LayerScale(layers.Layer):
    """Multiplies each channel by a learned number that starts small (Touvron et al. 2021)."""

    def __init__(self, initial: float = 1e-6, **options: Any) -> None:
        super().__init__(**options)
        self.initial = initial
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """One weight a channel."""
        self.scale = self.add_weight(
            shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial), name="scale"
        )

    def call(self, x: Any) -> Any:
        """`(…, channels)` → the same shape."""
        return x * self.scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "initial": self.initial}


def residual(shortcut: Any, branch: Any, *, rate: float, name: str) -> Any:
    """shortcut + branch, where the branch is left out at random with probability `rate` in training."""
    if rate:
        branch = StochasticDepth(rate, name=f"{name}drop")(branch)
    return layers.Add(name=f"{name}add")([shortcut, branch])


def depth_rates(last: float, count: int) -> list[float]:
    """Stochastic depth rates that grow linearly from 0 to `last` over `count` blocks (Huang et al. 2016)."""
    return [last * index / max(count - 1, 1) for index in range(count)]
