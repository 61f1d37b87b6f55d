import json

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import RobustScaler, StandardScaler

from engine.data.cleaning import FittedCleaner
from engine.data.load import apply, prepare
from engine.errors import EngineError, ErrorKind
from engine.specs import ColumnKind, Part
from engine.specs.data import DataSpec

K = ColumnKind
KINDS = {"id": K.IDENTIFIER, "age": K.NUMBER, "fare": K.NUMBER, "town": K.CATEGORY, "when": K.DATE, "label": K.CATEGORY}


def raw(count=200):
    rng = np.random.default_rng(1)
    age = rng.normal(40, 12, count)
    age[::7] = np.nan
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "age": age,
            "fare": rng.lognormal(3, 1, count),
            "town": rng.choice(["a", "b", None], count),
            "when": pd.Timestamp("2020-03-01 06:00") + pd.to_timedelta(rng.permutation(count), "D"),
            "label": np.where(rng.random(count) < 0.3, 10, 9),
        }
    )


def document(cleaning=(), **changes):
    base = {"dataset": "0" * 16, "task": "table_classification", "target": "label", "preprocessing": {"kind": "table"}}
    return DataSpec.model_validate({**base, "cleaning": list(cleaning), **changes})


def train_of(prepared):
    return prepared.frame.iloc[prepared.parts[Part.TRAIN]]


def test_inputs_are_what_is_worth_learning_from():
    prepared = prepare(document(), raw(), KINDS)
    assert prepared.columns == {"age": K.NUMBER, "fare": K.NUMBER, "town": K.CATEGORY}
    assert list(prepared.frame.columns) == ["age", "fare", "town"]
    assert prepared.classes == ("9", "10")  # numbers in their own order
    assert prepared.target.dtype == np.int32
    np.testing.assert_array_equal(np.array(prepared.classes)[prepared.target], raw()["label"].astype(str))
    assert prepared.frame["age"].dtype == np.float64


def test_rows_without_a_target_are_left_out_and_counted():
    frame = raw()
    frame["label"] = frame["label"].astype(float).where(frame.index % 10 != 0)
    prepared = prepare(document(), frame, KINDS)
    assert prepared.dropped_rows == 20
    assert 10 not in prepared.frame.index
    assert prepared.classes == ("9", "10")


def test_fitted_steps_learn_from_train_alone_as_scikit_learn_does():
    steps = [
        {"kind": "impute", "column": "age", "method": "mean"},
        {"kind": "normalise", "column": "age", "method": "standard"},
        {"kind": "normalise", "column": "fare", "method": "robust"},
    ]
    prepared = prepare(document(steps), raw(), KINDS)
    rows = raw()
    train = prepared.parts[Part.TRAIN]
    imputer = SimpleImputer().fit(rows[["age"]].iloc[train])
    scaler = StandardScaler().fit(imputer.transform(rows[["age"]].iloc[train]))
    expected = scaler.transform(imputer.transform(rows[["age"]]))[:, 0]
    np.testing.assert_allclose(prepared.frame["age"], expected)
    robust = RobustScaler().fit(rows[["fare"]].iloc[train].to_numpy())
    np.testing.assert_allclose(prepared.frame["fare"], robust.transform(rows[["fare"]].to_numpy())[:, 0])


def test_values_outside_train_do_not_move_what_was_learned():
    steps = [{"kind": "clip", "column": "fare"}, {"kind": "normalise", "column": "age", "method": "range"}]
    first = prepare(document(steps), raw(), KINDS)
    changed = raw()
    held_out = np.concatenate([first.parts[Part.VALIDATION], first.parts[Part.TEST]])
    changed.loc[held_out, ["fare", "age"]] = 1e9
    second = prepare(document(steps), changed, KINDS)
    assert first.cleaner.learned == second.cleaner.learned
    quantiles = np.quantile(raw()["fare"].iloc[first.parts[Part.TRAIN]], [0.01, 0.99])
    assert second.frame["fare"].max() == pytest.approx(quantiles[1])


def test_dates_and_texts_become_numbers():
    steps = [{"kind": "date_features", "column": "when"}, {"kind": "text_features", "column": "note"}]
    frame = raw().assign(note="Room 12, GOOD!")
    prepared = prepare(document(steps), frame, {**KINDS, "note": K.TEXT})
    assert train_of(prepared)["when_days"].min() == 0.0
    np.testing.assert_array_equal(prepared.frame["when_weekday"], frame["when"].dt.day_of_week)
    assert set(prepared.frame["when_hour"]) == {6.0}
    first = prepared.frame.iloc[0]
    counts = [first[f"note_{name}"] for name in ("characters", "words", "digits", "capitals", "punctuation")]
    assert counts == [14, 3, 2, 5, 2]


