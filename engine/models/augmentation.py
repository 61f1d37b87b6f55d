"""Random changes of train images, as layers of the model: they run where the model runs and rest at inference."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.specs.training import Augmentation

PIXEL_RANGE = (0.0, 255.0)


def augmentation_layers(spec: Augmentation) -> list[Any]:
    """The layers for `(batch, height, width, channels)` with values of 0 to 255; active in training only.

    Call inside `seeded(seed)`: each layer draws its seed when it is made.
    """
    made: list[Any] = []
    flips = {(True, False): "horizontal", (False, True): "vertical", (True, True): "horizontal_and_vertical"}
    flip = flips.get((spec.horizontal_flip, spec.vertical_flip))
    if flip:
        made.append(layers.RandomFlip(flip, name="augment_flip"))
    if spec.shift_fraction:
        shift = spec.shift_fraction
        made.append(layers.RandomTranslation(shift, shift, fill_mode="nearest", name="augment_shift"))
    if spec.rotation_degrees:
        made.append(layers.RandomRotation(spec.rotation_degrees / 360.0, fill_mode="nearest", name="augment_rotate"))
    if spec.zoom_fraction:
        made.append(layers.RandomZoom(spec.zoom_fraction, fill_mode="nearest", name="augment_zoom"))
    if spec.contrast_fraction:
        made.append(layers.RandomContrast(spec.contrast_fraction, value_range=PIXEL_RANGE, name="augment_contrast"))
    if spec.brightness_fraction:
        made.append(
            layers.RandomBrightness(spec.brightness_fraction, value_range=PIXEL_RANGE, name="augment_brightness")
        )
    return made
