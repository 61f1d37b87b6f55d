import numpy as np
import pandas as pd
import pytest

from engine.data.values import as_kind, join_texts, natural_key, to_date, to_number, to_text
from engine.specs import ColumnKind


def test_numbers_from_text_keep_what_is_a_number():
    numbers = to_number(pd.Series(["1", " 2.5", "x", None, "inf"]))
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers.isna(), [False, False, True, True, True])
    assert numbers.iloc[1] == 2.5


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,200.50", 1200.5),
        ("1 200 €", 1200.0),
        ("¥3,000,000", 3e6),
        ("12 %", 0.12),
        ("(35)", -35.0),
        ("−7", -7.0),
        ("1e5", 1e5),
    ],
)
def test_numbers_as_people_write_them(text, number):
    assert to_number(pd.Series([text, "x"])).iloc[0] == pytest.approx(number)


@pytest.mark.parametrize("text", ["1,00", "1.5 kg", "2020-01-02", "12,3456", "1-2", "%", "$"])
def test_what_could_be_read_in_two_ways_is_no_number(text):
    assert to_number(pd.Series([text])).isna().all()


def test_whole_numbers_lose_their_decimal_point_as_text():
    assert to_text(pd.Series([1.0, np.nan, 10.0])).tolist()[::2] == ["1", "10"]
    assert to_text(pd.Series([1.0, np.nan])).isna().tolist() == [False, True]
    assert to_text(pd.Series([1.5, 2.0])).tolist() == ["1.5", "2.0"]
    assert to_text(pd.Series([True, False])).tolist() == ["True", "False"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2020-02-29", "nonsense"], "2020-02-29"),
        ([1999, 2001], "1999-01-01"),
        ([1_000_000_000, 2], "2001-09-09 01:46:40"),
        ([1_000_000_000_000, 2], "2001-09-09 01:46:40"),
    ],
)
def test_dates_from_texts_years_and_unix_times(values, expected):
    assert to_date(pd.Series(values)).iloc[0] == pd.Timestamp(expected)


def test_dates_with_zones_are_brought_to_one():
    dates = to_date(pd.Series(["2020-01-01T00:00:00+02:00", "2020-01-01T00:00:00Z"]))
    assert dates.tolist() == [pd.Timestamp("2019-12-31 22:00"), pd.Timestamp("2020-01-01")]


def test_classes_are_sorted_as_people_do():
    assert sorted(["10", "2", "1.5", "b10", "b9", "-1"], key=natural_key) == ["-1", "1.5", "2", "10", "b9", "b10"]


def test_texts_are_joined_row_by_row():
    frame = pd.DataFrame({"title": ["a", None], "body": ["b", "c"]})
    assert join_texts(frame, ["title", "body"]).tolist() == ["a\nb", "c"]


def test_identifiers_are_left_as_they_are():
    values = pd.Series([1, 2])
    assert as_kind(values, ColumnKind.IDENTIFIER) is values