def test_row_wise_steps_change_kind_labels_and_rows():
    steps = [
        {"kind": "relabel", "column": "label", "mapping": {"10": "ten", "9": "nine"}},
        {"kind": "filter", "column": "fare", "comparison": "less", "value": "100"},
        {"kind": "drop_missing", "column": "town"},
        {"kind": "set_type", "column": "id", "to": "number"},
        {"kind": "drop_columns", "columns": ["age"]},
    ]
    prepared = prepare(document(steps), raw(), KINDS)
    rows = raw()
    kept = rows[(rows["fare"] < 100) & rows["town"].notna()]
    assert prepared.frame.index.tolist() == kept.index.tolist()
    assert prepared.classes == ("nine", "ten")
    assert prepared.columns == {"id": K.NUMBER, "fare": K.NUMBER, "town": K.CATEGORY}


@pytest.mark.parametrize(
    ("comparison", "value", "keeps"),
    [
        ("equal", "a", lambda t: t == "a"),
        ("not_equal", "a", lambda t: t != "a"),
        ("contains", "a", lambda t: t == "a"),
        ("one_of", "a, b", lambda t: t in ("a", "b")),
    ],
)
def test_filters_on_text(comparison, value, keeps):
    step = {"kind": "filter", "column": "town", "comparison": comparison, "value": value}
    prepared = prepare(document([step]), raw(), KINDS)
    assert prepared.frame.index.tolist() == [row for row, town in enumerate(raw()["town"]) if keeps(town)]


def test_filters_on_dates():
    step = {"kind": "filter", "column": "when", "comparison": "at_least", "value": "2020-06-01"}
    prepared = prepare(document([step]), raw(), KINDS)
    assert len(prepared.frame) == int((raw()["when"] >= "2020-06-01").sum())


def test_duplicates_keep_the_first_and_test_rows_win():
    frame = pd.concat([raw(60), raw(60)], ignore_index=True).assign(__part__=["train"] * 60 + ["test"] * 60)
    frame["id"] = 0
    data = document([{"kind": "deduplicate"}], split={"kind": "given"})
    prepared = prepare(data, pd.concat([frame, raw(90).iloc[60:].assign(__part__="train")], ignore_index=True), KINDS)
    assert prepared.parts[Part.TEST].tolist() == list(range(60))
    assert prepared.frame.index[:60].tolist() == list(range(60, 120))
    assert len(prepared.frame) == 90
    same = prepare(document([{"kind": "deduplicate"}]), pd.concat([raw(60), raw(60)], ignore_index=True), KINDS)
    assert same.frame.index.tolist() == list(range(60))


def test_new_rows_go_through_the_same_cleaning_and_none_is_dropped():
    steps = [
        {"kind": "drop_missing", "column": "town"},
        {"kind": "filter", "column": "fare", "comparison": "less", "value": "100"},
        {"kind": "deduplicate"},
        {"kind": "impute", "column": "age"},
        {"kind": "normalise", "column": "fare", "method": "log"},
        {"kind": "date_features", "column": "when"},
    ]
    data = document(steps)
    prepared = prepare(data, raw(), KINDS)
    cleaner = FittedCleaner.from_record(json.loads(json.dumps(prepared.cleaner.to_record())))
    assert cleaner == prepared.cleaner
    again = apply(data, cleaner, raw(), prepared.classes)
    assert again.frame.index.tolist() == list(range(200))
    pd.testing.assert_frame_equal(again.frame.loc[prepared.frame.index], prepared.frame)
    np.testing.assert_array_equal(again.target[prepared.frame.index], prepared.target)
    unlabelled = apply(data, cleaner, raw().drop(columns=["label", "id"]), prepared.classes)
    assert (unlabelled.target == -1).all()
    pd.testing.assert_frame_equal(unlabelled.frame, again.frame)
    strange = apply(data, cleaner, raw().assign(label="eleven"), prepared.classes)
    assert (strange.target == -1).all()


def test_new_rows_without_a_needed_column_are_refused():
    prepared = prepare(document(), raw(), KINDS)
    with pytest.raises(EngineError, match="fare") as caught:
        apply(document(), prepared.cleaner, raw().drop(columns="fare"), prepared.classes)
    assert caught.value.kind is ErrorKind.BAD_INPUT


