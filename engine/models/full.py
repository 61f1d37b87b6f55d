"""The exported model: raw examples in, probabilities or numbers in their own unit out."""

from __future__ import annotations

import keras
from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.models.encoding import LAYER, Encoder
from engine.models.preprocessing import UnscaleTarget
from engine.text import N_


def can_build_full(encoder: Encoder) -> bool:
    """False where raw strings would have to be read on another backend than TensorFlow."""
    needs_strings = bool({"tokens", "categories", "words"} & set(encoder.input_specs))
    return not needs_strings or keras.backend.backend() == "tensorflow"


def build_full(core: keras.Model, encoder: Encoder) -> keras.Model:
    """Put what the encoder learned in front of a trained model, and the way back to people's units behind it.

    Images: `image` `(batch, any height, any width, channels)`, 0 to 255. Texts: one string input a text column. Tables:
    one input a column, strings for categories ("" for missing), floats for numbers (NaN for missing), dates as days
    since 1970. The result can be saved as `.keras`; `import engine.models.layers` makes its layers known to
    `keras.saving.load_model`.

    Raises:
        EngineError: UNAVAILABLE where strings are to be read on another backend than TensorFlow, which alone has
            string operations.
    """
    if not can_build_full(encoder):
        raise EngineError(
            ErrorKind.UNAVAILABLE,
            N_("A model that reads raw text can be exported with the TensorFlow backend only, not with {backend}."),
            hint=N_("Set KERAS_BACKEND=tensorflow and export again; the trained weights stay as they are."),
            backend=keras.backend.backend(),
        )
    raw, encoded = encoder.raw_inputs(reserved=[core.name])
    outputs = core({name: encoded[name] for name in encoder.input_specs})
    if encoder.target_scaler is None:
        outputs = layers.Softmax(dtype="float32", name=f"{LAYER}probabilities")(outputs)
    else:
        scaler = encoder.target_scaler
        outputs = UnscaleTarget(scaler.method, scaler.numbers, dtype="float32", name=f"{LAYER}prediction")(outputs)
    return keras.Model(raw, outputs, name="lathe_model")
