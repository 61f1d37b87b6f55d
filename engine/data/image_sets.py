"""Writing image data sets: rows.parquet beside pixels.npy (equal sizes, decoded) or files/ (as they came)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.readers.base import Context, Draft, bad_file
from engine.specs import Modality, Part
from engine.store.datasets import PART_COLUMN, PIXELS, ROWS
from engine.text import N_

if TYPE_CHECKING:
    import numpy as np

_CHUNK_IMAGES = 4096
_PART_ORDER = (Part.TRAIN, Part.VALIDATION, Part.TEST)
_SIDE_BY_SIDE = re.compile(r"(\d+)")


@dataclass
class ImageRows:
    """The rows of an image data set, collected column by column."""

    image: list[str] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    mode: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)  # empty where no parts were given

    def add(self, image: str, label: str | None, size: tuple[int, int], mode: str, part: Part | None) -> None:
        """Add a row; `size` is (height, width)."""
        self.image.append(image)
        self.label.append(label)
        self.height.append(size[0])
        self.width.append(size[1])
        self.mode.append(mode)
        if part:
            self.part.append(str(part))

    def write(self, path: Path) -> None:
        """Write rows.parquet."""
        import pyarrow as pa
        import pyarrow.parquet as parquet

        columns: dict[str, Any] = {
            "image": pa.array(self.image, pa.string()),
            "label": pa.array(self.label, pa.string()),
            "width": pa.array(self.width, pa.int64()),
            "height": pa.array(self.height, pa.int64()),
            "mode": pa.array(self.mode, pa.string()),
        }
        if self.part:
            columns[PART_COLUMN] = pa.array(self.part, pa.string())
        parquet.write_table(pa.table(columns), path, compression="zstd", row_group_size=61_440)


def write_arrays(
    context: Context,
    arrays: Mapping[Part | None, tuple[np.ndarray, Sequence[str]]],
    *,
    name: str,
) -> Draft:
    """Write decoded images and labels, part by part.

    Args:
        context: where to.
        arrays: of each part (None: no parts were given) its pixels (count, height, width) or (count, height, width,
            channels), any number type, and its labels.
        name: of the file, for errors.

    Raises:
        EngineError: BAD_INPUT where shapes do not fit.
    """
    import numpy as np

    ordered = [(part, *arrays[part]) for part in (None, *_PART_ORDER) if part in arrays]
    shapes = {_image_shape(pixels, name) for _, pixels, _ in ordered}
    if len(shapes) > 1:
        raise bad_file(name, N_("its parts hold images of different sizes"))
    height, width, channels = shapes.pop()
    total = sum(len(pixels) for _, pixels, _ in ordered)
    out_channels = 1 if channels in (1, 2) else 3
    out = np.lib.format.open_memmap(
        context.draft_dir / PIXELS, mode="w+", dtype=np.uint8, shape=(total, height, width, out_channels)
    )
    rows, at = ImageRows(), 0
    low, high = _range([pixels for _, pixels, _ in ordered])
    for part, pixels, labels in ordered:
        _check_labels(len(pixels), len(labels), name)
        for start in range(0, len(pixels), _CHUNK_IMAGES):
            chunk = _to_uint8(np.asarray(pixels[start : start + _CHUNK_IMAGES]), low, high)
            chunk = chunk.reshape(len(chunk), height, width, channels)
            out[at : at + len(chunk)] = chunk[..., :out_channels]
            for label in labels[start : start + len(chunk)]:
                rows.add(str(len(rows.image)), str(label), (height, width), "L" if out_channels == 1 else "RGB", part)
            at += len(chunk)
            context.progress(0.2 + 0.6 * at / max(total, 1), N_("Writing the images"))
    out.flush()
    del out
    rows.write(context.draft_dir / ROWS)
    return draft_of(rows, out_channels, [(part, len(pixels)) for part, pixels, _ in ordered])


def draft_of(rows: ImageRows, channels: int, stretches: Iterable[tuple[Part | None, int]]) -> Draft:
    """The description of an image data set whose files are written."""
    import numpy as np

    size = (int(np.median(rows.height)), int(np.median(rows.width)))
    classes = sorted({label for label in rows.label if label is not None}, key=natural_key)
    return Draft(
        modality=Modality.IMAGE,
        rows=len(rows.image),
        parts={part: count for part, count in stretches if part and count},
        classes=tuple(classes),
        image_size_px=size,
        channels=channels,
        target="label",
    )


def natural_key(text: str) -> list[Any]:
    """Sorts as people do: 2 before 10."""
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in _SIDE_BY_SIDE.split(text) if piece]


def _image_shape(pixels: np.ndarray, name: str) -> tuple[int, int, int]:
    if pixels.ndim == 3:
        return int(pixels.shape[1]), int(pixels.shape[2]), 1
    if pixels.ndim == 4 and pixels.shape[-1] in (1, 2, 3, 4):
        return int(pixels.shape[1]), int(pixels.shape[2]), int(pixels.shape[3])
    shape = " × ".join(map(str, pixels.shape))
    raise bad_file(
        name,
        f"an array of {shape} is no set of pictures",
        N_("Expected (images, height, width) or (images, height, width, channels), with 1 to 4 channels last."),
    )


def _range(arrays: Sequence[np.ndarray]) -> tuple[float, float]:
    """The smallest and greatest value over all parts, where they are not bytes already."""
    import numpy as np

    low, high = np.inf, -np.inf
    for pixels in arrays:
        if pixels.dtype == np.uint8:
            return 0.0, 255.0
        for start in range(0, len(pixels), _CHUNK_IMAGES):
            chunk = pixels[start : start + _CHUNK_IMAGES]
            low, high = min(low, float(np.nanmin(chunk))), max(high, float(np.nanmax(chunk)))
    return low, high


def _to_uint8(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bytes as they are; 0 to 1 times 255; anything else stretched from the smallest to the greatest value."""
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    values = np.nan_to_num(pixels.astype(np.float64))
    if low >= 0.0 and 1.0 < high <= 255.0:
        scaled = values
    elif low >= 0.0 and high <= 1.0:
        scaled = values * 255.0
    else:
        scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _check_labels(images: int, labels: int, name: str) -> None:
    if images != labels:
        raise bad_file(name, f"it has {images} images, but {labels} labels")
