"""A finished run is a source: its body goes on, its head and its linear part stay behind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import Modality, RunSpec
from engine.store.home import run_dir
from engine.store.runs import add_run
from tests.support.finished_runs import finished_run

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("import_in_process")]
QUICK = {"training.epochs": 2, "training.batch_size": 32, "training.max_train_time_s": 0.0}


def reviews(tmp_path: Path, name: str, good: str, bad: str) -> str:
    draw = np.random.default_rng(0)
    words = ["room", "staff", "bed", "view", "food", "price", "street", "night", "door", "window"]
    rows = []
    for number in range(120):
        label = (good, bad)[number % 2]
        feeling = "great lovely" if label == good else "dirty awful"
        rows.append({"text": f"{feeling} {' '.join(draw.choice(words, 4))} {number}", "label": label})
    file = tmp_path / f"{name}.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return api.import_data([file]).id


def core_features(run_id: str, inputs: dict[str, np.ndarray], layer: str) -> np.ndarray:
    import keras

    import engine.models.layers  # noqa: F401

    core = keras.saving.load_model(run_dir(run_id) / "model" / "core.keras", compile=False)
    return np.asarray(keras.Model(core.input, core.get_layer(layer).output).predict(inputs, verbose=0))


def test_texts(tmp_path: Path) -> None:
    from engine.data.load import load
    from engine.models.build import build_core
    from engine.models.encoding import Encoder
    from engine.training.predictor import Predictor

    first = reviews(tmp_path, "one", "pos", "neg")
    spec = api.default_spec(first).edit(QUICK | {"model": {"kind": "text_pool", "units": [8]}})
    source = finished_run(spec, "Reviews")
    record = api.source(f"run:{source}")
    assert record.ready
    assert record.modality is Modality.TEXT
    assert record.learned_from == "Reviews"
    assert record in api.sources(Modality.TEXT)
    assert api.sources(Modality.IMAGE) == [r for r in api.sources() if r.modality is Modality.IMAGE]

    second = reviews(tmp_path, "two", "yes", "no")
    tuned = api.tuned_spec(f"run:{source}", second, method="full")
    assert tuned.data.preprocessing.learned_from == tuned.model.source == f"run:{source}"  # type: ignore[attr-defined]
    prepared = load(tuned.data)
    encoder = Encoder.fit(prepared)
    theirs = Encoder.load(run_dir(source) / "model" / "encoder")
    assert encoder.classes == ("no", "yes")
    assert list(encoder.input_specs) == ["tokens"]  # n-grams were the head's
    tokens = encoder.encode(prepared, np.arange(10))
    np.testing.assert_array_equal(tokens["tokens"], theirs.encode(prepared, np.arange(10))["tokens"])

    core = build_core(tuned, encoder)
    assert "wide" not in {layer.name for layer in core.layers}
    import keras

    at_head = keras.Model(core.input, core.get_layer("head_logits").input)
    filled = theirs.encode(prepared, np.arange(10))
    np.testing.assert_allclose(np.asarray(at_head(tokens)), core_features(source, filled, "hidden1_act"), atol=1e-6)

    run = finished_run(tuned.edit(QUICK))
    predicted = Predictor.load(run_dir(run)).predict(prepared, np.arange(5))
    assert predicted.shape == (5, 2)
    full = keras.saving.load_model(run_dir(run) / "model" / "model.keras", compile=False)
    raw = np.asarray(prepared.texts(np.arange(5)), object)
    import tensorflow as tf

    name = next(iter(full.input)) if isinstance(full.input, dict) else full.input.name
    np.testing.assert_allclose(np.asarray(full({name: tf.constant(raw)})), predicted, atol=1e-5)
    again = api.tuned_spec(f"run:{run}", first, method="head")  # a tuned run is a source like any other
    assert build_core(again, Encoder.fit(load(again.data))).count_params() > 0

    with pytest.raises(EngineError, match=r"trained with sequence_length = \d+, the document says 99"):
        Encoder.fit(load(tuned.edit({"data.preprocessing.sequence_length": 99}).data))


def test_images_begin_behind_augmentation_and_scaling() -> None:
    import keras

    from engine.data.load import load
    from engine.models.build import build_core
    from engine.models.encoding import Encoder

    dataset = api.import_sample("digits").id
    spec = api.default_spec(dataset).edit(
        QUICK
        | {"model": {"kind": "cnn", "filters": [4, 8], "convolutions": 1, "dense_units": 8}}
        | {"training.epochs": 1, "training.augmentation.shift_fraction": 0.1}
    )
    source = finished_run(spec)
    tuned = api.tuned_spec(f"run:{source}", dataset, method="last_blocks")
    prepared = load(tuned.data)
    encoder = Encoder.fit(prepared)
    core = build_core(tuned.edit({"training.augmentation.shift_fraction": 0.0}), encoder)
    assert not any("shift" in layer.name or "Translation" in type(layer).__name__ for layer in core.layers)
    images = {name: value.astype(np.float32) for name, value in encoder.encode(prepared, np.arange(6)).items()}
    at_head = keras.Model(core.input, core.get_layer("head_logits").input)
    before = core_features(source, images, "head_logits").shape
    assert before == (6, 10)
    import engine.models.layers  # noqa: F401

    old = keras.saving.load_model(run_dir(source) / "model" / "core.keras", compile=False)
    expected = keras.Model(old.input, old.get_layer("head_logits").input)(images, training=False)
    np.testing.assert_allclose(np.asarray(at_head(images, training=False)), np.asarray(expected), atol=1e-5)
    with pytest.raises(EngineError, match="reads image, the data are table"):
        api.tuned_spec(f"run:{source}", api.import_sample("diabetes").id)


def test_tables_need_the_same_columns(tmp_path: Path) -> None:
    from engine.data.load import load
    from engine.models.encoding import Encoder

    dataset = api.import_sample("diabetes").id
    spec = api.default_spec(dataset).edit(QUICK | {"model": {"kind": "mlp", "units": [8]}})
    source = finished_run(spec)
    record = api.source(f"run:{source}")
    assert "bmi" in record.columns

    frame = api.rows(dataset, limit=200)
    target = api.dataset(dataset).target
    other = frame.assign(extra=1.5 * frame["bmi"], **{target: frame[target] * 1000 + 5})
    file = tmp_path / "other.csv"
    other.to_csv(file, index=False)
    tuned = api.tuned_spec(f"run:{source}", api.import_data([file], options={"target": target}).id, method="full")
    assert "extra" not in tuned.data.inputs
    encoder = Encoder.fit(load(tuned.data))
    assert encoder.target_scaler is not None
    assert encoder.target_scaler.numbers["mean"] > 10_000  # the target is that of the new data
    finished_run(tuned.edit(QUICK))

    other.drop(columns=["bmi", "bp"]).to_csv(file, index=False)
    with pytest.raises(EngineError, match="needs columns that these data lack: bmi, bp") as caught:
        api.tuned_spec(f"run:{source}", api.import_data([file], options={"target": target}).id)
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_a_run_that_is_not_finished_is_no_source() -> None:
    spec = RunSpec.parse(
        {
            "data": {"dataset": "0" * 16, "task": "text_classification", "preprocessing": {"kind": "text"}},
            "model": {"kind": "text_pool"},
        }
    )
    waiting = add_run(spec)
    with pytest.raises(EngineError, match="has no trained model to begin with"):
        api.source(f"run:{waiting}")
    with pytest.raises(EngineError) as caught:
        api.source(f"run:{'f' * 16}")
    assert caught.value.kind is ErrorKind.NOT_FOUND