def test_numbers_as_target():
    data = document(task="table_regression", target="fare")
    prepared = prepare(data, raw(), KINDS)
    np.testing.assert_array_equal(prepared.target, raw()["fare"])
    assert prepared.classes == ()
    assert "label" in prepared.columns
    assert np.isnan(apply(data, prepared.cleaner, raw().drop(columns="fare"), ()).target).all()


def test_text_columns_are_joined():
    kinds = {"title": K.TEXT, "body": K.TEXT, "label": K.CATEGORY}
    frame = pd.DataFrame({"title": ["t"] * 40, "body": ["b", None] * 20, "label": ["x", "y", "x", "y"] * 10})
    data = document(task="text_classification", preprocessing={"kind": "text"})
    prepared = prepare(data, frame, kinds)
    assert prepared.columns == {"text": K.TEXT}
    assert prepared.texts([0, 1]) == ["t\nb", "t"]
    named = prepare(data.model_copy(update={"inputs": ("body",)}), frame, kinds)
    assert named.columns == {"body": K.TEXT}
    assert named.texts([0, 1]) == ["b", ""]


def test_a_named_date_stands_for_its_features():
    data = document([{"kind": "date_features", "column": "when"}], inputs=["when", "town"])
    prepared = prepare(data, raw(), KINDS)
    assert list(prepared.columns) == ["when_year", "when_month", "when_weekday", "when_hour", "when_days", "town"]


def test_a_single_example_is_named_and_trains():
    frame = raw()
    frame.loc[7, "label"] = 77
    prepared = prepare(document(), frame, KINDS)
    [note] = prepared.warnings
    assert note.name == "single_examples"
    assert note.values["names"] == "77"
    assert 7 in prepared.parts[Part.TRAIN]


def broken(**columns):
    return raw().assign(**columns)


@pytest.mark.parametrize(
    ("frame", "changes", "kind", "words"),
    [
        (broken(label=1), {}, ErrorKind.BAD_DATA, "one class only"),
        (broken(label=None), {}, ErrorKind.BAD_DATA, "No row has a value"),
        (broken(label="  "), {}, ErrorKind.BAD_DATA, "No row has a value"),
        (broken(label=np.arange(200)), {}, ErrorKind.BAD_DATA, "one row only"),
        (raw(6), {}, ErrorKind.BAD_DATA, "Only 6 rows"),
        (raw(), {"target": "nowhere"}, ErrorKind.BAD_INPUT, "“nowhere” is not a column"),
        (raw(), {"task": "table_regression", "target": "town"}, ErrorKind.BAD_DATA, "such as “"),
        (broken(fare=3.0), {"task": "table_regression", "target": "fare"}, ErrorKind.BAD_DATA, "same value"),
        (raw(), {"inputs": ["nowhere"]}, ErrorKind.BAD_INPUT, "“nowhere”"),
        (raw(), {"inputs": ["label"]}, ErrorKind.BAD_INPUT, "both the target and an input"),
        (raw()[["id", "label"]], {}, ErrorKind.BAD_DATA, "No column is left"),
        (raw(), {"task": "image_classification", "preprocessing": {"kind": "image"}}, ErrorKind.BAD_DATA, "no images"),
        (raw(), {"cleaning": [{"kind": "impute", "column": "gone"}]}, ErrorKind.BAD_INPUT, "step 1 (Fill missing"),
        (raw(), {"cleaning": [{"kind": "clip", "column": "town"}]}, ErrorKind.BAD_INPUT, "works on numbers"),
        (
            raw(),
            {"cleaning": [{"kind": "impute", "column": "label"}]},
            ErrorKind.BAD_INPUT,
            "the target “label” itself",
        ),
        (
            raw(),
            {"cleaning": [{"kind": "filter", "column": "age", "comparison": "less", "value": "old"}]},
            ErrorKind.BAD_INPUT,
            "“old”",
        ),
        (
            raw(),
            {"cleaning": [{"kind": "impute", "column": "age", "method": "value", "value": "old"}]},
            ErrorKind.BAD_INPUT,
            "which is no number",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_said_in_one_sentence(frame, changes, kind, words):
    with pytest.raises(EngineError) as caught:
        prepare(document(**changes), frame, KINDS)
    assert caught.value.kind is kind
    assert words in str(caught.value)
    assert "{" not in str(caught.value)
