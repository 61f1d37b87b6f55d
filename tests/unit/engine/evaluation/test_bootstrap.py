"""Intervals, held to scipy's bootstrap and to what a 95 % interval promises."""

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.bootstrap import bootstrap, interval, resample_weights
from engine.evaluation.metrics import ClassificationMetrics, RegressionMetrics


def noisy_classes(rows: int, share_right: float, seed: int) -> ClassificationMetrics:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    said = np.where(random.random(rows) < share_right, truth, 1 - truth)
    return ClassificationMetrics(truth, np.where(said[:, None] == np.arange(2), 0.8, 0.2))


def test_each_resample_draws_as_many_rows_as_there_are() -> None:
    weights = np.concatenate(list(resample_weights(50, 300, seed=0)), axis=1)
    assert weights.shape == (50, 300)
    assert (weights.sum(axis=0) == 50).all()
    # counts of a fair draw are Binomial(50, 1/50): variance 0.98
    assert weights.var() == pytest.approx(0.98, abs=0.05)


def test_the_same_seed_draws_the_same_rows() -> None:
    first, second = (np.concatenate(list(resample_weights(20, 10, seed=4)), axis=1) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_rmse_interval_agrees_with_scipy() -> None:
    random = np.random.default_rng(0)
    errors = random.normal(0, 2, 400)
    ours = bootstrap(RegressionMetrics(np.zeros(400), errors)).intervals["rmse"]
    theirs = stats.bootstrap(
        (errors,), lambda e, axis: np.sqrt(np.mean(e**2, axis=axis)), method="percentile", n_resamples=1000, rng=random
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)


def test_the_interval_holds_the_true_share_about_95_times_in_100() -> None:
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        right = RegressionMetrics(np.zeros(150), random.random(150) < 0.8)  # the mean absolute error is the share right
        share = bootstrap(right, resamples=200, seed=seed).intervals["mae"]
        held += share.low <= 0.8 <= share.high
    assert 180 <= held <= 199


def test_all_right_is_still_not_certain() -> None:
    accuracy = bootstrap(noisy_classes(60, 1.0, 0)).intervals["accuracy"]
    exact = stats.binomtest(60, 60).proportion_ci(0.95, method="exact")
    assert accuracy.value == accuracy.high == 1.0
    assert accuracy.low == pytest.approx(exact.low)


def test_pairing_sees_a_difference_that_single_intervals_do_not() -> None:
    random = np.random.default_rng(0)
    truth, hard = random.normal(0, 10, 300), random.normal(0, 5, 300)
    first = bootstrap(RegressionMetrics(truth, truth + hard))
    second = bootstrap(RegressionMetrics(truth, truth + 1.05 * hard))
    assert first.intervals["rmse"].high > second.intervals["rmse"].low  # the intervals overlap
    difference = first.difference(second, "rmse")
    assert difference.high < 0  # and yet the first is better, whichever rows are drawn


def test_calibration_error_interval_is_not_biased_upwards() -> None:
    """Resampled calibration error lies above the value; the reflected interval must hold the value inside."""
    random = np.random.default_rng(0)
    chance = random.uniform(0.5, 1.0, 2000)
    truth = (random.random(2000) < chance).astype(int)
    ece = bootstrap(ClassificationMetrics(truth, np.stack([1 - chance, chance], axis=1))).intervals["calibration_error"]
    assert 0.0 <= ece.low < ece.value <= ece.high < 0.05


def test_by_class_intervals_hold_their_values() -> None:
    result = bootstrap(noisy_classes(100, 0.7, 1), with_classes=True)
    assert len(result.by_class) == 2
    for scores in result.by_class:
        assert scores["f1"].low < scores["f1"].value < scores["f1"].high


def test_many_rows_take_fewer_draws() -> None:
    result = bootstrap(RegressionMetrics(np.zeros(150_000), np.ones(150_000)))
    assert 200 <= len(result.replicates["rmse"]) < 1000


def test_an_interval_without_defined_samples_is_the_value() -> None:
    assert interval(0.5, np.array([np.nan, np.nan])).low == 0.5


def test_a_class_that_was_always_found_is_not_certain_to_be() -> None:
    result = bootstrap(noisy_classes(60, 1.0, 0), with_classes=True)
    for scores in result.by_class:
        exact = stats.binomtest(int(scores["support"].value), int(scores["support"].value)).proportion_ci(0.95)
        assert scores["recall"].low == pytest.approx(exact.low)
