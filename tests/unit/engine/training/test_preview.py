"""The preview shows the very batch that the first step trains on."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.specs import RunSpec

pytestmark = pytest.mark.tensorflow


def text_spec(folder: Path) -> RunSpec:
    rows = [("the cat sat on the mat today", "cat"), ("a dog barked at the moon tonight", "dog")] * 40
    file = folder / "animals.csv"
    pd.DataFrame([(f"{text} {i}", label) for i, (text, label) in enumerate(rows)], columns=["text", "label"]).to_csv(
        file, index=False
    )
    record = api.import_data([file], options={"task": "text_classification", "target": "label"})
    return api.default_spec(record.id)


def test_texts_come_as_the_tokens_that_the_model_reads(tmp_path: Path) -> None:
    from engine.training.preview import preview_batch

    batch = preview_batch(text_spec(tmp_path))
    assert len(batch["tokens"]) == len(batch["labels"]) == len(batch["row_numbers"])
    for tokens, label in zip(batch["tokens"], batch["labels"], strict=True):
        assert label in tokens


def test_images_come_after_augmentation_as_pictures(tmp_path: Path) -> None:
    from PIL import Image

    from engine.training.preview import preview_batch

    spec = api.default_spec(api.import_sample("digits").id)
    plain = preview_batch(spec)
    moved = preview_batch(spec.edit({"training.augmentation.shift_fraction": 0.3}))
    assert plain["labels"] == moved["labels"]
    assert set(plain["labels"]) <= {str(digit) for digit in range(10)}

    def pixels(batch: dict[str, list[str]]) -> np.ndarray:
        return np.stack([np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))) for png in batch["images"]])

    size = spec.data.preprocessing.image_size_px
    assert pixels(plain).shape == (len(plain["labels"]), size, size)
    assert (pixels(plain) != pixels(moved)).any()


def test_rows_come_encoded_and_as_they_were(tmp_path: Path) -> None:
    from engine.training.preview import preview_batch

    spec = api.default_spec(api.import_sample("diabetes").id)
    batch = preview_batch(spec)
    raw = api.rows(spec.data.dataset, limit=1000)
    for number, label, values in zip(batch["row_numbers"], batch["labels"], batch["raw"], strict=True):
        assert float(label) == pytest.approx(float(raw.loc[number, spec.data.target]), rel=1e-4)
        assert values["bmi"] == pytest.approx(float(raw.loc[number, "bmi"]))
    assert set(batch["rows"][0]) == set(batch["raw"][0])
