"""Targets come back as they were, whatever the scaling."""

import numpy as np
import pytest

from engine.models.encoding_target import TargetScaler

DRAW = np.random.default_rng(0)
TARGETS = {
    "normal": DRAW.normal(200_000, 100_000, 2000),
    "skewed": DRAW.lognormal(3, 2, 2000),
    "repeated": DRAW.integers(3, 9, 500).astype(float),
    "capped": np.minimum(DRAW.normal(4, 2, 3000), 5.0),
    "one value": np.full(20, 7.0),
}


@pytest.mark.parametrize("method", ["standard", "log", "quantile_normal"])
@pytest.mark.parametrize("name", TARGETS)
def test_the_way_back_is_exact(method: str, name: str) -> None:
    values = TARGETS[name]
    scaler = TargetScaler.fit(values, method)  # type: ignore[arg-type]
    back = scaler.decode(scaler.encode(values))
    np.testing.assert_allclose(back, values, rtol=1e-4, atol=1e-4 * values.std() + 1e-6)


@pytest.mark.parametrize("method", ["standard", "log"])
def test_scaled_targets_have_mean_0_and_deviation_1(method: str) -> None:
    scaled = TargetScaler.fit(TARGETS["skewed"], method).encode(TARGETS["skewed"])  # type: ignore[arg-type]
    assert scaled.shape == (2000, 1)
    assert scaled.mean() == pytest.approx(0.0, abs=1e-5)
    assert scaled.std() == pytest.approx(1.0, abs=1e-5)


def test_quantile_normal_makes_any_distribution_normal() -> None:
    from scipy.stats import kstest

    scaled = TargetScaler.fit(TARGETS["skewed"], "quantile_normal").encode(TARGETS["skewed"])[:, 0]
    assert kstest(scaled, "norm").statistic < 0.01


def test_numbers_beyond_the_train_range_are_not_cut() -> None:
    scaler = TargetScaler.fit(TARGETS["normal"], "quantile_normal")
    beyond = np.array([-1e6, 2e6])
    np.testing.assert_allclose(scaler.decode(scaler.encode(beyond)), beyond, rtol=1e-4)


def test_negative_numbers_can_be_scaled_by_logarithm() -> None:
    values = np.linspace(-5.0, 20.0, 100)
    scaler = TargetScaler.fit(values, "log")
    np.testing.assert_allclose(scaler.decode(scaler.encode(values)), values, atol=1e-4)
