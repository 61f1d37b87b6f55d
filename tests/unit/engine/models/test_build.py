"""From a document to a model: names, augmentation, repeatability, the other backend."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import batch, document, image_shape, preset, table_shape

pytestmark = pytest.mark.tensorflow


def test_augmentation_changes_train_images_only_and_no_weight() -> None:
    from engine.models.build import build_core

    plain = document("image", preset("cnn", "tiny"))
    names = ("shift_fraction", "zoom_fraction", "contrast_fraction", "brightness_fraction")
    changes = {f"training.augmentation.{name}": 0.2 for name in names}
    spec = plain.edit(
        {**changes, "training.augmentation.horizontal_flip": True, "training.augmentation.rotation_degrees": 20}
    )
    shape = image_shape(16, outputs=3)
    model = build_core(spec, shape)
    augmenting = [layer for layer in model.layers if layer.name.startswith("augment_")]
    assert len(augmenting) == 6
    inputs, _ = batch(shape)
    images, same = inputs["image"], inputs["image"]
    for layer in augmenting:
        images, same = layer(images, training=True), layer(same, training=False)
    np.testing.assert_array_equal(np.asarray(same), inputs["image"])
    assert np.abs(np.asarray(images) - inputs["image"]).mean() > 1
    assert np.asarray(images).min() >= 0
    assert np.asarray(images).max() <= 255
    without = {weight.path: np.asarray(weight) for weight in build_core(plain, shape).weights}
    for weight in model.weights:
        if not weight.path.startswith("augment_"):
            np.testing.assert_array_equal(np.asarray(weight), without[weight.path])


def test_building_leaves_the_random_state_alone() -> None:
    from engine.models.build import build_core

    random.seed(5)
    expected = random.Random(5).random()
    build_core(document("image", preset("mlp", "tiny")), image_shape(8, outputs=2))
    assert random.random() == expected


def test_mixed_precision_ends_in_float32() -> None:
    import keras

    from engine.models.build import build_core

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_core(document("image", preset("cnn", "tiny")), image_shape(8, outputs=2))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.output.dtype == "float32"
    assert model.get_layer("stage1_1conv").compute_dtype == "bfloat16"
    assert model.get_layer("stage1_1conv").variable_dtype == "float32"


def test_a_table_goes_through_the_mlp() -> None:
    from engine.models.build import build_core

    model = build_core(document("table", preset("mlp", "small")), table_shape())
    assert model.output_shape == (None, 2)
    assert {tensor.name for tensor in model.inputs} == {"numbers", "categories"}


JAX = """
import sys; sys.path.insert(0, {folder!r})
import keras, numpy as np
from engine.models.build import build_core
from engine.models.describe import weightless
from engine.specs import Modality
from engine.specs.models.graph import starting_graph
from model_cases import SMALLEST, batch, document, image_shape, preset, table_shape, text_shape
assert keras.backend.backend() == "jax"
image, text = image_shape(16, outputs=3), text_shape(8, 50, 3, ngrams=20)
cases = [("text" if kind in ("transformer", "bert") else "image", preset(kind, "tiny", **fields))
         for kind, fields in SMALLEST.items()]
cases += [(modality.value, starting_graph(modality)) for modality in Modality]
shapes = {{"image": image, "text": text, "table": table_shape(3)}}
for modality, model in cases:
    shape = shapes[modality]
    spec = document(modality, model)
    with weightless():  # traces every layer with JAX, compiles nothing
        assert build_core(spec, shape).output_shape == (None, 3)
    if spec.model.kind not in ("convnext", "transformer") and modality != "table":
        continue
    built = build_core(spec, shape)
    inputs, classes = batch(shape, 8)
    built.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(built.train_on_batch(inputs, classes)), spec.model.kind
print("all", len(cases))
"""


@pytest.mark.timeout(600)  # JAX compiles for long where other work shares the cores
def test_every_family_builds_and_some_train_with_jax(tmp_path: Path) -> None:
    code = JAX.format(folder=str(Path(__file__).parent))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("all 11")
