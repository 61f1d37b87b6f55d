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
