"""BitFit (Ben Zaken et al. 2022): biases learn, and nothing else of the body."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.finetuning.methods import method
from engine.specs.finetuning import BitFit
from engine.text import N_

# A normalisation's offset is its bias. The biases of dense layers, convolutions and projections are called "bias".
BIASES = ("bias", "beta")


@method(BitFit)
def bitfit(spec: BitFit, body: Any) -> Any:
    """Rest all that is no bias. A batch normalisation rests whole: one that learns would move its statistics too.

    Raises:
        EngineError: BAD_INPUT where the body has no biases.
    """
    own = [layer for layer in body.layers if not isinstance(layer, layers.BatchNormalization)]
    biases = [weight for layer in own for weight in layer.trainable_weights if weight.name in BIASES]
    if not biases:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("This body has no biases that could learn."),
            hint=N_("Choose another method."),
        )
    learning = {id(weight) for weight in biases}
    for layer in body.layers:
        own = layer.weights
        if not any(id(weight) in learning for weight in own):
            layer.trainable = False
        for weight in own:
            weight.trainable = id(weight) in learning
    return body
