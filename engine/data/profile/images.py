"""What the pictures of a data set look like."""

import base64
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.values import natural_key, to_text
from engine.specs.records import DatasetRecord
from engine.store.datasets import FILES, read_images, read_table
from engine.store.home import dataset_dir

_GRID = 12
_MEAN_SIDE_PX = 64
_MOST_CLASSES = 30
_MOST_FILES, _MOST_STACKED = 3_000, 20_000  # looked at for brightness and means, evenly over the set
_AT_ONCE = 512
_DARK, _BRIGHT = 8.0, 247.0  # mean grey of a picture on which nothing can be seen, most likely
_MOST_SIZES = 30
_BRIGHTNESS_BINS = 32
_LEFT_OUT = re.compile(r"(\d+) pictures could not be read")  # as the reader of image folders says it


def describe_images(record: DatasetRecord, target: str) -> dict[str, Any]:
    """See `engine.data.profile.shapes.ImagesProfile`."""
    names = [column.name for column in record.columns]
    frame = read_table(record.id, [name for name in ("image", target, "width", "height", "mode") if name in names])
    labels = to_text(frame[target])
    sizes = Counter(zip(frame["width"], frame["height"], strict=True)) if "width" in frame else Counter()
    files = (dataset_dir(record.id) / FILES).is_dir()
    most = _MOST_FILES if files else _MOST_STACKED
    looked_at = np.unique(np.linspace(0, len(frame) - 1, min(most, len(frame))).astype(np.int64))
    brightness, means = _look(record, frame["image"], labels, looked_at)
    counts, edges = np.histogram(brightness, bins=_BRIGHTNESS_BINS, range=(0, 255))
    return {
        "looked_at": len(looked_at),
        "sizes": [
            {"width": int(width), "height": int(height), "count": count}
            for (width, height), count in sizes.most_common(_MOST_SIZES)
        ],
        "distinct_sizes": len(sizes),
        "modes": {str(mode): int(n) for mode, n in Counter(frame["mode"]).most_common()} if "mode" in frame else {},
        "unreadable": unreadable_pictures(record.warnings),
        "examples": _examples(labels),
        "mean_images": means,
        "brightness": {"edges": edges.tolist(), "counts": counts.tolist(), "below": 0, "above": 0},
        "dark": int((brightness < _DARK).sum()),
        "bright": int((brightness > _BRIGHT).sum()),
    }


def unreadable_pictures(warnings: Sequence[str]) -> int:
    """How many pictures the import left out; they are not among the rows, only its remarks count them."""
    return sum(int(found.group(1)) for found in map(_LEFT_OUT.match, warnings) if found)


def _classes(labels: pd.Series) -> list[str]:
    return sorted((str(name) for name in labels.value_counts().index[:_MOST_CLASSES]), key=natural_key)


def _examples(labels: pd.Series) -> dict[str, list[int]]:
    """Row numbers of each class, evenly over the set."""
    found: dict[str, list[int]] = {}
    values = labels.to_numpy(dtype=object)
    for name in _classes(labels):
        rows = np.flatnonzero(values == name)
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(_GRID, len(rows))).astype(np.int64))]
        found[name] = [int(row) for row in chosen]
    return found


def _look(
    record: DatasetRecord, keys: pd.Series, labels: pd.Series, looked_at: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], dict[str, str]]:
    """The mean grey of each picture looked at, and the mean picture of each class as PNG."""
    classes = set(_classes(labels))
    brightness: list[float] = []
    sums: dict[str, npt.NDArray[np.float64]] = {}
    counts: Counter[str] = Counter()
    side = _mean_side(record)
    for start in range(0, len(looked_at), _AT_ONCE):
        chunk = looked_at[start : start + _AT_ONCE]
        pictures = read_images(record.id, keys.iloc[chunk].tolist())
        for pixels, label in zip(pictures, labels.iloc[chunk], strict=True):
            brightness.append(float(pixels.mean()))
            if label in classes:
                small = _resized(pixels, side)
                sums[label] = sums[label] + small if label in sums else small
                counts[label] += 1
    means = {name: _png(sums[name] / counts[name]) for name in sorted(sums, key=natural_key)}
    return np.array(brightness), means


def _mean_side(record: DatasetRecord) -> int:
    return int(min(_MEAN_SIDE_PX, max(record.image_size_px or (_MEAN_SIDE_PX, _MEAN_SIDE_PX))))


def _resized(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float64]:
    """`(side, side, 3)`."""
    if pixels.shape[:2] != (side, side):
        from PIL import Image

        image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
        pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)).reshape(side, side, -1)
    return np.broadcast_to(pixels, (side, side, 3)).astype(np.float64)


def _png(mean: npt.NDArray[np.float64]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rint(mean).astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
