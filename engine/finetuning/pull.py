"""L2-SP (Li et al. 2018): what is pretrained is pulled back to where it began, `α/2 · ‖w - w₀‖²`.

Its gradient `α · (w - w₀)` is added inside the compiled step.
"""

from __future__ import annotations

from typing import Any

import keras

from engine.finetuning.blocks import blocks_of
from engine.models.live import LiveNumber, zeros_are_kept
from engine.specs import RunSpec
from engine.specs.models.pretrained import PretrainedSpec


def live_pull(spec: RunSpec) -> LiveNumber | None:
    """α as a number that can be turned; None where nothing is pulled."""
    if not isinstance(spec.model, PretrainedSpec) or spec.model.method.adds_weights or spec.model.method.body_rests:
        return None
    return LiveNumber(spec.model.l2_sp, "l2_sp") if spec.model.l2_sp or zeros_are_kept() else None


def anchors_of(core: keras.Model) -> dict[int, Any]:
    """Place among the trainable variables → a variable that holds where it began; the head has no such place.

    Args:
        core: as built, with the source's weights.
    """
    body = {id(v) for block in blocks_of(core) for layer in block.layers for v in layer.variables}
    return {
        place: keras.Variable(keras.ops.copy(variable.value), trainable=False, dtype=variable.dtype)
        for place, variable in enumerate(core.trainable_variables)
        if id(variable) in body
    }


def pulled(gradients: list[Any], values: list[Any], anchors: dict[int, Any], strength: Any) -> list[Any]:
    """Gradients with α · (w - w₀) added.

    Args:
        gradients: of the trainable variables.
        values: theirs.
        anchors: see `anchors_of`; tensors.
        strength: α, times the loss scale where there is one.
    """
    ops = keras.ops
    moved = list(gradients)
    for place, anchor in anchors.items():
        gradient = gradients[place]
        moved[place] = gradient + ops.cast(strength * (values[place] - anchor), gradient.dtype)
    return moved
