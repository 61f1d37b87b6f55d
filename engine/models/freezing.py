"""Layers that stay as they are while the others learn."""

from __future__ import annotations

from typing import Any

from engine.errors import EngineError, ErrorKind
from engine.text import N_


def freeze_first(model: Any, count: int) -> None:
    """Keep the first `count` layers with weights out of training.

    Layers are counted from the inputs on, in the order in which a description lists them. A frozen normalisation keeps
    its moving statistics too, so that all its weights are the same afterwards (Keras' rule for `trainable`).

    Args:
        model: the built model.
        count: so many layers; 0 leaves all as they are.

    Raises:
        EngineError: BAD_INPUT where nothing would be left to train.
    """
    if not count:
        return
    weighted = [layer for layer in model.layers if layer.weights]
    if count >= len(weighted):
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("All layers would be frozen: this model has {layers} layers with weights, {count} are to be frozen."),
            hint=N_("Freeze {most} at most, so that the last one learns."),
            layers=len(weighted),
            count=count,
            most=max(len(weighted) - 1, 0),
        )
    for layer in weighted[:count]:
        layer.trainable = False
