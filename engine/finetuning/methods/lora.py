"""LoRA (Hu et al. 2022) with its two relatives: rank-stabilised (Kalajdzievski 2023) and DoRA (Liu et al. 2024)."""

from __future__ import annotations

from math import sqrt
from typing import Any

import keras
import numpy as np
from keras import ops

from engine.finetuning.changes import Change
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite
from engine.finetuning.targets import check_rank, chosen, matrices, replaced
from engine.models.blocks import drop
from engine.models.live import LiveNumber, beside_the_seeds, zeros_are_kept
from engine.specs.finetuning import Lora


class LowRank(Change):
    """`x W + b + s · (x A) B`, where W rests: A `(inputs, rank)` is drawn, B `(rank, outputs)` begins at 0.

    Never `x (W + s · A B)`: the gradient of a whole matrix would cost what the method is to save. Parameters: rank ·
    (inputs + outputs) a matrix.

    Args:
        rank: width of A and B.
        scale: s.
        dropout: share of x that is left out before A, in training; a live number.
    """

    kind = "lora"

    def __init__(self, rank: int, scale: float, dropout: float = 0.0) -> None:
        self.rank, self.scale, self.dropout = rank, scale, dropout

    def config(self) -> dict[str, Any]:
        """See `Change`."""
        return {"rank": self.rank, "scale": self.scale, "dropout": self.dropout}

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """See `Change`. A is drawn as the authors' code draws it: uniform in ±1/√inputs."""
        bound = 1.0 / sqrt(inputs)
        start = keras.initializers.RandomUniform(-bound, bound)
        self.a = layer.add_weight(name="lora_a", shape=(inputs, self.rank), initializer=start)
        self.b = layer.add_weight(name="lora_b", shape=(self.rank, outputs), initializer="zeros")
        self.rate: LiveNumber | None = None
        if self.dropout:
            self._build_dropout(layer)
        elif zeros_are_kept():
            with beside_the_seeds():
                self._build_dropout(layer)

    def _build_dropout(self, layer: Any) -> None:
        self.rate = LiveNumber(self.dropout, f"adapter_dropout {layer.path}")
        layer.adapter_seeds = self.seeds = keras.random.SeedGenerator()

    def after(self, layer: Any, x: Any, y: Any, training: bool) -> Any:
        """See `Change`."""
        return layer.with_bias(y) + self._added(layer, x, training)

    def _added(self, layer: Any, x: Any, training: bool) -> Any:
        if training and self.rate is not None and not self.rate.is_off:
            x = drop(x, self.rate.get(), self.seeds)
        z = layer.reduced(x, self.a) * ops.cast(self.scale, x.dtype)  # (…, rank): the narrowest place to scale at
        return layer.expanded(z, self.b)

    def flops(self, inputs: int, outputs: int) -> int:
        """See `Change`."""
        return 2 * self.rank * (inputs + outputs) + self.rank + outputs

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """See `Change`."""
        return kernel + self.scale * _array(self.a) @ _array(self.b), bias


class Dora(LowRank):
    """`m / ‖W + s A B‖ · (x W + s (x A) B) + b`: the length m `(outputs,)` of each column learns apart from where it
    points. The norm counts as a number in the gradient (section 4.3). Parameters: those of LoRA and one a column."""

    kind = "dora"

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """See `Change`."""
        super().build(layer, inputs, outputs)
        self.magnitude = layer.add_weight(name="dora_magnitude", shape=(outputs,), initializer="ones")

    def begin(self, layer: Any) -> None:
        """The columns' own lengths, worked out as they will be in training: at first their quotient is exactly 1."""
        self.magnitude.assign(self._lengths(layer))

    def after(self, layer: Any, x: Any, y: Any, training: bool) -> Any:
        """See `Change`."""
        share = ops.cast(self.magnitude, x.dtype) / ops.stop_gradient(self._lengths(layer))
        return layer.with_bias((y + self._added(layer, x, training)) * layer.shaped(share))

    def _lengths(self, layer: Any) -> Any:
        matrix = layer.matrix()
        added = ops.matmul(ops.cast(self.a, matrix.dtype), ops.cast(self.b, matrix.dtype))
        return ops.sqrt(ops.sum(ops.square(matrix + self.scale * added), axis=0))

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """See `Change`."""
        kernel, bias = super().merged(kernel, bias)
        return kernel * (_array(self.magnitude) / np.sqrt(np.square(kernel).sum(axis=0))), bias


@method(Lora)
def lora(spec: Lora, body: Any) -> Any:
    """Put a pair of narrow matrices beside each chosen one.

    Raises:
        EngineError: BAD_INPUT where no layer is of the chosen kind, or the rank is more than a matrix has.
    """
    wanted = chosen(body, spec.targets)
    check_rank(spec.rank, matrices(wanted, spec.targets))
    rest(body)
    scale = spec.alpha / (sqrt(spec.rank) if spec.rank_stabilised else spec.rank)
    kind = Dora if spec.weight_decomposed else LowRank

    def make(name: str, inputs: int, outputs: int) -> Change:
        return kind(spec.rank, scale, spec.adapter_dropout)

    return rewrite(body, replaced(spec.targets, wanted, make))


def _array(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable))
