"""Keras optimizers from their documents. The rate of a step is set from outside (`schedules`), so it is a variable."""

from collections.abc import Callable
from typing import Any

import keras

from engine.models.live import LiveNumber
from engine.specs.training import Adam, AdamW, Lion, OptimizerSpec, RmsProp, Sgd

# Decay pulls weights to zero; biases, gains and offsets of normalisation layers have no reason to be near zero.
WITHOUT_DECAY = ["bias", "gamma", "beta"]


def build_optimizer(spec: OptimizerSpec) -> Any:
    """The Keras optimizer of a document.

    Clipping, weight averaging and the schedule are not its business: the compiled step does the first two and hands
    in the third, which keeps their figures changeable without a new trace.
    """
    optimizer = _BUILDERS[type(spec)](spec)
    if optimizer.weight_decay is not None:
        optimizer.exclude_from_weight_decay(var_names=WITHOUT_DECAY)
    return optimizer


def _sgd(spec: Sgd) -> Any:
    return keras.optimizers.SGD(
        spec.learning_rate,
        momentum=spec.momentum,
        nesterov=spec.nesterov and spec.momentum > 0.0,
        weight_decay=spec.weight_decay or None,
    )


def _adam(spec: Adam) -> Any:
    return keras.optimizers.Adam(spec.learning_rate, beta_1=spec.beta_1, beta_2=spec.beta_2)


def _adamw(spec: AdamW) -> Any:
    return keras.optimizers.AdamW(
        spec.learning_rate, weight_decay=spec.weight_decay, beta_1=spec.beta_1, beta_2=spec.beta_2
    )


def _rmsprop(spec: RmsProp) -> Any:
    return keras.optimizers.RMSprop(spec.learning_rate, rho=spec.rho, momentum=spec.momentum)


def _lion(spec: Lion) -> Any:
    return keras.optimizers.Lion(spec.learning_rate, weight_decay=spec.weight_decay or None)


def live_decay(spec: OptimizerSpec) -> LiveNumber | None:
    """The weight decay as a number that can be turned, or None for an optimizer that has none now."""
    decay = getattr(spec, "weight_decay", None)
    if decay is None or (decay == 0.0 and not isinstance(spec, AdamW)):
        return None
    return LiveNumber(decay, "weight_decay")


_BUILDERS: dict[type[OptimizerSpec], Callable[[Any], Any]] = {
    Sgd: _sgd,
    Adam: _adam,
    AdamW: _adamw,
    RmsProp: _rmsprop,
    Lion: _lion,
}
