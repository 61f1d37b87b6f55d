"""ROC, precision-recall and calibration points, held to scikit-learn."""

import numpy as np
import pytest
from sklearn import calibration, metrics

from engine.figures.ranking import (
    average_precision,
    calibration_bins,
    confusion_counts,
    decision_counts,
    roc_area,
)


@pytest.fixture(params=[False, True], ids=["distinct", "ties"])
def scored(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.random(400) < 0.3
    scores = np.clip(random.random(400) * 0.7 + 0.3 * truth, 0, 1)
    return truth, np.round(scores, 1) if request.param else scores


def test_areas(scored: tuple[np.ndarray, np.ndarray]) -> None:
    counts = decision_counts(*scored)
    assert roc_area(counts) == pytest.approx(metrics.roc_auc_score(*scored))
    assert average_precision(counts) == pytest.approx(metrics.average_precision_score(*scored))


def test_roc_points(scored: tuple[np.ndarray, np.ndarray]) -> None:
    counts = decision_counts(*scored)
    false_rate, true_rate, thresholds = metrics.roc_curve(*scored, drop_intermediate=False)
    np.testing.assert_allclose(counts.false_positive_rate, false_rate)
    np.testing.assert_allclose(counts.true_positive_rate, true_rate)
    np.testing.assert_allclose(counts.thresholds, thresholds)


def test_cost_is_that_of_the_decisions_at_each_threshold(scored: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = scored
    counts = decision_counts(truth, scores)
    costs = counts.cost(false_positive=1.0, false_negative=5.0)
    for place in (0, len(costs) // 2, len(costs) - 1):
        said = scores >= counts.thresholds[place]
        assert costs[place] == (said & ~truth).sum() + 5 * (~said & truth).sum()


def test_calibration_points(scored: tuple[np.ndarray, np.ndarray]) -> None:
    truth, scores = scored
    happened, promised = calibration.calibration_curve(truth, scores, n_bins=10)
    found = calibration_bins(truth, scores, 10)
    np.testing.assert_allclose(found.happened, happened)
    np.testing.assert_allclose(found.promised, promised)
    assert found.rows.sum() == len(truth)


def test_confusion_counts() -> None:
    random = np.random.default_rng(1)
    truth, said = random.integers(0, 4, 200), random.integers(0, 4, 200)
    np.testing.assert_array_equal(confusion_counts(truth, said, 4), metrics.confusion_matrix(truth, said))


def test_no_positives_have_no_recall() -> None:
    counts = decision_counts(np.zeros(3, bool), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(counts.true_positive_rate).all()
    assert np.isnan(roc_area(counts))


def test_no_rows_at_all() -> None:
    assert len(decision_counts(np.zeros(0, bool), np.zeros(0)).thresholds) == 1
