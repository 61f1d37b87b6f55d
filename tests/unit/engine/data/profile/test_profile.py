import json

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.data.profile import profile_path
from engine.errors import EngineError


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    count = 3000
    label = rng.choice(["no", "yes"], count, p=[0.7, 0.3])
    amount = rng.lognormal(3, 1, count)
    amount[::10] = np.nan
    table = pd.DataFrame(
        {
            "amount": amount,
            "strength": rng.normal(size=count) + (label == "yes"),
            "items": rng.poisson(4, count),
            "town": rng.choice(["Paris", "Rome", "上海"], count, p=[0.5, 0.3, 0.2]),
            "day": pd.date_range("2021-01-01", periods=count, freq="h"),
            "label": label,
        }
    )
    return pd.concat([table, table.iloc[:25]], ignore_index=True)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory, frame):
    """The record, its profile and the workspace that holds them, shared by the tests of this file."""
    home = tmp_path_factory.mktemp("home")
    path = home / "rows.csv"
    frame.to_csv(path, index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATHE_HOME", str(home))
        record = api.import_data([path], options={"target": "label"})
        said = []
        answer = api.profile(record.id, progress=lambda share, text: said.append((share, text)))
    assert len(said) > 3
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    return record, answer, home


def column(answer, name):
    return next(column for column in answer["columns"] if column["name"] == name)


def test_figures_are_those_of_pandas(profiled, frame):
    _, answer, _ = profiled
    for name in ("amount", "strength", "items"):
        found, expected = column(answer, name), frame[name].describe(percentiles=[0.01, 0.05, 0.25, 0.5, 0.75, 0.95])
        for key in ("min", "max", "mean", "std"):
            assert found[key] == pytest.approx(expected[key])
        assert found["quantiles"]["0.25"] == pytest.approx(expected["25%"])
        assert found["quantiles"]["0.95"] == pytest.approx(expected["95%"])
        assert found["missing"] == frame[name].isna().sum()
        assert found["distinct"] == frame[name].nunique()
        histogram = found["histogram"]
        values = frame[name].dropna()
        edges = histogram["edges"]
        counts, _ = np.histogram(values, bins=edges)
        assert len(histogram["counts"]) <= 40
        assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] == len(values)
        np.testing.assert_allclose(histogram["counts"], counts, atol=2)  # a value on an edge may fall on either side
        first, third = values.quantile([0.25, 0.75])
        beyond = (values < first - 1.5 * (third - first)) | (values > third + 1.5 * (third - first))
        assert found["outliers"] == beyond.sum()


def test_categories_dates_and_classes(profiled, frame):
    _, answer, _ = profiled
    town = column(answer, "town")
    assert dict(map(tuple, town["top"])) == frame["town"].value_counts().to_dict()
    assert town["other"] == 0
    day = column(answer, "day")
    assert day["min"].startswith("2021-01-01")
    assert sum(day["histogram"]["counts"]) == len(frame)
    assert answer["classes"] == frame["label"].value_counts().to_dict()
    assert column(answer, "label")["is_target"]


def test_the_telling_column_is_told_from_noise(profiled):
    _, answer, _ = profiled
    assert column(answer, "strength")["association"] > 0.35
    assert column(answer, "town")["association"] < 0.1
    assert column(answer, "amount")["association"] < 0.1
    names = answer["correlations"]["names"]
    assert names[0] == "strength"
    np.testing.assert_allclose(np.diag(answer["correlations"]["values"]), 1.0)


def test_duplicate_rows_are_found_with_their_numbers(profiled, frame):
    _, answer, _ = profiled
    exact = answer["duplicates"]["exact"]
    assert exact["rows"] == frame.duplicated().sum() == 25
    assert exact["groups"] == 25
    assert exact["examples"][0] == [0, 3000]


def test_it_is_computed_once_for_each_target(profiled, monkeypatch):
    record, answer, home = profiled
    monkeypatch.setenv("LATHE_HOME", str(home))
    path = profile_path(record.id, "label")
    assert json.loads(path.read_text(encoding="utf-8")) == answer
    path.write_text(json.dumps({**answer, "seconds": -1.0}), encoding="utf-8")
    assert api.profile(record.id)["seconds"] == -1.0
    other = api.profile(record.id, target="items")
    assert other["target"] == "items"
    assert other["classes"] == {}
    with pytest.raises(EngineError, match="nowhere"):
        api.profile(record.id, target="nowhere")


@pytest.mark.data
def test_texts_in_two_languages(shared_data):
    record = api.import_data([shared_data / "chn-hotel-reviews" / "ChnSentiCorp_htl_all.csv"])
    answer = api.profile(record.id)
    texts = answer["texts"]
    assert answer["classes"] == {"1": 5322, "0": 2444}  # as published
    assert texts["tokens"] == "characters"
    assert texts["empty"] == 1
    assert texts["scripts"]["Han"] > 0.95
    assert "不错" in [word for word, _ in texts["telling_words"]["1"]][:5]
    assert {"没有", "很差"} & {word for word, _ in texts["telling_words"]["0"][:8]}
    spec = api.default_spec(record.id)
    assert spec.data.preprocessing.tokens == "characters"


@pytest.mark.data
def test_images_with_their_classes(shared_data):
    record = api.import_data([shared_data / "pneumonia-mnist" / "pneumoniamnist.npz"])
    answer = api.profile(record.id)
    images = answer["images"]
    assert answer["rows"] == 2428 + 270 + 468
    assert images["sizes"] == [{"width": 28, "height": 28, "count": 3166}]
    assert {part: sum(classes.values()) for part, classes in answer["parts"].items()} == {
        "train": 2428,
        "validation": 270,
        "test": 468,
    }
    assert set(images["examples"]) == set(images["mean_images"]) == set(answer["classes"])
    assert all(len(rows) == 12 for rows in images["examples"].values())
    assert sum(images["brightness"]["counts"]) == images["looked_at"]
    assert "near" in answer["duplicates"]
