"""What the model sees: the first train batch after preprocessing and augmentation, as plain data."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from engine.specs import Modality, RunSpec
from engine.training.failures import explained
from engine.training.pipeline import Encoded
from engine.training.warmth import encoded_data

MOST_SHOWN = 32
PADDING, UNKNOWN = "", "[?]"  # how filled-up and unknown tokens are shown


def preview_batch(spec: RunSpec) -> dict[str, Any]:
    """The first batch of the first epoch, at most 32 examples of it.

    Returns:
        `labels`; `row_numbers` in the data set; and by modality `images` (PNG, base64), `tokens` (one list of strings
        a text, as the model reads them) or `rows` (one mapping a row, column → encoded value) with `raw` beside them
        (column → cleaned value).
    """
    with explained(spec):
        encoded = encoded_data(spec.data)
        order = encoded.train.order(spec.seed, 0)
        indices = order[: min(spec.training.batch_size, MOST_SHOWN)]
        positions = encoded.train.positions[indices]
        inputs = encoded.train.take(indices)
        shown = _SHOWN[spec.data.task.modality](spec, encoded, inputs, positions)
    return {
        "labels": _labels(encoded, positions),
        "row_numbers": [int(row) for row in encoded.prepared.frame.index[positions]],
        **shown,
    }


def _labels(encoded: Encoded, positions: np.ndarray) -> list[str]:
    target, classes = np.asarray(encoded.prepared.target)[positions], encoded.prepared.classes
    return [classes[int(code)] for code in target] if classes else [f"{float(value):.6g}" for value in target]


def _images(spec: RunSpec, encoded: Encoded, inputs: dict[str, np.ndarray], positions: np.ndarray) -> dict[str, Any]:
    from keras import ops

    from engine.models.augmentation import augmentation_layers
    from engine.models.registry import seeded

    images = ops.convert_to_tensor(inputs["image"].astype(np.float32))
    with seeded(spec.seed + 1):  # the stream that the model's own layers draw from
        for layer in augmentation_layers(spec.training.augmentation):
            images = layer(images, training=True)
    pixels = np.clip(np.rint(ops.convert_to_numpy(images)), 0, 255).astype(np.uint8)
    return {"images": [_png(image) for image in pixels]}


def _png(pixels: np.ndarray) -> str:
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _texts(spec: RunSpec, encoded: Encoded, inputs: dict[str, np.ndarray], positions: np.ndarray) -> dict[str, Any]:
    words: tuple[str, ...] = getattr(encoded.encoder, "words", ())
    spelled = (PADDING, UNKNOWN, *words)  # numbers 0 and 1 come before the first word
    return {"tokens": [[spelled[number] for number in numbers if number] for numbers in inputs["tokens"].tolist()]}


def _rows(spec: RunSpec, encoded: Encoded, inputs: dict[str, np.ndarray], positions: np.ndarray) -> dict[str, Any]:
    columns: Any = getattr(encoded.encoder, "columns", None)
    rows: list[dict[str, Any]] = [{} for _ in positions]
    for place, name in enumerate(getattr(columns, "numbers", {})):
        for row, vector in zip(rows, inputs["numbers"][:, place], strict=True):
            rounded = [round(float(value), 3) for value in vector]
            row[name] = rounded[0] if len(rounded) == 1 else rounded
    for place, name in enumerate(getattr(columns, "categories", {})):
        for row, code in zip(rows, inputs["categories"][:, place].tolist(), strict=True):
            row[name] = code
    frame = encoded.prepared.frame.iloc[positions]
    raw = [{name: _plain(value) for name, value in record.items()} for record in frame.to_dict("records")]
    return {"rows": rows, "raw": raw}


def _plain(value: Any) -> Any:
    if value is None or value != value:  # NaN differs from itself
        return None
    return value.item() if isinstance(value, np.generic) else value if isinstance(value, int | float) else str(value)


_SHOWN = {Modality.IMAGE: _images, Modality.TEXT: _texts, Modality.TABLE: _rows}
