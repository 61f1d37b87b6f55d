"""The body of a finished run: its saved model up to what its head was given."""

from __future__ import annotations

import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.backend.common.stateless_scope import in_stateless_scope

from engine.errors import EngineError, ErrorKind
from engine.finetuning.laying import lay
from engine.text import N_

HEAD = "head_logits"
RESCALE = "rescale"  # images are augmented and scaled before a body is given them
_KEPT = 2


def run_body(folder: Path, inputs: dict[str, Any]) -> keras.Model:
    """Rebuild the saved core of a run on new inputs, without head, wide part and augmentation.

    Args:
        folder: of the run.
        inputs: `keras.Input`s by name.

    Raises:
        EngineError: BAD_INPUT where the inputs are of other shapes than the run's.
    """
    import engine.models.layers  # noqa: F401 - makes our layers known

    file = folder / "model" / "core.keras"
    core = _architecture(file)
    if not in_stateless_scope():
        _put(core, _arrays(file, file.stat().st_mtime_ns))
    start, features = _cut(core)
    for name, tensor in start.items():
        given = inputs.get(name)
        if given is None or tuple(given.shape) != tuple(tensor.shape):
            raise EngineError(
                ErrorKind.BAD_INPUT,
                N_("The source takes {name} of the shape {expected}, these data give {given}."),
                hint=N_("Take over the preprocessing of the source as it is."),
                name=name,
                expected=str(tuple(tensor.shape[1:])),
                given="-" if given is None else str(tuple(given.shape[1:])),
            )
    given = {name: inputs[name] for name in start}
    return keras.Model(given, lay(keras.Function(start, features), given), name="body")


def _architecture(file: Path) -> keras.Model:
    with zipfile.ZipFile(file) as archive:
        config = json.loads(archive.read("config.json"))
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


@lru_cache(maxsize=_KEPT)
def _arrays(file: Path, _mark: int) -> tuple[np.ndarray, ...]:
    """The weights of a saved core, in its own order."""
    return tuple(np.array(weight.value) for weight in keras.saving.load_model(file, compile=False).weights)


def _put(core: keras.Model, arrays: tuple[np.ndarray, ...]) -> None:
    for weight, array in zip(core.weights, arrays, strict=True):
        weight.assign(array)


def _cut(core: keras.Model) -> tuple[dict[str, Any], Any]:
    """Where the body begins, by input name, and the tensor that the head was given."""
    features = core.get_layer(HEAD).input
    while isinstance(features._keras_history.operation, keras.layers.Dropout):
        features = features._keras_history.operation.input  # the new head has a dropout of its own
    start = {name: tensor for name, tensor in core.input.items() if not name.startswith("ngram_")}
    if "image" in start:
        start["image"] = core.get_layer(RESCALE).output
    return start, features
