"""Calibration, thresholds and confidence as drawn."""

import numpy as np
import pytest

from engine.figures.reliability import calibration_curve, confidence_histogram, threshold_curve


def test_calibration_of_promises_that_are_kept() -> None:
    random = np.random.default_rng(0)
    promised = random.random(20_000)
    figure = calibration_curve(random.random(20_000) < promised, promised)
    model, bars = figure.data[1], figure.data[2]
    np.testing.assert_allclose(model.x, model.y, atol=0.03)
    assert sum(bars.y) == 20_000
    assert tuple(bars.customdata[0]) == (0.0, 0.1)


def test_cheapest_threshold_follows_the_costs() -> None:
    positive = np.array([False] * 50 + [True] * 50)
    scores = np.concatenate([np.linspace(0, 0.7, 50), np.linspace(0.3, 1, 50)])

    def cheapest(false_positive: float, false_negative: float) -> float:
        figure = threshold_curve(
            positive,
            scores,
            threshold=0.5,
            false_positive_cost=false_positive,
            false_negative_cost=false_negative,
        )
        return float(next(trace for trace in figure.data if trace.name == "cheapest").x[0])

    assert cheapest(1, 10) <= 0.31
    assert cheapest(10, 1) >= 0.69


def test_cost_curve_is_the_mean_cost_of_the_decisions() -> None:
    figure = threshold_curve(np.array([True, False]), np.array([0.8, 0.4]), threshold=0.5, false_negative_cost=4)
    cost = next(trace for trace in figure.data if trace.name == "cost an example")
    by_threshold = dict(zip(cost.x, cost.y, strict=True))
    assert by_threshold[0.8] == 0.0
    assert by_threshold[0.4] == 0.5


def test_confidence_bars_part_right_from_wrong() -> None:
    figure = confidence_histogram(np.array([0.95, 0.96, 0.55]), np.array([True, False, False]))
    assert [sum(trace.y) for trace in figure.data] == [1, 2]
    assert figure.data[1].marker.pattern.shape  # not by colour alone


def test_nothing_to_draw_is_said() -> None:
    assert calibration_curve(np.zeros(0), np.zeros(0)).layout.annotations[0].text == "No examples"
    assert threshold_curve(np.zeros(0), np.zeros(0), threshold=0.5).layout.annotations[0].text == "No examples"
    assert pytest.approx(0) == len(confidence_histogram(np.zeros(0), np.zeros(0, bool)).layout.annotations)
