"""Extrapolation against curves whose end is known by their formula."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.whatif.curve_families import FAMILIES, column, shapes
from engine.whatif.curves import DRAWS, Prefix, extrapolate

EPOCHS = 60


def prefix(values: np.ndarray, *, lower: bool = True, rates: np.ndarray | None = None, horizon: int = EPOCHS) -> Prefix:
    seen = len(values)
    moments = np.arange(1.0, horizon + 1)
    rates = np.ones(horizon) if rates is None else rates
    return Prefix(
        times=moments[:seen],
        values=values,
        future=moments[seen:],
        counts=np.ones(horizon - seen),
        rates=rates,
        areas=np.cumsum(rates),
        lower_is_better=lower,
        bounds=(0.0, np.inf) if lower else (0.0, 1.0),
    )


CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power law": lambda t: 0.3 + 0.9 * t**-0.6,
    "exponential": lambda t: 0.25 + 0.7 * np.exp(-t / 9.0),
    "mmf": lambda t: 0.2 + 0.8 / (1 + (t / 6) ** 1.4),
    "weibull": lambda t: 0.4 + 0.5 * np.exp(-((t / 5.0) ** 0.8)),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_end_of_a_known_curve_is_held_from_its_first_third(name: str, noise: float) -> None:
    curve = CURVES[name](np.arange(1.0, EPOCHS + 1))
    seen = curve[: EPOCHS // 3] + noise * np.random.default_rng(4).standard_normal(EPOCHS // 3)
    found = extrapolate(prefix(seen))
    low, middle, high = np.quantile(found.means[:, -1], [0.05, 0.5, 0.95])
    assert low <= curve[-1] <= high
    gain = curve[0] - curve[-1]
    assert high - low < 0.6 * gain
    assert abs(middle - curve[-1]) < (0.25 if noise else 0.1) * gain  # a slow decay and a late one look alike


def test_over_many_power_laws_nine_in_ten_are_held() -> None:
    random = np.random.default_rng(11)
    held, widths = 0, []
    for _ in range(30):
        level, amplitude, power = random.uniform(0.05, 0.5), random.uniform(0.2, 1.0), random.uniform(0.3, 1.5)
        curve = level + amplitude * np.arange(1.0, EPOCHS + 1) ** -power
        seen = curve[:20] + 0.01 * amplitude * random.standard_normal(20)
        low, high = np.quantile(extrapolate(prefix(seen), draws=1000).means[:, -1], [0.05, 0.95])
        held += low <= curve[-1] <= high
        widths.append((high - low) / amplitude)
    assert held >= 25
    assert np.mean(widths) < 0.25


def test_the_band_grows_with_the_distance_and_shrinks_with_what_was_seen() -> None:
    curve = CURVES["power law"](np.arange(1.0, EPOCHS + 1))
    noisy = curve + 0.01 * np.random.default_rng(1).standard_normal(EPOCHS)
    early, late = (extrapolate(prefix(noisy[:seen])).means for seen in (12, 45))
    assert np.ptp(np.quantile(early[:, -1], [0.05, 0.95])) > 1.5 * np.ptp(np.quantile(late[:, -1], [0.05, 0.95]))
    assert np.ptp(np.quantile(early[:, -1], [0.05, 0.95])) > np.ptp(np.quantile(early[:, 0], [0.05, 0.95]))


def test_a_falling_rate_lets_expect_a_gain_that_a_constant_one_does_not() -> None:
    """At a plateau under a high rate the curve goes on where the rate is going to fall (Tissue et al. 2024)."""
    share = np.arange(1, EPOCHS + 1) / EPOCHS
    cosine = 0.5 * (1 + np.cos(np.pi * share))
    plateau = 0.5 + 0.5 * np.exp(-np.arange(1.0, 21) / 2) + 0.004 * np.random.default_rng(2).standard_normal(20)
    with_fall = np.median(extrapolate(prefix(plateau, rates=cosine)).means[:, -1])
    without = np.median(extrapolate(prefix(plateau)).means[:, -1])
    assert with_fall < without - 0.005


def test_a_plateau_stays_a_plateau() -> None:
    values = 0.9 + 0.002 * np.random.default_rng(0).standard_normal(20)
    found = extrapolate(prefix(values, lower=False))
    low, high = np.quantile(found.means[:, -1], [0.05, 0.95])
    assert low <= 0.9 <= high
    assert high - low < 0.03


def test_values_stay_within_the_metrics_bounds() -> None:
    values = 1.0 - 0.3 * np.arange(1.0, 11) ** -1.0
    found = extrapolate(prefix(values, lower=False))
    assert found.paths.max() <= 1.0
    assert found.paths.shape == found.means.shape == (DRAWS, EPOCHS - 10)


def test_the_same_prefix_gives_the_same_answer_and_families_add_up() -> None:
    values = CURVES["mmf"](np.arange(1.0, 21))
    one, other = extrapolate(prefix(values)), extrapolate(prefix(values))
    assert np.array_equal(one.paths, other.paths)
    assert sum(one.families.values()) == pytest.approx(1.0)
    assert set(one.families) <= set(FAMILIES)


def test_every_shape_falls_from_one_to_zero() -> None:
    moments = np.arange(1.0, 51)
    found = [column(shape, moments, 50.0) for shape in shapes(1 / 50)]
    drawn = [values for values in found if values is not None]
    assert len(drawn) > 0.8 * len(found)
    for values in drawn:
        assert values[0] == pytest.approx(1.0)
        assert values[-1] == pytest.approx(0.0)
        assert (np.diff(values) <= 1e-12).all()


def test_shares_of_the_shapes_of_a_family_add_up() -> None:
    for family in FAMILIES:
        assert sum(shape.weight for shape in shapes(0.02, (family,))) == pytest.approx(1.0)
