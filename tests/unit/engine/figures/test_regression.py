"""Figures of predicted numbers."""

import numpy as np

from engine.figures.regression import predicted_actual, residual_histogram, residuals_predicted


def test_points_know_their_row_and_are_at_most_two_thousand() -> None:
    random = np.random.default_rng(0)
    truth, said = random.normal(size=10_000), random.normal(size=10_000)
    points = predicted_actual(truth, said, target="price").data[-1]
    assert len(points.x) == 2000
    np.testing.assert_array_equal(points.x, truth[points.customdata])
    points = residuals_predicted(truth, said).data[-1]
    np.testing.assert_allclose(points.y, (truth - said)[points.customdata])


def test_histogram_counts_every_row_even_a_wild_one() -> None:
    truth = np.append(np.random.default_rng(0).normal(size=999), 1e6)
    bars = residual_histogram(truth, np.zeros(1000)).data[0]
    assert sum(bars.y) == 1000
    assert bars.customdata[-1][1] == 1e6
    assert max(bars.x) < 100


def test_a_perfect_model_has_a_histogram_too() -> None:
    assert sum(residual_histogram(np.ones(4), np.ones(4)).data[0].y) == 4


def test_no_rows() -> None:
    assert predicted_actual(np.zeros(0), np.zeros(0)).layout.annotations[0].text == "No examples"
