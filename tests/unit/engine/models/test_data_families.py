"""Text and table families: what all of them must do, and what each paper promises."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.specs import Modality, RunSpec
from engine.specs.models import ModelSpec, families

pytestmark = pytest.mark.tensorflow

TEXT = ("text_pool", "text_cnn", "text_rnn")
TABLE = ("table_residual", "table_ensemble", "wide_deep", "ft_transformer", "mlp")


class Shape:
    """An encoder's shape."""

    def __init__(self, specs: dict[str, Any], info: dict[str, Any]) -> None:
        self.input_specs, self.info = specs, info


def text_shape(classes: int = 3) -> Shape:
    specs = {"tokens": ((12,), "int32"), "ngram_ids": ((24,), "int32"), "ngram_weights": ((24,), "float32")}
    return Shape(specs, {"outputs": classes, "vocabulary_size": 50, "ngram_features": 40})


def table_shape(outputs: int = 1) -> Shape:
    specs = {"numbers": ((4, 6), "float32"), "categories": ((3,), "int32"), "words": ((5,), "float32")}
    return Shape(specs, {"outputs": outputs, "category_sizes": [3, 4, 5]})


def text_rows(rows: int = 6) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "tokens": draw.integers(0, 50, (rows, 12)).astype(np.int32),
        "ngram_ids": draw.integers(0, 40, (rows, 24)).astype(np.int32),
        "ngram_weights": draw.random((rows, 24)).astype(np.float32),
    }


def table_rows(rows: int = 6) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "numbers": draw.random((rows, 4, 6)).astype(np.float32),
        "categories": draw.integers(0, 3, (rows, 3)).astype(np.int32),
        "words": draw.integers(0, 2, (rows, 5)).astype(np.float32),
    }


def document(kind: str, preset: str = "tiny", **changes: Any) -> RunSpec:
    text = kind in TEXT
    data = {"dataset": "0" * 16, "task": "text_classification" if text else "table_regression"}
    model = {**ModelSpec.alternatives[kind].presets[preset], "kind": kind, **changes}
    training = {} if text else {"training": {"loss": {"kind": "mse"}}}
    return RunSpec.parse(
        {"data": {**data, "preprocessing": {"kind": "text" if text else "table"}}, "model": model, **training}
    )


def build(kind: str, preset: str = "tiny", **changes: Any) -> Any:
    from engine.models.build import build_core

    return build_core(document(kind, preset, **changes), text_shape() if kind in TEXT else table_shape())


def rows_for(kind: str) -> dict[str, np.ndarray]:
    return text_rows() if kind in TEXT else table_rows()


def test_every_family_of_these_modalities_is_tested_here() -> None:
    assert set(TABLE) <= set(families(Modality.TABLE))
    assert set(TEXT) <= set(families(Modality.TEXT))


@pytest.mark.parametrize("kind", TEXT + TABLE)
def test_a_saved_model_gives_the_same_numbers(kind: str, tmp_path: Path) -> None:
    import keras

    import engine.models.layers  # noqa: F401

    model, rows = build(kind), rows_for(kind)
    before = model.predict(rows, verbose=0)
    assert before.shape == (6, 3 if kind in TEXT else 1)
    model.save(tmp_path / "model.keras")
    after = keras.saving.load_model(tmp_path / "model.keras").predict(rows, verbose=0)
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in TEXT + TABLE if kind != "mlp"])
def test_presets_grow(kind: str) -> None:
    sizes = [build(kind, preset).count_params() for preset in ("tiny", "small", "base", "large")]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("kind", TEXT + TABLE)
def test_the_same_document_gives_the_same_weights(kind: str) -> None:
    first, second = build(kind).get_weights(), build(kind).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", TEXT)
def test_padding_does_not_count(kind: str) -> None:
    """Tokens behind the text are 0; a longer padding must not change the answer (max pooling of a CNN sees borders)."""
    model, rows = build(kind, wide=False), text_rows()
    rows["tokens"][:, 6:] = 0
    short = dict(rows, tokens=rows["tokens"].copy())
    expected = model.predict(rows, verbose=0)
    shape = text_shape()
    shape.input_specs["tokens"] = ((20,), "int32")
    from engine.models.build import build_core

    longer = build_core(document(kind, wide=False), shape)
    longer.set_weights(model.get_weights())
    short["tokens"] = np.pad(rows["tokens"], ((0, 0), (0, 8)))
    np.testing.assert_allclose(longer.predict(short, verbose=0), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", TEXT)
def test_the_wide_part_is_a_linear_model_of_the_ngrams(kind: str) -> None:
    model, rows = build(kind), text_rows()
    table = next(layer for layer in model.layers if layer.name == "wide")
    weights = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    without = model.predict(rows, verbose=0)
    table.set_weights([weights])
    dense = np.zeros((6, 40), np.float32)
    for row in range(6):
        np.add.at(dense[row], rows["ngram_ids"][row], rows["ngram_weights"][row])
    gained = model.predict(rows, verbose=0) - without
    np.testing.assert_allclose(gained, table.scale * dense @ weights, rtol=1e-3, atol=1e-3)


def test_members_learn_each_by_itself() -> None:
    """Loss of the mean + the added term = mean of the members' losses, for classes and for numbers."""
    import keras
    from keras import ops

    from engine.models.table_ensemble import MemberMean

    logits = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    truth = np.array([0, 1, 2, 0, 1])
    layer = MemberMean()
    mean = layer(logits, training=True)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    each = [float(entropy(truth, logits[:, member])) for member in range(7)]
    assert float(entropy(truth, mean)) + float(sum(layer.losses)) == pytest.approx(np.mean(each), rel=1e-5)

    numbers, target = logits[:, :, :1], np.random.default_rng(1).normal(size=(5, 1)).astype(np.float32)
    layer = MemberMean()
    mean = layer(numbers, training=True)
    each = [float(ops.mean((numbers[:, member] - target) ** 2)) for member in range(7)]
    assert float(ops.mean((mean - target) ** 2)) + float(sum(layer.losses)) == pytest.approx(np.mean(each), rel=1e-5)
    assert MemberMean()(logits, training=False).shape == (5, 3)


def test_pairs_of_categories_are_numbered_one_by_one_where_they_fit() -> None:
    from engine.models.wide_deep import CategoryPairs

    codes = np.array([[a, b, c] for a in range(3) for b in range(4) for c in range(5)], np.int32)
    ids, ones = CategoryPairs([3, 4, 5], 12 + 15 + 20)(codes)
    seen = {(pair, int(code)) for row in np.asarray(ids) for pair, code in enumerate(row)}
    assert len(seen) == 12 + 15 + 20 == len({code for _, code in seen})
    assert np.asarray(ones).min() == 1.0
    few, _ = CategoryPairs([3, 4, 5], 10)(codes)
    assert 0 <= np.asarray(few).min() <= np.asarray(few).max() < 10


def test_ft_transformer_has_the_papers_parameters() -> None:
    """Counted by hand after section 3.3: tokeniser, [CLS], blocks of attention and two dense layers, head."""
    width, inner, blocks = 16, 32, 1
    tokens = 4 * 6 * width + 4 * width + (3 + 4 + 5) * width + (5 * width + width) + width
    attention = 4 * (width * width + width)
    dense = width * inner + inner + inner * width + width
    norms = (2 * blocks + 1) * 2 * width
    assert build("ft_transformer").count_params() == tokens + blocks * (attention + dense) + norms + width + 1
