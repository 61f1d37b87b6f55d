"""How far a body has moved from where it began: ‖ΔW‖ / ‖W‖ by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from engine.finetuning.blocks import blocks_of
from engine.specs import RunSpec
from engine.specs.finetuning import HeadOnly

Reference = Mapping[str, NDArray[Any]]  # path of a variable -> its numbers before anything moved


def untouched(spec: RunSpec, encoder: Any) -> keras.Model:
    """The core of a document before anything moved: the source's body as it is, under a head with first weights.

    A method may change the body from its first step on (a prompt does); so the body alone is built, with none.
    """
    from engine.models.build import build_core
    from engine.training import precision

    plain = spec.model_copy(update={"model": spec.model.model_copy(update={"method": HeadOnly()})})
    with precision.policy(spec.training.precision):
        return build_core(plain, encoder)


def source_variables(core: keras.Model) -> dict[str, Any]:
    """The variables of the body that learn and are the source's own, by path: those of whole or thawed layers."""
    return {
        variable.path: variable
        for block in blocks_of(core)
        for layer in block.layers
        for part in parts_of(layer)
        for variable in part._trainable_variables
        if variable.trainable and not _stands_for_another(part)
    }


def parts_of(layer: Any) -> list[Any]:
    """A layer and those inside of it, each once."""
    return list(layer._flatten_layers(include_self=True, recursive=True))


def relative_drift(core: keras.Model, reference: Callable[[], Reference]) -> dict[str, float]:
    """‖ΔW‖ / ‖W‖ of each block, over all of its weights that come from the source.

    What a method added to a matrix counts as what it does to the matrix (LoRA: ΔW = s·AB), so that all methods are
    measured alike; of what stands between matrices (adapters, prompts) there is no ΔW.

    Args:
        core: encoded inputs → outputs, at some moment of training.
        reference: the source's own numbers for `source_variables`; asked only where there are such variables.

    Returns:
        Block → drift, from the input to the output.
    """
    own = source_variables(core)
    known = reference() if own else {}
    drifts = {}
    for block in blocks_of(core):
        moved = length = 0.0
        for part in (part for layer in block.layers for part in parts_of(layer)):
            change, size = _moved(part, known)
            moved, length = moved + change, length + size
        if length > 0:
            drifts[block.name] = sqrt(moved / length)
    return drifts


def _stands_for_another(part: Any) -> bool:
    """Whether a layer holds a resting matrix with something added to it."""
    return hasattr(part, "folded") and hasattr(part, "matrix")


def _moved(part: Any, known: Reference) -> tuple[float, float]:
    """Squared lengths of what has moved and of what there was, of one layer's own variables."""
    if _stands_for_another(part):
        there = np.asarray(keras.ops.convert_to_numpy(part.matrix()), np.float64)
        before = 0.0 if part.bias is None else np.asarray(keras.ops.convert_to_numpy(part.bias), np.float64)
        length = _square(there) + _square(before)
        if part.change is None:
            return 0.0, length
        kernel, bias = part.folded()
        moved = _square(np.asarray(kernel, np.float64).reshape(there.shape) - there)
        return moved + (0.0 if bias is None else _square(bias - before)), length
    moved = length = 0.0
    for variable in part._trainable_variables + part._non_trainable_variables:
        if "float" not in variable.dtype:
            continue
        now = np.asarray(keras.ops.convert_to_numpy(variable.value), np.float64)
        first = known.get(variable.path)
        if first is not None and first.shape == now.shape:
            moved += _square(now - first)
            length += _square(np.asarray(first, np.float64))
        elif not variable.trainable:
            length += _square(now)
    return moved, length


def _square(values: Any) -> float:
    flat = np.asarray(values, np.float64).ravel()
    return float(flat @ flat)
