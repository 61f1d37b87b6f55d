"""Table rows as arrays, and the exported model that reads raw rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.load import Prepared, prepare
from engine.models.encoding import Encoder, raw_names, shape_from_spec
from engine.models.encoding_table import as_texts
from engine.specs import ColumnKind, Modality, Part, Task
from engine.specs.data import DataSpec
from engine.specs.records import ColumnRecord, DatasetRecord

pytestmark = pytest.mark.tensorflow

KINDS = {
    "age": ColumnKind.NUMBER,
    "income": ColumnKind.NUMBER,
    "town": ColumnKind.CATEGORY,
    "cabin": ColumnKind.CATEGORY,
    "name": ColumnKind.TEXT,
    "price": ColumnKind.NUMBER,
}
ROWS = 300


def people() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    age = draw.integers(1, 90, ROWS).astype(float)
    age[::7] = np.nan
    town = draw.choice(["Köln", "北京", "Paris"], ROWS).astype(object)
    town[5] = "seen once"
    town[::11] = None
    return pd.DataFrame(
        {
            "age": age,
            "income": draw.lognormal(10, 1, ROWS),
            "town": town,
            "cabin": [f"{'ABC'[i % 3]}{i}" for i in range(ROWS)],
            "name": [f"Smith, {('Mr.', 'Mrs.', 'Miss.')[i % 3]} John the {i}th" for i in range(ROWS)],
            "price": draw.lognormal(5, 1, ROWS),
        }
    )


def prepared(frame: pd.DataFrame | None = None, *, task: str = "table_regression", **settings: object) -> Prepared:
    target = "price" if task == "table_regression" else "town"
    data = DataSpec.model_validate(
        {"dataset": "0" * 16, "task": task, "target": target, "preprocessing": {"kind": "table", **settings}}
    )
    return prepare(data, people() if frame is None else frame, KINDS)


def test_columns_may_be_named_like_layers_and_with_any_characters(tmp_path: Path) -> None:
    import keras

    from engine.models.full import build_full

    odd = {"age": "column_2", "income": "a/b: ü", "town": "concatenate", "name": "mlp", "cabin": "lathe_words"}
    frame = people().rename(columns=odd)
    kinds = dict(zip(frame.columns, KINDS.values(), strict=True))
    preprocessing = {"kind": "table"}
    data = DataSpec.model_validate(
        {"dataset": "0" * 16, "task": "table_regression", "target": "price", "preprocessing": preprocessing}
    )
    encoder = Encoder.fit(prepare(data, frame, kinds))
    inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in encoder.input_specs.items()}
    core = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs["numbers"])), name="mlp")
    build_full(core, encoder).save(tmp_path / "model.keras")
    full = keras.saving.load_model(tmp_path / "model.keras")
    rows = raw_rows(encoder, frame)
    names = raw_names(rows, ["mlp"])
    assert names["mlp"] == "mlp_"
    assert full.predict({names[column]: values for column, values in rows.items()}, verbose=0).shape == (ROWS, 1)


def raw_rows(encoder: Encoder, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    columns = encoder.columns  # type: ignore[attr-defined]
    strings = {*columns.categories, *columns.words}
    rows = {name: np.array(as_texts(frame[name]), object) for name in strings}
    return rows | {name: frame[name].to_numpy(np.float32) for name in columns.numbers}


@pytest.mark.parametrize("target_transform", ["standard", "log", "quantile_normal"])
@pytest.mark.parametrize("number_encoding", ["standard", "quantile", "piecewise_linear"])
def test_the_exported_model_gives_the_same_numbers(number_encoding: str, target_transform: str, tmp_path: Path) -> None:
    import keras

    from engine.models.build import build_core, build_full
    from engine.specs import RunSpec

    data = prepared(number_encoding=number_encoding, target_transform=target_transform)
    encoder = Encoder.fit(data)
    spec = RunSpec.parse(
        {
            "data": data.spec.model_dump(mode="json"),
            "model": {"kind": "mlp", "units": [8]},
            "training": {"loss": {"kind": "mse"}},
        }
    )
    core = build_core(spec, encoder)
    unseen = data.frame.copy()
    unseen.loc[unseen.index[:20], "town"] = "Nowhere"
    unseen.loc[unseen.index[:20], "income"] = 1e9
    expected = encoder.decode_target(core.predict(encoder.encode_frame(unseen), verbose=0))  # type: ignore[attr-defined]
    build_full(core, encoder).save(tmp_path / "model.keras")
    full = keras.saving.load_model(tmp_path / "model.keras")
    got = full.predict(raw_rows(encoder, unseen), verbose=0)[:, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * float(np.abs(expected).max()))


def test_rare_and_unseen_categories_share_an_entry() -> None:
    data = prepared()
    encoder = Encoder.fit(data)
    places = list(encoder.columns.categories)  # type: ignore[attr-defined]
    frame = data.frame.iloc[:4].copy()
    frame["town"] = ["seen once", "never seen", "Köln", None]
    codes = encoder.encode_frame(frame)["categories"][:, places.index("town")]  # type: ignore[attr-defined]
    assert codes[0] == codes[1] == 0
    assert codes[2] != 0
    assert codes[3] not in (0, codes[2])  # missing is a value of its own where it is not rare


def test_names_and_codes_give_their_telling_words() -> None:
    data = prepared()
    encoder = Encoder.fit(data)
    frame = data.frame.iloc[:3].copy()
    frame["name"] = ["X, Mr. Y", "X, Mrs. Y", "X, Mr. Z"]
    frame["cabin"] = ["A1", "A1", "A999"]
    words = encoder.encode_frame(frame)["words"]  # type: ignore[attr-defined]
    assert (words[0] == words[2]).all()
    assert (words[0] != words[1]).sum() == 2
    frame["cabin"] = ["A1", "B1", "C1"]
    assert len({tuple(row) for row in encoder.encode_frame(frame)["words"]}) == 3  # type: ignore[attr-defined]


def test_only_the_train_part_is_learned_from() -> None:
    frame = people()
    first = prepared(frame)
    before = Encoder.fit(first)
    outside = np.setdiff1d(np.arange(ROWS), first.parts[Part.TRAIN])
    numbers = first.frame.index[outside]
    frame.loc[numbers, ["income", "age"]] = 1e6
    frame.loc[numbers, "town"] = "elsewhere"
    changed = replace(prepared(frame), parts=first.parts, target=first.target)
    for name, values in before.encode(first).items():
        np.testing.assert_array_equal(Encoder.fit(changed).encode(first)[name], values)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    data = prepared(task="table_classification")
    encoder = Encoder.fit(data)
    encoder.save(tmp_path)
    loaded = Encoder.load(tmp_path)
    assert loaded.info == encoder.info
    assert loaded.input_specs == encoder.input_specs
    positions = np.array([3, 1, 2])
    for name, values in encoder.encode(data, positions).items():
        np.testing.assert_array_equal(loaded.encode(data, positions)[name], values)


def test_the_shape_without_the_data_is_at_least_the_fitted_one() -> None:
    frame = people()
    columns = tuple(
        ColumnRecord(name=name, kind=kind, distinct=frame[name].nunique(), missing=int(frame[name].isna().sum()))
        for name, kind in KINDS.items()
    )
    record = DatasetRecord(
        id="0" * 16,
        name="",
        modality=Modality.TABLE,
        rows=ROWS,
        columns=columns,
        bytes=0,
        task=Task.TABLE_REGRESSION,
        target="price",
    )
    data = prepared(frame)
    shape, fitted = shape_from_spec(data.spec, record), Encoder.fit(data)
    assert shape.input_specs["numbers"] == fitted.input_specs["numbers"]
    assert shape.input_specs["categories"] == fitted.input_specs["categories"]
    assert shape.info["outputs"] == fitted.info["outputs"] == 1
    assert all(a >= b for a, b in zip(shape.info["category_sizes"], fitted.info["category_sizes"], strict=True))
    assert shape.info["words"] >= fitted.info["words"]


def test_whole_numbers_read_as_categories_have_no_point() -> None:
    assert as_texts(pd.Series([1.0, 2.5, None, " a "], dtype=object)) == ["1", "2.5", "", "a"]
