"""Images of any size and mode as one square, the same before training and in the exported model."""

from pathlib import Path

import numpy as np
import pytest

from engine.models.encoding import Encoder, shape_from_spec
from engine.models.encoding_image import ImageEncoder, to_channels
from engine.specs import ColumnKind, Modality, Task
from engine.specs.data import DataSpec
from engine.specs.records import ColumnRecord, DatasetRecord

pytestmark = pytest.mark.tensorflow


def document(**settings: object) -> DataSpec:
    return DataSpec.model_validate(
        {"dataset": "0" * 16, "task": "image_classification", "preprocessing": {"kind": "image", **settings}}
    )


def encoder(**settings: object) -> ImageEncoder:
    return ImageEncoder(document(**settings), ("a", "b"), None)


def pictures() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    shapes = [(20, 20, 3), (31, 17, 3), (31, 17, 1), (8, 64, 3), (20, 20, 1), (20, 20, 3)]
    return [draw.integers(0, 256, shape).astype(np.uint8) for shape in shapes]


def test_grey_is_pillows() -> None:
    from PIL import Image

    image = pictures()[1]
    reference = np.asarray(Image.fromarray(image).convert("L"))
    np.testing.assert_array_equal(to_channels(image, 1)[:, :, 0], reference)


def test_images_of_the_right_size_stay_as_they_are() -> None:
    image = pictures()[0]
    np.testing.assert_array_equal(encoder(image_size_px=20).encode_images([image])[0], image)


def test_a_shrunk_image_keeps_its_mean_and_a_constant_one_its_value() -> None:
    board = np.kron(np.indices((32, 32)).sum(axis=0) % 2, np.ones((2, 2)))[:, :, None].astype(np.uint8) * 255
    small = encoder(image_size_px=16, colour="grey").encode_images([board])[0]
    assert abs(float(small.mean()) - 127.5) < 2  # without antialiasing every second square would be lost
    assert float(small.std()) < 20
    flat = np.full((50, 30, 3), 77, np.uint8)
    assert (encoder(image_size_px=16).encode_images([flat]) == 77).all()


def test_keeping_the_aspect_ratio_pads() -> None:
    wide = np.full((10, 40, 3), 200, np.uint8)
    image = encoder(image_size_px=20, keep_aspect_ratio=True).encode_images([wide])[0]
    assert (image[9:11] == 200).all()
    assert (image[:5] == 0).all()
    assert (image[-5:] == 0).all()


@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize("keep", [False, True])
def test_the_exported_model_gives_the_same_numbers(colour: str, keep: bool, tmp_path: Path) -> None:
    import keras

    from engine.models.build import build_core, build_full
    from engine.specs import RunSpec

    made = encoder(image_size_px=12, colour=colour, keep_aspect_ratio=keep)
    spec = RunSpec.parse(
        {
            "data": made.spec.model_dump(mode="json"),
            "model": {"kind": "cnn", "filters": [4], "convolutions": 1, "dense_units": 0},
        }
    )
    core = build_core(spec, made)
    build_full(core, made).save(tmp_path / "model.keras")
    full = keras.saving.load_model(tmp_path / "model.keras")
    for image in pictures():
        encoded = made.encode_images([image])
        assert encoded.dtype == np.uint8
        expected = made.decode_target(core.predict({"image": encoded}, verbose=0))
        got = full.predict({"image": to_channels(image, made.channels)[None]}, verbose=0)
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_shape_is_known_without_the_data() -> None:
    record = DatasetRecord(
        id="0" * 16,
        name="",
        modality=Modality.IMAGE,
        rows=6,
        columns=(ColumnRecord(name="image", kind=ColumnKind.IMAGE),),
        bytes=0,
        task=Task.IMAGE_CLASSIFICATION,
        target="label",
        classes=("a", "b"),
    )
    shape, made = (
        shape_from_spec(document(image_size_px=24, colour="grey"), record),
        encoder(image_size_px=24, colour="grey"),
    )
    assert shape.input_specs == made.input_specs == {"image": ((24, 24, 1), "float32")}
    assert shape.info == made.info


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    made = encoder(image_size_px=12)
    made.save(tmp_path)
    loaded = Encoder.load(tmp_path)
    assert loaded.info == made.info
    np.testing.assert_array_equal(loaded.encode_images(pictures()), made.encode_images(pictures()))  # type: ignore[attr-defined]
