"""One operation a variable computes what Keras' own optimizers compute."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow


def optimizers() -> dict[str, Any]:
    import keras

    return {
        "adam": lambda: keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.95),
        "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
        "sgd": lambda: keras.optimizers.SGD(0.01),
        "momentum": lambda: keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.1),
        "nesterov": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5),
        "lion": lambda: keras.optimizers.Lion(0.01, weight_decay=0.1),
    }


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "lion"])
def test_it_is_keras_own_update(name: str) -> None:
    import keras
    import tensorflow as tf

    from engine.training import updates_tensorflow

    rng = np.random.default_rng(0)
    start = [rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=3).astype("float32")]
    ours, theirs = (
        [keras.Variable(value, name=n) for value, n in zip(start, ("w", "bias"), strict=True)] for _ in "ab"
    )
    made = [optimizers()[name]() for _ in "ab"]
    for optimizer, variables in zip(made, (ours, theirs), strict=True):
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(variables)
    for rate in (0.01, 0.02, 0.005):
        gradients = [tf.constant(rng.normal(size=v.shape), tf.float32) for v in ours]
        updates_tensorflow.apply(made[0], gradients, ours, tf.constant(rate))
        made[1].learning_rate.assign(rate)
        made[1].apply(gradients, theirs)
    for a, b in zip([*ours, *made[0].variables], [*theirs, *made[1].variables], strict=True):
        np.testing.assert_allclose(np.array(a.value), np.array(b.value), rtol=2e-5, atol=1e-7)
