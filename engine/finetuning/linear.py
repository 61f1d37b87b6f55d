"""Dense, projecting and convolving layers whose matrix rests while something added to it learns.

Each keeps the name and the weights of the layer whose place it takes, and can be turned back into one. The matrix may
be kept in fewer bits (`engine.finetuning.numbers`).
"""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from engine.finetuning import changes, numbers
from engine.finetuning.changes import Change


class _Tuned:
    """What the layers here have in common; each is seen as a matrix `(inputs, outputs)`."""

    change: Change | None
    stored: numbers.Stored

    def _prepare(self, change: Any, stored: str) -> None:
        self.change = changes.from_record(change)
        self.stored = numbers.Stored(stored)

    def _build_change(self) -> None:
        """Rest the layer's own weights and make those of the change."""
        for variable in self.own_weights:
            variable.trainable = False
        if self.change is not None:
            self.change.build(self, *self.matrix_shape)

    @property
    def own_weights(self) -> list[Any]:
        """The weights of the layer that this one stands for."""
        kernel = [] if self.stored.packs else [self._kernel]  # type: ignore[attr-defined]
        return [*kernel, *self.stored.variables, *([] if self.bias is None else [self.bias])]  # type: ignore[attr-defined]

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Of the weight as the layer keeps it."""
        raise NotImplementedError

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """`(inputs, outputs)`."""
        raise NotImplementedError

    def matrix(self) -> Any:
        """The layer's own matrix `(inputs, outputs)`."""
        if self.stored.packs:
            return self.stored.unpacked(self.compute_dtype)  # type: ignore[attr-defined]
        return ops.reshape(self._kernel, self.matrix_shape)  # type: ignore[attr-defined]

    def with_bias(self, y: Any) -> Any:
        """Plus the bias, where there is one."""
        return y if self.bias is None else ops.add(y, self.bias)  # type: ignore[attr-defined]

    def take(self, old: Any) -> None:
        """Take the weights of the layer whose place this one takes."""
        kernel = ops.convert_to_numpy(old._kernel)
        if self.stored.packs:
            self.stored.pack(kernel.reshape(self.matrix_shape))
        else:
            self._kernel.assign(kernel)  # type: ignore[attr-defined]
        if self.bias is not None:  # type: ignore[attr-defined]
            self.bias.assign(old.bias)  # type: ignore[attr-defined]
        if self.change is not None:
            mine, theirs = {v.name: v for v in self.weights}, {v.name: v for v in old.weights}  # type: ignore[attr-defined]
            for name in set(mine) & set(theirs) - {"kernel", "bias"}:  # of the same change in the old layer
                mine[name].assign(theirs[name])
            self.change.begin(self)

    def folded(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Kernel and bias, as the layer keeps them, that do the same without the change."""
        bias = None if self.bias is None else np.array(ops.convert_to_numpy(self.bias))  # type: ignore[attr-defined]
        shape = None if bias is None else bias.shape
        kernel = np.array(ops.convert_to_numpy(self.matrix()))
        if self.change is not None:
            kernel, bias = self.change.merged(kernel, None if bias is None else bias.reshape(-1))
        return kernel.reshape(self.kernel_shape), None if bias is None else bias.reshape(shape)

    def save_own_variables(self, store: Any) -> None:
        """All variables in their order; Keras' dense layers would keep kernel and bias alone."""
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """What `save_own_variables` kept."""
        layers.Layer.load_own_variables(self, store)

    def _linear(self, x: Any, training: bool, multiply: Any) -> Any:
        """The layer's product with its change around it; `multiply(x)` is the product alone."""
        if self.change is None:
            return self.with_bias(multiply(x))
        x = self.change.before(x)
        return self.change.after(self, x, multiply(x), training)

    def expanded(self, z: Any, matrix: Any) -> Any:
        """`(…, r)` times a matrix `(r, outputs)`, in the shape of the output."""
        return ops.matmul(z, matrix)

    def shaped(self, vector: Any) -> Any:
        """A vector `(outputs,)` as it lies along the output."""
        return vector

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        change = None if self.change is None else changes.to_record(self.change)
        return {**super().get_config(), "change": change, "stored": self.stored.kind}  # type: ignore[misc]


@keras.saving.register_keras_serializable("lathe")
class TunedDense(_Tuned, layers.Dense):
    """A dense layer `(…, inputs)` → `(…, units)` with a change."""

    def __init__(self, units: int, change: Any = None, stored: str = "none", **options: Any) -> None:
        super().__init__(units, **options)
        self._prepare(change, stored)

    def build(self, input_shape: Any) -> None:
        """The layer's own weights, which rest, and those of the change."""
        self._inputs = int(input_shape[-1])
        if self.stored.packs:
            self.stored.build(self, self._inputs, self.units)
            self.bias = self.add_weight(name="bias", shape=(self.units,)) if self.use_bias else None
        else:
            super().build(input_shape)
        self._build_change()
        self.built = True

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """`(inputs, units)`."""
        return (self._inputs, self.units)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """`(inputs, units)`."""
        return (self._inputs, self.units)

    def reduced(self, x: Any, matrix: Any) -> Any:
        """`x` times a matrix `(inputs, r)`."""
        return ops.matmul(x, matrix)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """See the class."""
        y = self._linear(inputs, training, lambda x: ops.matmul(x, self.matrix()))
        return y if self.activation is None else self.activation(y)


@keras.saving.register_keras_serializable("lathe")
class TunedProjection(_Tuned, layers.EinsumDense):
    """A projection of an attention layer: `(…, inputs)` → `(…, heads, width)`, or back, with a change."""

    def __init__(self, equation: str, output_shape: Any, change: Any = None, stored: str = "none", **more: Any) -> None:
        super().__init__(equation, output_shape, **more)
        self._prepare(change, stored)

    def build(self, input_shape: Any) -> None:
        """The layer's own weights, which rest, and those of the change."""
        left, _, right = self.equation.partition("->")
        into, kernel = left.split(",")
        # Letters of the kernel that are not in the output are summed over; they stand first in it.
        self._summed = sum(letter not in right for letter in kernel)
        self._into = tuple(int(size) for size in input_shape[len(into) - self._summed :])
        self._out = tuple(int(size) for size in self.partial_output_shape[-(len(kernel) - self._summed) :])
        if self.stored.packs:
            self.stored.build(self, *self.matrix_shape)
            self.bias = self.add_weight(name="bias", shape=self._out) if self.bias_axes else None
            self.built = True
        else:
            super().build(input_shape)
        self._build_change()

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """`(*inputs, *outputs)`."""
        return (*self._into, *self._out)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Heads and their width count as one."""
        return prod(self._into), prod(self._out)

    def reduced(self, x: Any, matrix: Any) -> Any:
        """`x` times a matrix `(inputs, r)`."""
        if self._summed > 1:
            x = ops.reshape(x, (*ops.shape(x)[: -self._summed], prod(self._into)))
        return ops.matmul(x, matrix)

    def expanded(self, z: Any, matrix: Any) -> Any:
        """`(…, r)` times a matrix `(r, outputs)`, in the shape of the output."""
        y = ops.matmul(z, matrix)
        return y if len(self._out) == 1 else ops.reshape(y, (*ops.shape(y)[:-1], *self._out))

    def shaped(self, vector: Any) -> Any:
        """A vector `(outputs,)` as it lies along the output."""
        return ops.reshape(vector, self._out)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """See the class."""
        return self._linear(inputs, training, self._multiply)

    def _multiply(self, x: Any) -> Any:
        kernel = ops.reshape(self.matrix(), self.kernel_shape) if self.stored.packs else self._kernel
        return ops.einsum(self.equation, x, kernel)


@keras.saving.register_keras_serializable("lathe")
class TunedConv(_Tuned, layers.Conv2D):
    """A convolution with a change: its matrix takes the numbers of a patch to the channels at its place."""

    def __init__(self, filters: int, kernel_size: Any, change: Any = None, stored: str = "none", **more: Any) -> None:
        super().__init__(filters, kernel_size, **more)
        self._prepare(change, stored)

    def build(self, input_shape: Any) -> None:
        """The layer's own weights, which rest, and those of the change."""
        self._channels = int(input_shape[-1])
        if self.stored.packs:
            self.stored.build(self, *self.matrix_shape)
            self.bias = self.add_weight(name="bias", shape=(self.filters,)) if self.use_bias else None
            self.built = True
        else:
            super().build(input_shape)
        self._build_change()

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """`(height, width, channels, filters)`."""
        return (*self.kernel_size, self._channels, self.filters)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """`(height · width · channels, filters)`."""
        return prod(self.kernel_size) * self._channels, self.filters

    def reduced(self, x: Any, matrix: Any) -> Any:
        """The convolution whose kernels are the columns of a matrix `(inputs, r)`."""
        return self.convolution_op(x, ops.reshape(matrix, (*self.kernel_size, self._channels, -1)))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """See the class."""
        y = self._linear(inputs, training, lambda x: self.reduced(x, self.matrix()))
        return y if self.activation is None else self.activation(y)


def plain_config(layer: Any) -> dict[str, Any]:
    """The configuration of a layer without what only its tuned form knows."""
    return {k: v for k, v in layer.get_config().items() if k not in ("change", "stored", "parts", "prefix")}


_TUNED: dict[Any, Any] = {layers.Dense: TunedDense, layers.Conv2D: TunedConv}
_PLAIN: dict[Any, Any] = {tuned: plain for plain, tuned in _TUNED.items()}


def tuned(layer: Any, change: Change | None, stored: str = "none") -> Any:
    """The tuned form of a dense layer or a convolution."""
    config = {**layer.get_config(), "kernel_initializer": "zeros", "trainable": True}  # its weights are taken over
    return _TUNED[type(layer)].from_config({**config, "change": change, "stored": stored})


def plain(layer: Any) -> Any:
    """A fresh dense layer or convolution for a tuned one; `layer.folded()` are its weights."""
    return _PLAIN[type(layer)].from_config({**plain_config(layer), "trainable": True})
