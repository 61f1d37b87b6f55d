"""Optimizer updates as one TensorFlow operation a variable, where TensorFlow has one for the optimizer's formula.

Keras writes Adam's update with some twenty small operations a variable. For a network of 24 variables they are a third
of what is traced, and of what a step of a small network takes. `ResourceApplyAdam` computes the same formula (Kingma &
Ba 2015, the "epsilon hat" form that Keras has too) in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def apply(
    optimizer: Any,
    gradients: Sequence[Any],
    variables: Sequence[Any],
    rate: Any,
    factors: Sequence[Any] | None = None,
    *,
    replicas: int = 1,
) -> None:
    """Change `variables` by `gradients` as `optimizer.apply` would, with the learning rate `rate`.

    Args:
        optimizer: a built Keras optimizer; its weight decay may be a tensor.
        gradients: dense, in the order of `variables`.
        variables: Keras variables.
        rate: scalar float32 tensor.
        factors: what the rate of each variable is multiplied by, scalars; None: all have the same.
        replicas: devices that make this update, each with the whole gradients.
    """
    optimizer.learning_rate.assign(rate)
    update = _UPDATES.get(type(optimizer))
    if update is None or not all(variable.dtype == "float32" for variable in variables):
        # Keras' own update adds gradients up over the devices, which was done already.
        shared = gradients if replicas == 1 else [gradient / replicas for gradient in gradients]
        _apply_in_part(optimizer, shared, variables, factors)
        return
    rates = [rate] * len(variables) if factors is None else [rate * factor for factor in factors]
    if optimizer.weight_decay is not None:
        decay = tf.cast(optimizer.weight_decay, tf.float32)
        for variable, own in zip(variables, rates, strict=True):
            if optimizer._use_weight_decay(variable):
                variable.value.assign_sub(variable.value * (decay * own))
    update(optimizer, gradients, [variable.value for variable in variables], rates)
    optimizer.iterations.assign_add(1)


def _apply_in_part(
    optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any], factors: Sequence[Any] | None
) -> None:
    """Keras' own update; a variable goes the share `factor` of its way, which is what a lower rate would make of it."""
    before = [] if factors is None else [tf.identity(variable.value) for variable in variables]
    optimizer.apply(gradients, variables)
    for variable, old, factor in zip(variables, before, factors or (), strict=False):
        variable.assign(old + tf.cast(factor, old.dtype) * (variable.value - old))


def _adam(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any], rates: Sequence[Any]) -> None:
    step = tf.cast(optimizer.iterations.value + 1, tf.float32)
    first, second = tf.constant(optimizer.beta_1, tf.float32), tf.constant(optimizer.beta_2, tf.float32)
    first_power, second_power = tf.pow(first, step), tf.pow(second, step)
    epsilon = tf.constant(optimizer.epsilon, tf.float32)
    moments = zip(gradients, variables, optimizer._momentums, optimizer._velocities, rates, strict=True)
    for gradient, variable, mean, square, rate in moments:
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=mean.value.handle,
            v=square.value.handle,
            beta1_power=first_power,
            beta2_power=second_power,
            lr=rate,
            beta1=first,
            beta2=second,
            epsilon=epsilon,
            grad=gradient,
            use_locking=True,
        )


def _sgd(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any], rates: Sequence[Any]) -> None:
    if not optimizer.momentum:
        for gradient, variable, rate in zip(gradients, variables, rates, strict=True):
            variable.assign_sub(gradient * rate)
        return
    momentum = tf.constant(optimizer.momentum, tf.float32)
    for gradient, variable, moment, rate in zip(gradients, variables, optimizer.momentums, rates, strict=True):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=moment.value.handle,
            lr=rate,
            grad=gradient,
            momentum=momentum,
            use_locking=True,
            use_nesterov=optimizer.nesterov,
        )


_UPDATES = {keras.optimizers.Adam: _adam, keras.optimizers.AdamW: _adam, keras.optimizers.SGD: _sgd}
