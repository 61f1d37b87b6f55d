"""Images: one size, one colour mode, kept as bytes until a batch is needed (a quarter of the memory of floats)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.models.encoding import LAYER, Encoder, InputSpecs, raw_names
from engine.models.encoding_target import TargetScaler
from engine.specs import Modality
from engine.specs.data import DataSpec, ImagePreprocessing

if TYPE_CHECKING:
    from engine.data.load import Prepared
    from engine.specs.records import DatasetRecord

# Images read and resized together: enough to keep the cores busy, few enough to hold large photographs.
CHUNK_IMAGES = 512


class ImageEncoder(Encoder):
    """Resizes and recolours; learns nothing but the classes."""

    modality = Modality.IMAGE

    @property
    def _settings(self) -> ImagePreprocessing:
        return cast(ImagePreprocessing, self.spec.preprocessing)

    @classmethod
    def _fit(cls, prepared: Prepared) -> ImageEncoder:
        return cls(prepared.spec, tuple(prepared.classes), None)

    @classmethod
    def shape(cls, spec: DataSpec, record: DatasetRecord) -> tuple[InputSpecs, dict[str, Any]]:
        """See `Encoder.shape`."""
        encoder = cls(spec, (), None)
        return encoder.input_specs, encoder._info()

    @property
    def input_specs(self) -> InputSpecs:
        """`image`: `(size, size, channels)`, 0 to 255; `encode` gives bytes, the model casts them."""
        size = self._settings.image_size_px
        return {"image": ((size, size, self.channels), "float32")}

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return 1 if self._settings.colour == "grey" else 3

    def _info(self) -> dict[str, Any]:
        return {"image_size_px": self._settings.image_size_px, "channels": self.channels}

    def encode(self, prepared: Prepared, positions: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See `Encoder.encode`."""
        positions = np.arange(len(prepared.frame)) if positions is None else np.asarray(positions)
        (size, _, channels), _ = self.input_specs["image"]
        out = np.empty((len(positions), size, size, channels), np.uint8)
        for start in range(0, len(positions), CHUNK_IMAGES):
            chunk = positions[start : start + CHUNK_IMAGES]
            out[start : start + len(chunk)] = self.encode_images(prepared.images(chunk))
        return {"image": out}

    def encode_images(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images uint8 `(height, width, 1 or 3)` of any sizes → uint8 `(images, size, size, channels)`."""
        size, channels = self._settings.image_size_px, self.channels
        out = np.empty((len(images), size, size, channels), np.uint8)
        by_shape: dict[tuple[int, ...], list[int]] = {}
        coloured = [to_channels(image, channels) for image in images]
        for index, image in enumerate(coloured):
            by_shape.setdefault(image.shape, []).append(index)
        layer = self._resizing()
        for shape, indices in by_shape.items():
            batch = np.stack([coloured[index] for index in indices])
            if shape[:2] != (size, size):
                batch = np.asarray(layer(batch)).astype(np.uint8)
            out[indices] = batch
        return out

    def _resizing(self) -> Any:
        from engine.models.preprocessing import ToSize

        return ToSize(self._settings.image_size_px, self._settings.keep_aspect_ratio, name=f"{LAYER}size")

    def raw_inputs(self, reserved: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """`image`: `(batch, any height, any width, channels)`, values of 0 to 255."""
        import keras

        name = raw_names(["image"], reserved)["image"]
        raw = keras.Input((None, None, self.channels), dtype="float32", name=name)
        return {name: raw}, {"image": self._resizing()(raw)}

    def _state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {}, {}

    @classmethod
    def _from_state(
        cls,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        state: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> ImageEncoder:
        return cls(spec, classes, scaler)


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Grey or RGB bytes `(height, width[, 1 or 3])` → `(height, width, channels)`; grey by ITU-R 601-2 luma."""
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image[:, :, :1], 3, axis=2)
    red, green, blue = (image[:, :, i].astype(np.uint32) for i in range(3))
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16  # Pillow's integers
    return luma.astype(np.uint8)[:, :, None]
