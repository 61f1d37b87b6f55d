import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.data.checks import check_parts, differ
from engine.data.load import load
from engine.specs import ColumnKind


def imported(tmp_path, frame):
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    return api.import_data([path], options={"target": "label", "task": "table_classification"})


def checks_of(record, **changes):
    spec = api.default_spec(record.id).edit(changes)
    return {check.name: check for check in check_parts(load(spec.data))}


@pytest.fixture
def frame():
    rng = np.random.default_rng(2)
    count = 800
    label = rng.choice(["no", "yes"], count, p=[0.6, 0.4])
    return pd.DataFrame(
        {
            "height": rng.normal(size=count),
            "leak": np.where(label == "yes", 10, 0) + rng.normal(size=count),
            "patient_id": rng.integers(0, 60, count),
            "colour": rng.choice(["red", "green"], count),
            "label": label,
        }
    )


def test_a_column_that_gives_the_answer_away_is_named(tmp_path, frame):
    record = imported(tmp_path, frame)
    found = checks_of(record, **{"data.inputs": ["height", "leak", "colour"]})
    assert not found["target_leak"].ok
    assert found["target_leak"].values["names"] == "leak"
    without = checks_of(record, **{"data.inputs": ["height", "colour"]})
    assert without["target_leak"].ok


def test_a_group_that_stands_in_several_parts_is_pointed_out(tmp_path, frame):
    record = imported(tmp_path, frame)
    found = checks_of(record)
    assert found["groups"].values["column"] == "patient_id"
    grouped = checks_of(record, **{"data.split": {"kind": "grouped", "group_column": "patient_id"}})
    assert "groups" not in grouped


def test_repeated_rows_are_counted(tmp_path, frame):
    record = imported(tmp_path, pd.concat([frame, frame], ignore_index=True))
    found = checks_of(record)
    assert not found["exact_duplicates"].ok
    # A copy of a held-out row (15 + 15 %) is in train with a chance of 70 %.
    assert found["exact_duplicates"].values["count"] == pytest.approx(0.7 * 480, abs=40)
    cleaned = checks_of(record, **{"data.cleaning": [{"kind": "deduplicate"}]})
    assert cleaned["exact_duplicates"].ok


def test_parts_that_drift_apart_are_noticed(tmp_path, frame):
    drifting = frame.assign(height=np.linspace(0, 10, len(frame)), day=np.arange(len(frame)))
    record = imported(tmp_path, drifting)
    found = checks_of(record, **{"data.split": {"kind": "time", "time_column": "day"}})
    assert not found["column_resemblance"].ok
    assert "height" in found["column_resemblance"].values["names"]
    assert checks_of(record)["column_resemblance"].ok


def test_equal_populations_do_not_differ():
    rng = np.random.default_rng(0)
    numbers = pd.Series(rng.normal(size=4000))
    words = pd.Series(rng.choice(list("abc"), 4000))
    assert not differ(numbers[:3000], numbers[3000:], ColumnKind.NUMBER)
    assert not differ(words[:3000], words[3000:], ColumnKind.CATEGORY)
    assert differ(numbers[:3000], numbers[3000:] + 1, ColumnKind.NUMBER)
    assert differ(words[:3000], words[3000:].replace("a", "b"), ColumnKind.CATEGORY)


def test_small_parts_are_said_to_be_small(tmp_path, frame):
    record = imported(tmp_path, frame.head(60))
    assert checks_of(record)["part_sizes"].values["count"] == 12


@pytest.mark.data
def test_published_duplicates_of_the_wine_data(shared_data):
    record = api.import_data([shared_data / "wine-quality" / "winequality-red.csv"])
    report = api.split_report(api.default_spec(record.id))
    check = {check.name: check for check in report.checks}["exact_duplicates"]
    assert not check.ok
    assert sum(report.counts.values()) == 1599
    assert api.profile(record.id)["duplicates"]["exact"]["rows"] == 240
