"""The layers that make tensors from raw examples inside the exported model.

They compute what `Encoder.encode` computes, from the same functions, so that a served model and an evaluated one give
the same numbers. Text needs TensorFlow's string operations: exported text models run on that backend.
"""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("lathe")
class ToSize(keras.layers.Layer):
    """Resize images `(batch, height, width, channels)` to one square, bilinear with antialiasing, to whole values.

    Args:
        size_px: height and width of the result.
        keep_aspect_ratio: pad the shorter side with black instead of stretching it.
    """

    def __init__(self, size_px: int, keep_aspect_ratio: bool = False, **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.size_px = size_px
        self.keep_aspect_ratio = keep_aspect_ratio

    def call(self, images: Any) -> Any:
        """Values stay in 0 to 255; rounding keeps them equal to images stored as bytes."""
        size = (self.size_px, self.size_px)
        images = ops.cast(images, "float32")
        images = ops.image.resize(
            images,
            size,
            interpolation="bilinear",
            antialias=True,
            pad_to_aspect_ratio=self.keep_aspect_ratio,
            data_format="channels_last",
        )
        return ops.clip(ops.round(images), 0.0, 255.0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """`(batch, size, size, channels)`."""
        return (input_shape[0], self.size_px, self.size_px, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        return {**super().get_config(), "size_px": self.size_px, "keep_aspect_ratio": self.keep_aspect_ratio}


class Learned(keras.layers.Layer):
    """A layer whose weights are figures that an encoder learned, not weights that training moves.

    They are saved like weights; `constants` gives them when the layer is first built, the file when it is loaded.
    """

    def __init__(self, constants: dict[str, np.ndarray] | None = None, **kwargs: Any) -> None:
        shapes = kwargs.pop("shapes", None)
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self._constants = constants
        if constants is not None:
            shapes = {name: [list(np.shape(v)), str(np.asarray(v).dtype)] for name, v in constants.items()}
        self.shapes: dict[str, list[Any]] = shapes or {}

    def build(self, *input_shape: Any) -> None:
        """Make one fixed weight a constant."""
        self.kept = {}
        for name, (shape, dtype) in self.shapes.items():
            weight = self.add_weight(
                name=name, shape=tuple(shape), dtype=dtype, initializer="zeros", trainable=False, autocast=False
            )
            if self._constants is not None:
                weight.assign(self._constants[name])
            self.kept[name] = weight
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs; the figures themselves lie with the weights."""
        config = super().get_config()
        config.pop("dtype", None)
        config.pop("trainable", None)
        return {**config, "shapes": self.shapes}


@keras.saving.register_keras_serializable("lathe")
class Column(keras.layers.Layer):
    """One value a row: `(batch,)` → `(batch, 1)`."""

    def call(self, values: Any) -> Any:
        """See the class."""
        return values[:, None]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """`(batch, 1)`."""
        return (*input_shape, 1)


@keras.saving.register_keras_serializable("lathe")
class NumberEncoding(Learned):
    """Raw numbers `(batch, 1)` with NaN for missing → `(batch, 1, width)`, by the figures of `NumberColumn`.

    Args:
        constants: `kind`-specific arrays, see `engine.models.encoding_table.NumberColumn.constants`.
        method: "standard", "quantile" or "piecewise_linear".
        width: length of the encoding; what a column does not fill stays zero.
        flag: whether the last place is 1 where the value is missing.
    """

    def __init__(self, method: str, width: int, flag: bool, constants: Any = None, **kwargs: Any) -> None:
        super().__init__(constants, **kwargs)
        self.method, self.width, self.flag = method, width, flag

    def call(self, values: Any) -> Any:
        """See the class."""
        x = ops.cast(values, "float32")  # (batch, 1)
        missing = ops.isnan(x)
        kept = self.kept
        x = ops.where(missing, ops.zeros_like(x), x - kept["origin"])
        if self.method == "standard":
            parts = ops.clip(x / kept["scale"], -kept["limit"], kept["limit"])
        elif self.method == "quantile":
            parts = interpolate(x, kept["knots"], kept["values"])
        else:
            lower, upper = kept["edges"][:-1], kept["edges"][1:]
            parts = ops.clip((x - lower) / (upper - lower), kept["low"], kept["high"])  # (batch, bins)
        parts = ops.where(missing, ops.zeros_like(parts), parts)
        space = self.width - int(self.flag) - parts.shape[-1]
        pieces = [parts, ops.zeros((ops.shape(x)[0], space), "float32")] if space else [parts]
        if self.flag:
            pieces.append(ops.cast(missing, "float32"))
        return ops.concatenate(pieces, axis=-1)[:, None, :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """`(batch, 1, width)`."""
        return (input_shape[0], 1, self.width)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        return {**super().get_config(), "method": self.method, "width": self.width, "flag": self.flag}


def interpolate(x: Any, knots: Any, values: Any) -> Any:
    """Piecewise linear through `knots` `(k,)` → `values` `(k,)`, constant beyond them; `x` is `(batch, 1)`."""
    share = ops.clip((x - knots[:-1]) / (knots[1:] - knots[:-1]), 0.0, 1.0)  # (batch, k - 1)
    return values[0] + ops.matmul(share, (values[1:] - values[:-1])[:, None])  # (batch, 1)


@keras.saving.register_keras_serializable("lathe")
class UnscaleTarget(keras.layers.Layer):
    """The model's scaled number `(batch, 1)` → its own unit; the inverse of `TargetScaler`."""

    def __init__(self, method: str, numbers: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.method, self.numbers = method, numbers

    def call(self, scaled: Any) -> Any:
        """See the class."""
        z = ops.cast(scaled, "float32")
        n = self.numbers
        if self.method != "quantile_normal":
            y = z * n["deviation"] + n["mean"]
            return ops.exp(y) - n["shift"] if self.method == "log" else y
        knots, values = np.array(n["scores"], np.float32), np.array(n["values"], np.float32)
        slope = np.diff(n["values"]) / np.diff(n["scores"])
        inside = interpolate(z, ops.convert_to_tensor(knots), ops.convert_to_tensor(values))
        below = ops.minimum(z - float(knots[0]), 0.0) * float(slope[0])
        above = ops.maximum(z - float(knots[-1]), 0.0) * float(slope[-1])
        return inside + below + above

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs."""
        return {**super().get_config(), "method": self.method, "numbers": self.numbers}
