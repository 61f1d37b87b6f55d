"""IA³ (Liu et al. 2022): keys, values and the inside of the dense layers are scaled by learned vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from engine.errors import EngineError, ErrorKind
from engine.finetuning.attention import tuned_attention
from engine.finetuning.changes import Change
from engine.finetuning.linear import tuned
from engine.finetuning.methods import method, rest
from engine.finetuning.rewrite import rewrite
from engine.finetuning.targets import attentions, counts, inner_reductions
from engine.specs.finetuning import Ia3
from engine.text import N_


class ScaledOutputs(Change):
    """`l ⊙ (x W + b)`: one learned number for each output, 1 at first."""

    kind = "ia3_outputs"

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """See `Change`."""
        self.scale = layer.add_weight(name="ia3_scale", shape=(outputs,), initializer="ones")

    def after(self, layer: Any, x: Any, y: Any, training: bool) -> Any:
        """See `Change`."""
        return layer.with_bias(y) * layer.shaped(self.scale)

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """See `Change`."""
        scale = np.asarray(ops.convert_to_numpy(self.scale))
        return kernel * scale, None if bias is None else bias * scale


class ScaledInputs(Change):
    """`(l ⊙ x) W + b`: one learned number for each input, 1 at first."""

    kind = "ia3_inputs"

    def build(self, layer: Any, inputs: int, outputs: int) -> None:
        """See `Change`."""
        self.scale = layer.add_weight(name="ia3_scale", shape=(inputs,), initializer="ones")

    def before(self, x: Any) -> Any:
        """See `Change`."""
        return x * ops.cast(self.scale, x.dtype)

    def merged(self, kernel: Any, bias: Any) -> tuple[Any, Any]:
        """See `Change`."""
        return kernel * np.asarray(ops.convert_to_numpy(self.scale))[:, None], bias


@method(Ia3)
def ia3(spec: Ia3, body: Any) -> Any:
    """Scale keys and values of each attention layer, and what goes into the second dense layer of each block.

    Parameters: 2 · width + inner width a block.

    Raises:
        EngineError: BAD_INPUT for a body that has neither.
    """
    attention, inner = attentions(body), inner_reductions(body)
    if not attention and not inner:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_(
                "IA³ scales attention and the dense layers inside blocks; this body has {attention} attention and "
                "{dense} dense layers, and no such block."
            ),
            hint=N_("Choose LoRA with “all” as the place, or another method."),
            **counts(body),
        )
    rest(body)
    inside = {id(layer) for layer in inner}
    projected = {id(layer) for layer in attention}

    def replace(layer: Any) -> Any:
        if id(layer) in projected:
            return tuned_attention(layer, {"key": ScaledOutputs(), "value": ScaledOutputs()})
        return tuned(layer, ScaledInputs()) if id(layer) in inside else None

    return rewrite(body, replace)
