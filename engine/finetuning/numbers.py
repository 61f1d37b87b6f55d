"""A resting matrix in fewer bits: 8 or 4 a weight, with a scale for each column or group.

The matrix is unpacked where it is used and multiplied in full precision (as in QLoRA, Dettmers et al. 2023): what is
saved is memory, not time, and the gradient that passes through is exact for the matrix as it is kept.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from keras import ops
from keras.quantizers import pack_int4, unpack_int4

Kind = Literal["none", "int8", "int4"]
LARGEST = {"int8": 127, "int4": 7}
GROUP = 64  # inputs that share a scale in 4 bits, as in QLoRA; one scale a column would cost much of the precision


class Stored:
    """How a layer keeps its matrix `(inputs, outputs)`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.variables: list[Any] = []

    @property
    def packs(self) -> bool:
        """False where the matrix is kept as it is."""
        return self.kind != "none"

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """Make the variables in `layer`."""
        self._inputs, self._outputs = inputs, outputs
        self._group = GROUP if self.kind == "int4" and inputs % GROUP == 0 else inputs
        rows = -(-inputs // 2) if self.kind == "int4" else inputs
        make = {"trainable": False, "initializer": "zeros"}
        self._packed = layer.add_weight(name=f"kernel_{self.kind}", shape=(rows, outputs), dtype="int8", **make)
        self._scale = layer.add_weight(name="kernel_scale", shape=(inputs // self._group, outputs), **make)
        self.variables = [self._packed, self._scale]

    def pack(self, matrix: np.ndarray) -> None:
        """Keep a matrix: each number as the nearest whole multiple of its group's scale."""
        groups = matrix.reshape(-1, self._group, self._outputs)
        scale = np.abs(groups).max(axis=1) / LARGEST[self.kind]  # (groups, outputs)
        scale = np.where(scale == 0.0, 1.0, scale).astype(np.float32)
        whole = np.rint(groups / scale[:, None]).astype(np.int8).reshape(matrix.shape)
        self._scale.assign(scale)
        self._packed.assign(pack_int4(whole)[0] if self.kind == "int4" else whole)

    def unpacked(self, dtype: str) -> Any:
        """The matrix, as it is multiplied with."""
        whole = self._packed.value
        if self.kind == "int4":
            whole = unpack_int4(whole, self._inputs)
        scale = ops.cast(self._scale, dtype)
        if self._group == self._inputs:
            return ops.cast(whole, dtype) * scale
        groups = ops.reshape(ops.cast(whole, dtype), (-1, self._group, self._outputs))
        return ops.reshape(groups * ops.expand_dims(scale, 1), (self._inputs, self._outputs))
