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
    device = _device()
    _train_a_little()
    with contextlib.suppress(Exception):  # a store that does not answer now may answer when the first run comes
        tracking.client()
    return device


def _train_a_little() -> None:
    """Two steps of a small convolutional network through the very code that runs train with.

    Most of a process' first run is not the model's own tracing, but what is imported and initialised on the way.
    """
    import keras
    import numpy as np

    from engine.specs.training import AdamW, CrossEntropyLoss
    from engine.training import precision
    from engine.training.losses import build_loss
    from engine.training.optimizers import build_optimizer
    from engine.training.steps import Chunk, StepSettings, make_stepper

    image = keras.Input((8, 8, 1), name="image")
    features = keras.layers.Conv2D(8, 3, padding="same")(keras.layers.Rescaling(1 / 255)(image))
    features = keras.layers.MaxPooling2D()(keras.layers.ReLU()(keras.layers.BatchNormalization()(features)))
    features = keras.layers.Dropout(0.1)(keras.layers.Flatten()(features))
    model = keras.Model({"image": image}, keras.layers.Dense(3)(features))
    stepper = make_stepper(
        StepSettings(
            model=model,
            optimizer=build_optimizer(AdamW()),
            loss=build_loss(CrossEntropyLoss()),
            classification=True,
            clip_norm=1.0,
            jit=precision.use_jit(),
        )
    )
    images, codes = np.zeros((8, 8, 8, 1), "uint8"), np.zeros(8, "int32")
    chunk = Chunk({"image": images}, codes, np.ones(8, "float32"), batch_size=4)
    stepper.train(chunk, np.full(2, 1e-3, "float32"), np.zeros(2, "float32"))
    stepper.predict({"image": images.astype("float32")})
    stepper.state()
    keras.backend.clear_session()


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
