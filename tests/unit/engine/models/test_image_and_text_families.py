"""Image families, transformer and BERT: published sizes, learning, repeatability."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.specs.models import ModelSpec

sys.path.insert(0, str(Path(__file__).parent))
from model_cases import SMALLEST, Shape, batch, document, image_shape, preset, text_shape

pytestmark = pytest.mark.tensorflow

IMAGE = ("cnn", "resnet", "inception", "convnext", "vit", "mlp")
TEXT = ("transformer", "bert")


def weightless_model(kind: str, name: str, shape: Shape) -> Any:
    from engine.models.build import build_core
    from engine.models.describe import weightless

    with weightless():
        return build_core(document("image" if kind in IMAGE else "text", preset(kind, name)), shape)


def trainable(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("kind", "name", "size_px", "published"),
    [
        # torchvision's documentation lists these trainable parameters.
        ("resnet", "resnet18", 224, 11_689_512),
        ("resnet", "resnet34", 224, 21_797_672),
        ("resnet", "resnet50", 224, 25_557_032),
        ("resnet", "resnet101", 224, 44_549_160),
        ("convnext", "convnext_tiny", 224, 28_589_128),
        ("convnext", "convnext_small", 224, 50_223_688),
        ("convnext", "convnext_base", 224, 88_591_464),
        ("vit", "vit_b16", 224, 86_567_656),
        ("vit", "vit_l16", 224, 304_326_632),
        # 23,851,784 in keras.applications, of which 34,432 are moving statistics.
        ("inception", "inception_v3", 299, 23_817_352),
    ],
)
def test_published_parameter_counts_of_image_families(kind: str, name: str, size_px: int, published: int) -> None:
    assert trainable(weightless_model(kind, name, image_shape(size_px))) == published


@pytest.mark.parametrize(
    ("name", "published"),  # Turc et al. 2019 and Devlin et al. 2019, with pooler, without a task's head
    [
        ("tiny", 4_385_920),
        ("mini", 11_170_560),
        ("small", 28_763_648),
        ("medium", 41_373_184),
        ("bert_base", 109_482_240),
        ("large", 335_141_888),
    ],
)
def test_published_parameter_counts_of_bert(name: str, published: int) -> None:
    model = weightless_model("bert", name, text_shape(512, 30_522))
    assert trainable(model) - model.get_layer("head_logits").count_params() == published


@pytest.mark.parametrize(
    ("kind", "name", "size_px", "reference", "biases"),
    [
        # keras.applications gives its ResNet convolutions biases, which the normalisation behind them cancels: one for
        # each of the 26,560 (v1) normalised channels; 19,008 in v2, whose inner convolutions have none.
        ("resnet", "resnet50", 224, "ResNet50", 26_560),
        ("resnet", "resnet50v2", 224, "ResNet50V2", 19_008),
        ("inception", "inception_v3", 299, "InceptionV3", 0),
        ("convnext", "convnext_tiny", 224, "ConvNeXtTiny", 0),
    ],
)
def test_parameter_counts_match_keras_applications(
    kind: str, name: str, size_px: int, reference: str, biases: int
) -> None:
    import keras

    from engine.models.describe import weightless

    with weightless():
        theirs = getattr(keras.applications, reference)(weights=None, include_top=True)
    ours = weightless_model(kind, name, image_shape(size_px))
    assert ours.count_params() + biases == theirs.count_params()


def sizes_for(kind: str, name: str) -> Shape:
    """An input that a preset is meant for."""
    if kind in TEXT:
        return text_shape(24, 1000, ngrams=30)
    published = name not in ("tiny", "small", "base", "large")
    return image_shape(224 if published or (kind, name) == ("inception", "large") else 32, outputs=10)


@pytest.mark.parametrize("kind", [*IMAGE, *TEXT])
def test_every_preset_builds_and_sizes_grow(kind: str) -> None:
    presets = ModelSpec.alternatives[kind].presets  # type: ignore[attr-defined]
    assert {"tiny", "small", "base", "large"} <= set(presets)
    models = {name: weightless_model(kind, name, sizes_for(kind, name)) for name in presets}
    for model in models.values():
        assert model.output_shape == (None, 2 if kind in TEXT else 10)
        assert model.output.dtype == "float32"
    counts = [models[name].count_params() for name in ("tiny", "small", "base", "large")]
    assert counts == sorted(counts)


@pytest.mark.parametrize("size_px", [8, 28])
@pytest.mark.parametrize("kind", IMAGE)
def test_small_images_pass(kind: str, size_px: int) -> None:
    for name in ("tiny", "small", "base"):
        assert weightless_model(kind, name, image_shape(size_px, 1, 2)).output_shape == (None, 2)


def tiny_case(kind: str) -> tuple[Shape, Any]:
    """A tiny model without what hinders learning by heart, and its input."""
    shape = image_shape(16, outputs=3) if kind in IMAGE else text_shape(12, 50, 3, ngrams=0)
    return shape, preset(kind, "tiny", **{"dropout": 0.0, **SMALLEST[kind]})


@pytest.mark.parametrize("kind", [*IMAGE, *TEXT])
def test_learns_a_tiny_batch_by_heart_and_is_the_same_by_seed(kind: str) -> None:
    import keras

    from engine.models.build import build_core

    shape, model_document = tiny_case(kind)
    spec = document("image" if kind in IMAGE else "text", model_document, seed=7)
    model, twin = build_core(spec, shape), build_core(spec, shape)
    other = build_core(spec.edit({"seed": 8}), shape)
    weights = model.get_weights()
    assert all(np.array_equal(mine, yours) for mine, yours in zip(weights, twin.get_weights(), strict=True))
    assert not all(np.array_equal(mine, yours) for mine, yours in zip(weights, other.get_weights(), strict=True))

    inputs, classes = batch(shape)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(inputs, classes, batch_size=len(classes), epochs=60, verbose=0)
    assert model.evaluate(inputs, classes, verbose=0)[0] < 0.1


def test_saved_models_come_back(tmp_path: Path) -> None:
    import keras

    from engine.models.build import build_core

    cases: dict[str, dict[str, Any]] = {
        "convnext": {"stochastic_depth": 0.2},
        "vit": {"pooling": "token", "stochastic_depth": 0.2},
        "bert": {},
        "transformer": {"positions": "sinusoidal", "pooling": "max", "order": "post_norm"},
    }
    for kind, fields in cases.items():
        image = kind in IMAGE
        shape = image_shape(16, outputs=3) if image else text_shape(12, 50, 3, ngrams=30)
        fields = {**SMALLEST[kind], **fields}
        model = build_core(document("image" if image else "text", preset(kind, "tiny", **fields)), shape)
        model.save(tmp_path / f"{kind}.keras")
        back = keras.saving.load_model(tmp_path / f"{kind}.keras")
        inputs, _ = batch(shape)
        np.testing.assert_array_equal(model.predict(inputs, verbose=0), back.predict(inputs, verbose=0))


def test_padding_changes_nothing() -> None:
    from engine.models.build import build_core

    for kind, fields in (("transformer", {}), ("transformer", {"pooling": "max"}), ("bert", {"pooling": "average"})):
        spec = document("text", preset(kind, "tiny", **fields))
        text = np.array([[5, 9, 3, 7]], np.int32)
        short = build_core(spec, text_shape(4, 50))
        long = build_core(spec, text_shape(9, 50))
        weights = {weight.path: weight for weight in short.weights}
        for weight in long.weights:  # the table of positions alone is longer: its first rows count
            value = np.asarray(weights[weight.path])
            weight.assign(np.pad(value, [(0, b - a) for a, b in zip(value.shape, weight.shape, strict=True)]))
        padded = np.pad(text, [(0, 0), (0, 5)])
        np.testing.assert_allclose(
            short.predict({"tokens": text}, verbose=0), long.predict({"tokens": padded}, verbose=0), atol=1e-5
        )


def test_what_is_declared_is_in_the_model() -> None:
    from engine.models.build import build_core

    spec = document("image", preset("resnet", "tiny", l2=1e-3, stochastic_depth=0.3, dropout=0.4, activation="gelu"))
    model = build_core(spec, image_shape(16, outputs=3))
    kinds = {type(layer).__name__ for layer in model.layers}
    assert {"StochasticDepth", "Dropout"} <= kinds
    assert [layer.rate for layer in model.layers if type(layer).__name__ == "StochasticDepth"] == [0.15, 0.3]
    convolutions = [layer for layer in model.layers if type(layer).__name__ in ("Conv2D", "Dense")]
    assert len(model.losses) == len(convolutions)
    penalties = sum(float(1e-3 * np.sum(np.square(layer.kernel))) for layer in convolutions)
    assert float(sum(model.losses)) == pytest.approx(penalties, rel=1e-5)
    assert {layer.activation.__name__ for layer in model.layers if type(layer).__name__ == "Activation"} == {"gelu"}


def test_stochastic_depth_keeps_the_mean() -> None:
    import keras

    from engine.models.blocks import StochasticDepth

    ones = np.ones((4000, 2, 2, 3), np.float32)
    layer = StochasticDepth(0.25)
    out = keras.ops.convert_to_numpy(layer(ones, training=True))
    examples = out.reshape(len(out), -1)
    assert np.all(examples == examples[:, :1])  # whole examples are left out
    np.testing.assert_allclose(np.unique(out), [0.0, 4 / 3], rtol=1e-6)
    assert out.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.25 / 0.75 / 4000))  # four standard errors
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(ones)), ones)


def test_sines_are_those_of_the_paper() -> None:
    from engine.models.attention import sines

    table = sines(50, 8)
    for place, pair in ((0, 0), (7, 1), (49, 3)):
        angle = place / 10_000 ** (2 * pair / 8)
        assert table[place, 2 * pair] == pytest.approx(np.sin(angle), abs=1e-6)
        assert table[place, 2 * pair + 1] == pytest.approx(np.cos(angle), abs=1e-6)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(EngineError, match="at least 75 px, got 32"):
        weightless_model("inception", "inception_v3", image_shape(32))
    with pytest.raises(EngineError, match="patch of 16 px does not fit into an image of 8 px"):
        weightless_model("vit", "vit_b16", image_shape(8))
    with pytest.raises(EngineError, match="Take 4 heads"):
        document("image", preset("vit", "tiny", heads=5))
    with pytest.raises(EngineError, match="same number of stages, got 2 and 3"):
        document("image", preset("convnext", "tiny", blocks=[1, 1]))
