"""The linear probe, held to scikit-learn's own models and to classes that are missing."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.finetuning.linear_probe import RIDGES, STRENGTHS, fit_and_predict


def test_it_is_logistic_regression_on_standardised_features_at_one_of_its_strengths() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    found = fit_and_predict(x[:400], y[:400], x[400:], 2)
    references = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000)).fit(x[:400], y[:400]) for c in STRENGTHS
    ]
    assert any(np.allclose(found, model.predict_proba(x[400:]), atol=1e-3) for model in references)
    assert (found.argmax(axis=1) == y[400:]).mean() > 0.95


def test_numbers_are_predicted_by_ridge() -> None:
    x, y = load_diabetes(return_X_y=True)
    found = fit_and_predict(x[:300], y[:300], x[300:], 0)
    references = [make_pipeline(StandardScaler(), Ridge(strength)).fit(x[:300], y[:300]) for strength in RIDGES]
    assert any(np.allclose(found, model.predict(x[300:])) for model in references)


def test_a_class_without_train_rows_gets_no_probability() -> None:
    draw = np.random.default_rng(0)
    codes = np.array([0, 2] * 20)
    features = draw.normal(size=(40, 3)) + codes[:, None]
    found = fit_and_predict(features, codes, features, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert not found[:, 1].any()


@pytest.mark.parametrize("codes", [[1, 1, 1], [0, 1, 1]])
def test_a_handful_of_rows_is_enough(codes: list[int]) -> None:
    features = np.arange(6.0).reshape(3, 2)
    found = fit_and_predict(features, np.array(codes), features, 2)
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
