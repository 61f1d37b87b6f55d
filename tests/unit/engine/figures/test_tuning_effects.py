"""Importance, slices and contours."""

import numpy as np
import pytest

from engine.figures.tuning_effects import contour, importance, slice_plot, smoothed
from engine.figures.tuning_space import Axis

LR = Axis("lr", "Learning rate", (1e-4, 1e-3, 1e-2, None), "log")
DROPOUT = Axis("d", "Dropout", (0.0, 0.3, 0.6, 0.1))
OPTIMIZER = Axis("o", "Optimizer", ("sgd", "adam", "sgd", "adam"), "choice", ("adam", "sgd"), ("Adam", "SGD"))
SCORES = [0.2, 0.9, None, 0.4]


def test_the_most_important_stands_uppermost_with_its_interval() -> None:
    figure = importance([("B", 0.1, 0.05, 0.2), ("A", 0.7, None, None)], [("A", "B", 0.15)])
    pairs, alone = figure.data
    assert alone.y == ("B", "A")
    assert alone.error_x.array[0] == pytest.approx(0.1)
    assert alone.error_x.arrayminus[1] is None
    assert pairs.y == ("A × B",)


def test_without_shares_it_says_what_is_missing() -> None:
    assert "few more" in importance([]).layout.annotations[0].text


def test_a_slice_leaves_out_what_has_no_score_or_no_value() -> None:
    figure = slice_plot(LR, SCORES, numbers=[0, 1, 2, 3], title="Accuracy")
    assert figure.data[0].x == (1e-4, 1e-3)
    assert figure.layout.xaxis.type == "log"


def test_a_slice_of_choices_names_them_and_spreads_the_points() -> None:
    figure = slice_plot(OPTIMIZER, SCORES, numbers=[0, 1, 2, 3], title="Accuracy", kept=[True, False, True, True])
    assert figure.layout.xaxis.ticktext == ("Adam", "SGD")
    np.testing.assert_allclose(np.round(figure.data[0].x), [1, 0, 0])
    assert figure.data[0].marker.opacity[1] < figure.data[0].marker.opacity[0]


def test_the_smoothed_score_is_the_weighted_mean_and_unknown_far_away() -> None:
    # two trials at one distance of a place weigh the same
    across, up, values = np.array([0.4, 0.6]), np.array([0.5, 0.5]), np.array([0.0, 1.0])
    grid = smoothed(across, up, values, np.array([0.5, 0.0]), np.array([0.5, 1.0]))
    assert grid[0, 0] == pytest.approx(0.5)
    assert np.isnan(grid[1, 1])


def test_the_contour_holds_the_trials_that_a_filter_lets_through() -> None:
    figure = contour(LR, DROPOUT, [0.2, 0.9, 0.5, 0.4], "max", numbers=[5, 6, 7, 8], kept=[True, False, True, True],
                     title="Accuracy")  # fmt: skip
    assert figure.data[0].type == "contour"
    assert [entry[0] for entry in figure.data[1].customdata] == [5, 7]
    assert contour(LR, OPTIMIZER, SCORES, "max", numbers=[0, 1, 2, 3], title="x").data[0].type == "heatmap"
