"""From a document to a `keras.Model` over encoded inputs."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from engine.models.augmentation import augmentation_layers
from engine.models.freezing import freeze_first
from engine.models.full import build_full as build_full  # the other half of the contract
from engine.models.registry import EncoderLike, Head, builder_of, seeded
from engine.specs import RunSpec


def build_core(spec: RunSpec, encoder: EncoderLike) -> keras.Model:
    """Build the trainable model of a document.

    The same document gives bit-identical weights: every initialiser draws its seed from `spec.seed`. Augmentation draws
    from another stream, so that switching it on does not change the first weights.

    Args:
        spec: the whole document.
        encoder: the fitted encoder, or its shape alone (`EncoderLike`).

    Returns:
        A functional model: encoded inputs by name → float32 logits `(batch, classes)` or a standardised number
        `(batch, 1)`.

    Raises:
        EngineError: BAD_INPUT where the layers do not fit together, naming the layer and the mend.
    """
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in encoder.input_specs.items()}
    tensors: dict[str, Any] = dict(inputs)
    if "image" in tensors:
        tensors["image"] = _prepare_image(spec, tensors["image"])
    head = Head(int(encoder.info["outputs"]), info=encoder.info, l1=spec.model.l1, l2=spec.model.l2)
    build = builder_of(spec.model)
    with seeded(spec.seed):
        outputs = build(spec.model, tensors, head)
    model = keras.Model(inputs, outputs, name=spec.model.kind)
    freeze_first(model, spec.training.frozen_layers)
    return model


def _prepare_image(spec: RunSpec, image: Any) -> Any:
    """Augment, then scale 0…255 to -1…1."""
    with seeded(spec.seed + 1):
        for layer in augmentation_layers(spec.training.augmentation):
            image = layer(image)
    return layers.Rescaling(1.0 / 127.5, offset=-1.0, name="rescale")(image)
