import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.data.load import load
from engine.errors import EngineError
from engine.specs import ColumnKind, Part, RunSpec, Task


def test_a_table_gets_a_document_that_loads(tmp_path):
    rng = np.random.default_rng(0)
    count = 400
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=count),
            "day": pd.date_range("2022-01-01", periods=count).strftime("%Y-%m-%d"),
            "remark": [f"bought {rng.integers(9)} things, and was rather happy with {k} of them" for k in range(count)],
            "price": np.exp(rng.normal(8, 2, count)),
        }
    )
    path = tmp_path / "sales.csv"
    frame.to_csv(path, index=False)
    record = api.import_data([path], options={"task": "table_regression", "target": "price"})
    spec = api.default_spec(record.id)
    assert RunSpec.parse(spec.to_json()) == spec
    assert [step.kind for step in spec.data.cleaning] == ["date_features", "text_features"]
    assert spec.data.preprocessing.target_transform == "log"
    assert spec.training.loss.kind == "mse"
    prepared = load(spec.data)
    assert set(prepared.columns.values()) == {ColumnKind.NUMBER, ColumnKind.TEXT}
    assert {"size", "day_days", "remark_words"} <= set(prepared.columns)
    assert [len(prepared.parts[part]) for part in Part] == [240, 80, 80]
    other = api.default_spec(record.id, target="size")
    assert (other.data.task, other.data.target) == (Task.TABLE_REGRESSION, "size")
    with pytest.raises(EngineError):
        api.default_spec("0" * 16)


@pytest.mark.data
@pytest.mark.parametrize(
    ("files", "target", "expected"),
    [
        (["titanic/train.csv"], "Survived", {"data.task": "table_classification", "data.split.kind": "stratified"}),
        (["german-credit/german.csv"], None, {"data.target": "column_21"}),
        (
            ["sst2/train.tsv", "sst2/dev.tsv", "sst2/test.tsv"],
            None,
            {"data.split.kind": "given", "data.preprocessing.tokens": "words"},
        ),
        (
            ["fashion-mnist"],
            None,
            {
                "data.split.kind": "given",
                "data.preprocessing.image_size_px": 28,
                "data.preprocessing.colour": "grey",
            },
        ),
    ],
    ids=["titanic", "german", "sst2", "fashion"],
)
def test_real_data_get_sensible_documents(shared_data, files, target, expected):
    from engine.specs import flatten

    record = api.import_data([shared_data / name for name in files])
    spec = api.default_spec(record.id, target=target)
    leaves = flatten(spec)
    assert {path: leaves[path] for path in expected} == expected
    prepared = load(spec.data)
    assert len(prepared.parts[Part.VALIDATION]) > 100
    if prepared.spec.task is Task.IMAGE_CLASSIFICATION:
        assert [len(prepared.parts[part]) for part in Part] == [54_000, 6_000, 10_000]
        assert prepared.images([0, 1])[1].shape == (28, 28, 1)


def test_amounts_as_people_write_them_are_read_as_numbers_and_codes_are_not(tmp_path):
    rng = np.random.default_rng(0)
    area, price = rng.integers(300, 3000, 400), rng.integers(90_000, 900_000, 400)
    frame = pd.DataFrame(
        {
            "code": [f"{n % 90:03d}" for n in range(400)],  # a code, not a number
            "area": [f"{value:,.1f}" for value in area],
            "discount": [f"{value} %" for value in rng.integers(0, 60, 400)],
            "town": ["Ulm", "Köln"] * 200,
            "price": [f"${value:,.2f}" for value in price],
        }
    )
    path = tmp_path / "houses.csv"
    frame.to_csv(path, index=False)
    spec = api.default_spec(api.import_data([path]).id, target="price")
    assert spec.data.task is Task.TABLE_REGRESSION
    assert [(step.kind, step.column) for step in spec.data.cleaning] == [
        ("set_type", "area"),
        ("set_type", "discount"),
        ("set_type", "price"),
    ]
    prepared = load(spec.data)
    assert prepared.columns["area"] is ColumnKind.NUMBER
    assert prepared.columns["code"] is ColumnKind.CATEGORY
    np.testing.assert_allclose(prepared.target, price)
    np.testing.assert_allclose(prepared.frame["area"], area)
