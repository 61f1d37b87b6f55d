"""How fast this machine trains: learned from finished runs, else measured once, else unknown.

Kept in the cache folder by machine. The unit is training operations a second: three times the forward operations (one
pass forward, two backward) × examples ÷ seconds.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np

from engine.models.flops import layer_flops
from engine.store.home import cache_dir

KEEP = 20  # newest records of a family
TRAINING_FACTOR = 3  # Kaplan et al. 2020, section 2.1: the backward pass costs twice the forward pass
CALIBRATION = "calibration"
SHORTEST_S = 5.0  # below, compiling is most of a run


def record(family: str, flops: int, samples_per_second: float) -> None:
    """Remember how fast a run trained.

    Args:
        family: kind of the model.
        flops: forward operations for one example, as `describe` gives them.
        samples_per_second: of training, without evaluation and the first, compiling steps.
    """
    if flops <= 0 or samples_per_second <= 0:
        return
    known = _read()
    rates = [*known.get(family, []), TRAINING_FACTOR * flops * samples_per_second]
    known[family] = rates[-KEEP:]
    _write(known)


def learn(family: str, model: Any, samples: int, seconds: float) -> None:
    """`record` for a model that was trained on `samples` examples in `seconds`; too short a run tells nothing.

    The seconds hold compiling and validation too, so that what is promised for an epoch is what a person waits.
    """
    if seconds >= SHORTEST_S:
        record(family, sum(layer_flops(layer) for layer in model.layers), samples / seconds)


def seconds_per_epoch(family: str, flops: int, rows: int) -> float | None:
    """Expected seconds for `rows` examples; None where nothing was measured on this machine."""
    known = _read()
    rates = known.get(family) or known.get(CALIBRATION)
    if not rates or rows <= 0:
        return None
    return TRAINING_FACTOR * max(flops, 1) * rows / float(statistics.median(rates))


def calibrate(*, again: bool = False) -> float:
    """Measure once how fast a small convolutional network trains here; takes a few seconds.

    Returns:
        training operations a second.
    """
    known = _read()
    if known.get(CALIBRATION) and not again:
        return float(known[CALIBRATION][-1])
    model = _small_network()
    flops = sum(layer_flops(layer) for layer in model.layers)
    images = np.zeros((256, 28, 28, 1), np.float32)
    labels = np.zeros((256,), np.int32)
    model.train_on_batch(images, labels)  # compiles
    steps, start = 0, perf_counter()
    while perf_counter() - start < 1.0 or steps < 3:
        model.train_on_batch(images, labels)
        steps += 1
    rate = TRAINING_FACTOR * flops * steps * len(images) / (perf_counter() - start)
    known[CALIBRATION] = [rate]
    _write(known)
    return rate


def _small_network() -> Any:
    x = inputs = keras.Input((28, 28, 1))
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _path() -> Path:
    machine = f"{platform.node()}-{os.cpu_count()}-{keras.backend.backend()}"
    safe = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in machine)
    return cache_dir() / f"speed-{safe}.json"


def _read() -> dict[str, list[float]]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not measured yet, or cut off: it can be measured again
        return {}
    return known if isinstance(known, dict) else {}


def _write(known: dict[str, list[float]]) -> None:
    path = _path()
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(known), encoding="utf-8")
    unfinished.replace(path)
