"""Models beside each other."""

import pytest

from engine.figures.comparison import metric_bars
from engine.specs.records import Interval


def test_intervals_are_drawn_for_each_model() -> None:
    run, simple = Interval(value=0.9, low=0.85, high=0.93), Interval(value=0.8, low=0.7, high=0.85)
    figure = metric_bars([("Accuracy", {"This model": run, "Majority": simple}), ("F1", {"This model": run})])
    assert len(figure.data) == 3
    assert figure.data[0].error_x.array[0] == pytest.approx(0.03)
    assert figure.data[0].error_x.arrayminus[0] == pytest.approx(0.05)
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    assert figure.layout.yaxis.ticktext == ("This model", "Majority")


def test_nothing_to_compare() -> None:
    assert metric_bars([]).layout.annotations[0].text == "Nothing to compare"
