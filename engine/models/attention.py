"""What transformers are made of: positions, the class token, the encoder block."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from engine.models.blocks import MultiHeadAttention, Style, dropout, initializer, penalty, residual


@keras.saving.register_keras_serializable("lathe")
class ClassToken(layers.Layer):
    """Puts one learned token before the others: `(batch, tokens, width)` → `(batch, tokens + 1, width)`."""

    def build(self, input_shape: Any) -> None:
        """One vector."""
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer="zeros", name="token")

    def call(self, x: Any) -> Any:
        """Repeat the token for each example and join."""
        token = ops.cast(self.token, x.dtype)
        token = ops.broadcast_to(token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """One token more."""
        return (input_shape[0], input_shape[1] + 1, input_shape[2])


@keras.saving.register_keras_serializable("lathe")
class Positions(layers.Layer):
    """Adds a vector for each place: learned (Devlin et al. 2019) or sines (Vaswani et al. 2017).

    `(batch, length, width)` → the same shape. A learned table has `longest` rows, of which the first `length` are used.
    """

    def __init__(self, longest: int, method: Literal["learned", "sinusoidal"] = "learned", **options: Any) -> None:
        super().__init__(**options)
        self.longest = longest
        self.method = method
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """The table `(longest, width)`."""
        shape = (self.longest, input_shape[-1])
        if self.method == "learned":
            self.table = self.add_weight(shape=shape, initializer=initializer("truncated_normal"), name="table")
        else:
            self.table = sines(*shape)

    def call(self, x: Any) -> Any:
        """Add the first rows of the table."""
        return x + ops.cast(self.table, x.dtype)[: ops.shape(x)[1]]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The same shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "longest": self.longest, "method": self.method}


def sines(length: int, width: int) -> np.ndarray:
    """The table of Vaswani et al. 2017, section 3.5: sin and cos of place / 10000^(2i / width)."""
    place = np.arange(length)[:, None]
    angle = place * np.exp(-math.log(10_000.0) * (np.arange(width) // 2 * 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


@keras.saving.register_keras_serializable("lathe")
class PaddingMask(layers.Layer):
    """`(batch, length)` token numbers → bool `(batch, 1, length)`: which places may be looked at (0 is padding).

    The first place may always be looked at, so that an empty text does not divide by zero.
    """

    def call(self, tokens: Any) -> Any:
        """True where there is a token."""
        first = ops.arange(ops.shape(tokens)[1]) == 0
        return ops.expand_dims(ops.logical_or(ops.not_equal(tokens, 0), first), axis=1)

    def compute_output_spec(self, tokens: Any) -> Any:
        """Shape and dtype."""
        return keras.KerasTensor((tokens.shape[0], 1, tokens.shape[1]), dtype="bool")


@keras.saving.register_keras_serializable("lathe")
class MaskedPooling(layers.Layer):
    """`(batch, length, width)` and the mask `(batch, 1, length)` → `(batch, width)`: mean or maximum of what counts."""

    def __init__(self, method: Literal["average", "max"] = "average", **options: Any) -> None:
        super().__init__(**options)
        self.method = method
        self.supports_masking = True  # recurrent layers hand their mask on; it ends here

    def compute_mask(self, *inputs: Any, **masks: Any) -> None:
        """No places are left that could be masked."""

    def call(self, x: Any, mask_places: Any) -> Any:
        """Pool over the places that the mask names."""
        weights = ops.cast(ops.swapaxes(mask_places, 1, 2), x.dtype)  # (batch, length, 1)
        if self.method == "max":
            return ops.max(x * weights + (weights - 1.0) * 1e4, axis=1)  # 1e4 still fits half precision
        return ops.sum(x * weights, axis=1) / ops.sum(weights, axis=1)

    def compute_output_shape(self, x_shape: Any, mask_places_shape: Any = None) -> Any:
        """Without the length."""
        return (x_shape[0], x_shape[2])

    def get_config(self) -> dict[str, Any]:
        """For saving."""
        return {**super().get_config(), "method": self.method}


@keras.saving.register_keras_serializable("lathe")
class FirstToken(layers.Layer):
    """`(batch, length, width)` → the first place `(batch, width)`."""

    def call(self, x: Any) -> Any:
        """Take it."""
        return x[:, 0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without the length."""
        return (input_shape[0], input_shape[2])


def encoder_block(
    style: Style,
    x: Any,
    *,
    heads: int,
    inner_width: int,
    name: str,
    dropout_rate: float = 0.0,
    depth_rate: float = 0.0,
    norm_first: bool = True,
    mask: Any = None,
) -> Any:
    """One transformer encoder block, `(batch, length, width)` → the same shape (Vaswani et al. 2017).

    `norm_first`: normalise before attention and dense layers (Xiong et al. 2020; trains without warm-up), else after
    each sum as in the paper and in BERT.
    """
    x = _sublayer(
        style,
        x,
        lambda y: _attend(style, y, heads, dropout_rate, mask, f"{name}attention"),
        rates=(dropout_rate, depth_rate),
        norm_first=norm_first,
        name=f"{name}attention",
    )
    return _sublayer(
        style,
        x,
        lambda y: _feed_forward(style, y, inner_width, name),
        rates=(dropout_rate, depth_rate),
        norm_first=norm_first,
        name=f"{name}dense",
    )


def _sublayer(style: Style, x: Any, apply: Any, *, rates: tuple[float, float], norm_first: bool, name: str) -> Any:
    """x + apply(x), normalised before or after."""
    y = apply(style.norm(x, name=f"{name}norm") if norm_first else x)
    y = dropout(y, rates[0], name=f"{name}dropout")
    x = residual(x, y, rate=rates[1], name=name)
    return x if norm_first else style.norm(x, name=f"{name}norm")


def _attend(style: Style, x: Any, heads: int, rate: float, mask: Any, name: str) -> Any:
    attention = MultiHeadAttention(
        heads,
        x.shape[-1] // heads,
        dropout=rate,
        kernel_initializer=initializer(style.initializer),
        kernel_regularizer=penalty(style.l1, style.l2),
        name=name,
    )
    return attention(x, x) if mask is None else attention(x, x, attention_mask=mask)


def _feed_forward(style: Style, x: Any, inner_width: int, name: str) -> Any:
    y = style.dense(x, inner_width, name=f"{name}expand")
    return style.dense(style.act(y, name=f"{name}act"), x.shape[-1], name=f"{name}reduce")
