"""Metrics, held to scikit-learn on plain rows and on drawn ones."""

import numpy as np
import pytest
from sklearn import metrics as reference

from engine.evaluation.metrics import ClassificationMetrics, RegressionMetrics, losses_of, point_values


def classification_rows(rows: int, classes: int, seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    scores = random.random((rows, classes))
    scores[np.arange(rows), truth] += 0.4
    if ties:
        scores = np.round(scores, 1) + 0.1
    return truth, scores / scores.sum(axis=1, keepdims=True)


def expected_values(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    classes = probabilities.shape[1]
    labels = np.arange(classes)
    predicted = probabilities.argmax(axis=1)
    values = {
        "accuracy": reference.accuracy_score(truth, predicted),
        "log_loss": reference.log_loss(truth, probabilities, labels=labels),
    }
    for average in ("macro", "micro", "weighted"):
        precision, recall, f1, _ = reference.precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0
        )
        values |= {f"{average}_precision": precision, f"{average}_recall": recall, f"{average}_f1": f1}
    if classes == 2:
        values["roc_auc"] = reference.roc_auc_score(truth, probabilities[:, 1])
        values["pr_auc"] = reference.average_precision_score(truth, probabilities[:, 1])
        values["brier"] = reference.brier_score_loss(truth, probabilities[:, 1])
    else:
        values["roc_auc"] = reference.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
        values["pr_auc"] = np.mean(
            [reference.average_precision_score(truth == label, probabilities[:, label]) for label in labels]
        )
        values["brier"] = np.mean(((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1))
    return {name: float(value) for name, value in values.items()}


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("ties", [False, True])
def test_classification_agrees_with_scikit_learn(classes: int, ties: bool) -> None:
    truth, probabilities = classification_rows(300, classes, ties=ties)
    ours = point_values(ClassificationMetrics(truth, probabilities))
    for name, value in expected_values(truth, probabilities).items():
        assert ours[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("classes", [2, 4])
def test_weights_mean_the_same_as_repeated_rows(classes: int) -> None:
    truth, probabilities = classification_rows(200, classes, seed=1, ties=True)
    drawn = np.random.default_rng(5).integers(0, 200, 200)
    weights = np.bincount(drawn, minlength=200)[:, None].astype(np.float64)
    metrics = ClassificationMetrics(truth, probabilities)
    ours = metrics.measure(weights) | metrics.measure_ranks(weights)
    for name, value in expected_values(truth[drawn], probabilities[drawn]).items():
        assert ours[name][0] == pytest.approx(value, rel=1e-9), name


def test_by_class_agrees_with_scikit_learn() -> None:
    truth, probabilities = classification_rows(250, 5)
    ours = ClassificationMetrics(truth, probabilities).measure_by_class(np.ones((250, 1)))
    expected = reference.precision_recall_fscore_support(truth, probabilities.argmax(axis=1), zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose(ours[name][:, 0], values)


def test_macro_leaves_out_a_class_that_never_occurs() -> None:
    truth, probabilities = classification_rows(100, 3)
    wider = np.hstack([probabilities, np.zeros((100, 1))])
    assert point_values(ClassificationMetrics(truth, wider))["macro_f1"] == pytest.approx(
        reference.f1_score(truth, probabilities.argmax(axis=1), average="macro")
    )


def test_calibration_error_of_a_case_worked_by_hand() -> None:
    # Four predictions at 0.9 of which three are right, two at 0.6 of which one is right:
    # (4 × |0.75 - 0.9| + 2 × |0.5 - 0.6|) / 6 = 0.8 / 6
    confident, unsure = [0.1, 0.9], [0.4, 0.6]
    probabilities = np.array([confident] * 4 + [unsure] * 2)
    truth = np.array([1, 1, 1, 0, 1, 0])
    assert point_values(ClassificationMetrics(truth, probabilities))["calibration_error"] == pytest.approx(0.8 / 6)


def test_one_class_alone_has_no_roc_and_says_so_by_absence() -> None:
    probabilities = np.array([[0.2, 0.8], [0.4, 0.6]])
    values = point_values(ClassificationMetrics(np.array([1, 1]), probabilities))
    assert "roc_auc" not in values
    assert "pr_auc" not in values
    assert values["accuracy"] == 1.0


@pytest.mark.parametrize("rows", [101, 100])
def test_regression_agrees_with_scikit_learn(rows: int) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(1e6, 10, rows)  # far from zero: a naive variance would cancel
    values = truth + random.normal(0, 3, rows)
    ours = point_values(RegressionMetrics(truth, values))
    assert ours["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, values))
    assert ours["mae"] == pytest.approx(reference.mean_absolute_error(truth, values))
    assert ours["r2"] == pytest.approx(reference.r2_score(truth, values))
    assert ours["median_absolute_error"] == pytest.approx(reference.median_absolute_error(truth, values))


def test_regression_under_weights_is_that_of_the_drawn_rows() -> None:
    random = np.random.default_rng(3)
    truth, values = random.normal(size=60), random.normal(size=60)
    drawn = random.integers(0, 60, 60)
    ours = RegressionMetrics(truth, values).measure(np.bincount(drawn, minlength=60)[:, None].astype(np.float64))
    assert ours["r2"][0] == pytest.approx(reference.r2_score(truth[drawn], values[drawn]))
    assert ours["median_absolute_error"][0] == pytest.approx(
        reference.median_absolute_error(truth[drawn], values[drawn])
    )


def test_a_constant_target_has_no_r2() -> None:
    assert "r2" not in point_values(RegressionMetrics(np.ones(5), np.arange(5.0)))


def test_losses_are_largest_where_the_model_is_most_wrong() -> None:
    probabilities = np.array([[0.9, 0.1], [0.01, 0.99], [0.5, 0.5]])
    losses = losses_of(ClassificationMetrics(np.array([0, 0, 0]), probabilities))
    np.testing.assert_allclose(losses, -np.log([0.9, 0.01, 0.5]))
    np.testing.assert_allclose(losses_of(RegressionMetrics(np.array([1.0, 2.0]), np.array([3.0, 2.0]))), [4.0, 0.0])
