"""Makes a fresh process warm: imports and one traced step before the first job, so that a job starts at once."""

from __future__ import annotations

import contextlib
import os
from typing import Any


def warm_up(*, training: bool) -> str:
    """Import what jobs need and trace a step of a small model; returns the device that will train.

    Args:
        training: False for a process that will not train (tests of the machinery with a light job).
    """
    from engine.store import tracking

    if not training:
        return "CPU"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import numpy as np

    device = _device()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    model.compile(keras.optimizers.AdamW(), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.zeros((8, 8, 8, 1), "float32"), np.zeros(8, "int32"), batch_size=4, verbose=0)
    model.predict(np.zeros((4, 8, 8, 1), "float32"), verbose=0)
    keras.backend.clear_session()
    with contextlib.suppress(Exception):  # a store that does not answer now may answer when the first run comes
        tracking.client()
    return device


def _device() -> str:
    """ "GPU" with its name where the backend sees one; memory is taken as it is needed, not all at once."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus: list[Any] = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            with contextlib.suppress(RuntimeError):  # the device is already in use
                tf.config.experimental.set_memory_growth(gpu, True)
        if gpus:
            name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
            return f"GPU {name}"
        return "CPU"
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        return "CPU" if device.platform == "cpu" else f"GPU {device.device_kind}"
    return "CPU"
