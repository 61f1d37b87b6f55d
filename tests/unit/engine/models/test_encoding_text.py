"""Tokens, vocabulary and n-gram weights; scikit-learn's TF-IDF is the reference."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.load import Prepared, prepare
from engine.models.encoding import Encoder, shape_from_spec
from engine.specs import ColumnKind, Modality, Part, Task
from engine.specs.data import DataSpec
from engine.specs.records import ColumnRecord, DatasetRecord

pytestmark = pytest.mark.tensorflow

SENTENCES = [
    "A quick brown fox — isn't it quick?",
    "The 'quoted' word, and the dog's bone.",
    "the quick dog, the quick fox; the end",
    "",
    "Ünïcode ÉTÉ l’été straße 42",
    "brown brown brown fox",
] * 12


def prepared(texts: list[str], **settings: object) -> Prepared:
    data = DataSpec.model_validate(
        {
            "dataset": "0" * 16,
            "task": "text_classification",
            "preprocessing": {"kind": "text", "sequence_length": 16, **settings},
        }
    )
    frame = pd.DataFrame({"review": texts, "label": [("no", "yes")[i % 2] for i in range(len(texts))]})
    return prepare(data, frame, {"review": ColumnKind.TEXT, "label": ColumnKind.CATEGORY})


def cut(texts: list[str], kind: str, lowercase: bool = True) -> list[list[str]]:
    from engine.models.tokens import chunks, tokenise

    ragged = [row for chunk in chunks(texts) for row in tokenise(chunk, kind, lowercase).to_list()]  # type: ignore[arg-type]
    return [[token.decode() for token in row] for row in ragged]


@pytest.mark.parametrize(
    ("text", "kind", "tokens"),
    [
        ("Isn't it 'good'?", "words", ["isn't", "it", "good", "?"]),
        ("l’été à Paris", "words", ["l'été", "à", "paris"]),
        ("3.5 stars!!", "words", ["3", ".", "5", "stars", "!", "!"]),
        ("房间很大，hotel不错", "characters", ["房", "间", "很", "大", "，", "hotel", "不", "错"]),
        ("Braund, Mr. Owen", "parts", ["braund", "mr", "owen"]),
        ("C85 A/5 21171", "parts", ["c", "85", "a", "5", "21171"]),
        ("  \u00a0\u3000 ", "words", []),
        ("नमस्ते दुनिया", "words", ["नमस्ते", "दुनिया"]),
    ],
)
def test_texts_are_cut_as_people_read_them(text: str, kind: str, tokens: list[str]) -> None:
    assert cut([text], kind) == [tokens]


def test_capitals_can_be_kept() -> None:
    assert cut(["Paris ÉTÉ"], "words", lowercase=False) == [["Paris", "ÉTÉ"]]


def test_lone_surrogates_do_not_break_an_import() -> None:
    assert cut(["ok \ud800 ok"], "words") == [["ok", "?", "ok"]]


def test_weights_are_scikit_learns_tf_idf() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    data = prepared(SENTENCES, ngrams=2, ngram_weights="tf_idf")
    encoder = Encoder.fit(data)
    train = data.parts[Part.TRAIN]
    texts = data.texts(train)
    reference = TfidfVectorizer(
        tokenizer=lambda text: cut([text], "words")[0],
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        min_df=2,
        sublinear_tf=True,
    ).fit(texts)
    expected = reference.transform(texts).toarray()
    encoded = encoder.encode(data, train)
    dense = np.zeros((len(texts), encoder.info["ngram_features"]), np.float32)
    for row in range(len(texts)):
        np.add.at(dense[row], encoded["ngram_ids"][row], encoded["ngram_weights"][row])
    assert dense.shape == expected.shape
    # Columns stand in another order: compare all inner products instead.
    np.testing.assert_allclose(dense @ dense.T, expected @ expected.T, atol=1e-5)


def test_the_vocabulary_holds_train_words_by_frequency_and_no_others() -> None:
    texts = ["alpha beta alpha gamma"] * 60 + ["only here"] * 0
    data = prepared([*texts, "zeta"], ngrams=0)
    encoder = Encoder.fit(data)
    assert encoder.words[0] == "alpha"  # type: ignore[attr-defined]
    only_train = set(" ".join(data.texts(data.parts[Part.TRAIN])).split())
    assert set(encoder.words) <= only_train  # type: ignore[attr-defined]
    tokens = encoder.encode_texts(["alpha unseenword beta"])["tokens"][0]  # type: ignore[attr-defined]
    assert tokens.tolist()[:4] == [2, 1, tokens[2], 0]


def test_long_texts_are_cut_and_keep_their_heaviest_ngrams() -> None:
    data = prepared(SENTENCES, ngrams=1, sequence_length=4)
    encoded = Encoder.fit(data).encode(data)
    assert encoded["tokens"].shape == (len(SENTENCES), 4)
    weights = encoded["ngram_weights"]
    assert (np.diff(np.abs(weights), axis=1) <= 1e-6).all()


@pytest.mark.parametrize("ngram_weights", ["tf_idf", "naive_bayes"])
@pytest.mark.parametrize("kind", ["words", "characters"])
def test_the_exported_model_gives_the_same_numbers(kind: str, ngram_weights: str, tmp_path: Path) -> None:
    import keras

    from engine.models.build import build_core, build_full
    from engine.specs import RunSpec

    texts = [*SENTENCES, "房间很大，位置不错！" * 9, "不好 not good 不好"] * 2
    data = prepared(texts, tokens=kind, ngrams=3, ngram_weights=ngram_weights)
    encoder = Encoder.fit(data)
    spec = RunSpec.parse({"data": data.spec.model_dump(mode="json"), "model": {"kind": "text_pool", "width": 8}})
    core = build_core(spec, encoder)
    draw = np.random.default_rng(0)
    core.set_weights([draw.normal(size=w.shape) for w in core.get_weights()])
    expected = encoder.decode_target(core.predict(encoder.encode(data), verbose=0))
    build_full(core, encoder).save(tmp_path / "model.keras")
    full = keras.saving.load_model(tmp_path / "model.keras")
    got = full.predict({"review": np.array(texts, object)}, verbose=0)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    data = prepared(SENTENCES)
    encoder = Encoder.fit(data)
    encoder.save(tmp_path)
    loaded = Encoder.load(tmp_path)
    assert loaded.info == encoder.info
    for name, values in encoder.encode(data).items():
        np.testing.assert_array_equal(loaded.encode(data)[name], values)
    assert not list(tmp_path.glob("*.pkl"))


def test_naive_bayes_weighs_words_that_tell_classes_apart() -> None:
    texts = [f"{('bad', 'good')[i % 2]} film number {i % 7}" for i in range(80)]
    encoder = Encoder.fit(prepared(texts, ngrams=1, ngram_weights="naive_bayes"))
    encoded = encoder.encode_texts(["good film", "bad film"])  # type: ignore[attr-defined]
    assert (encoded["ngram_weights"][:, 0] > 3 * encoded["ngram_weights"][:, 1]).all()


def test_the_shape_is_known_without_the_data() -> None:
    data = prepared(SENTENCES)
    record = DatasetRecord(
        id="0" * 16,
        name="",
        modality=Modality.TEXT,
        rows=72,
        columns=(
            ColumnRecord(name="review", kind=ColumnKind.TEXT),
            ColumnRecord(name="label", kind=ColumnKind.CATEGORY, distinct=2),
        ),
        bytes=0,
        task=Task.TEXT_CLASSIFICATION,
        target="label",
    )
    shape = shape_from_spec(data.spec, record)
    fitted = Encoder.fit(data)
    assert shape.input_specs == fitted.input_specs
    assert shape.info["outputs"] == fitted.info["outputs"] == 2
    assert shape.info["vocabulary_size"] >= fitted.info["vocabulary_size"]


def test_empty_texts_only_are_encoded_too() -> None:
    data = prepared([""] * 40)
    encoder = Encoder.fit(data)
    assert not any(values.any() for values in encoder.encode(data).values())
    _, tensors = encoder.raw_inputs()
    assert set(tensors) == set(encoder.input_specs)
