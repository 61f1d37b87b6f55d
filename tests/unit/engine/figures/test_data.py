"""Figures of data sets."""

import numpy as np
import pytest

from engine.figures import data as figures


def test_bars_are_ordered_and_sum_up_what_does_not_fit() -> None:
    figure = figures.bars({f"c{i}": i for i in range(100)}, limit=10)
    assert list(figure.data[0].x[:2]) == [99, 98]
    assert sum(figure.data[0].x) == sum(range(100))
    assert figure.layout.yaxis.ticktext[-1] == "90 others"
    assert figure.data[0].customdata[0] == "c99"


def test_class_balance_names_are_plain_text() -> None:
    figure = figures.class_balance({"<a href='x'>": 3, "是": 4})
    assert figure.layout.yaxis.ticktext == ("是", "&lt;a href='x'&gt;")


def test_histogram_says_what_is_missing() -> None:
    figure = figures.histogram([0, 1, 3], [5, 7], missing=1200, outliers=3, marks={"median": 1.0})
    assert list(figure.data[0].width) == [1, 2]
    texts = [note.text for note in figure.layout.annotations]
    assert "1,200 missing · 3 outliers" in texts
    assert "median" in texts


def test_empty_data_are_said_to_be_empty() -> None:
    for figure in (figures.bars({}), figures.histogram([], []), figures.telling_words({}), figures.split_bars({})):
        assert figure.layout.annotations[0].text == "No values to show"


def test_correlation_runs_from_minus_one_to_one() -> None:
    figure = figures.correlation(["a", "b"], [[1, -0.5], [-0.5, 1]])
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)


def test_telling_words_draw_a_panel_a_class() -> None:
    words = {"good": [("fine", 2.0), ("great", 1.0)], "bad": [("poor", 3.0)], "none": []}
    figure = figures.telling_words(words)
    assert [note.text for note in figure.layout.annotations] == ["<b>good</b>", "<b>bad</b>"]
    assert figure.layout.yaxis2.ticktext == ("poor",)


def test_split_bars_show_shares_and_keep_the_counts() -> None:
    figure = figures.split_bars({"yes": {"train": 30, "test": 10}, "no": {"train": 70, "test": 10}})
    np.testing.assert_allclose(figure.data[0].x, [0.3, 0.5])
    assert list(figure.data[0].customdata) == [30, 10]
    assert list(figure.data[0].y) == ["train (100)", "test (20)"]


def test_top_values_put_the_rest_into_one_bar() -> None:
    figure = figures.top_values({"a": 5}, others=7)
    assert sorted(figure.data[0].x) == [5, 7]


@pytest.mark.parametrize(("value", "text"), [(1234567, "1,234,567"), (0.12345, "0.123"), (0, "0")])
def test_figures_on_bars(value: float, text: str) -> None:
    assert figures.bars({"a": value}).data[0].text[0] == text


def test_associations_show_the_strongest_columns_and_add_nothing_up() -> None:
    scores = {f"column {n}": 0.9 - 0.03 * n for n in range(25)}
    bar = figures.associations(scores, limit=20).data[0]
    assert list(bar.customdata) == list(scores)[:20]
    assert max(bar.x) == pytest.approx(0.9)
