"""Intervals against published ones (Newcombe 1998)."""

import numpy as np

from engine.figures.intervals import error_bars, interval_text, wilson
from engine.specs.records import Interval


def test_wilson_is_the_published_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662, 15 of 148 is 0.0624 to 0.1605, 0 of 20 is 0 to 0.1611
    low, high = wilson(np.array([81 / 263, 15 / 148, 0.0]), np.array([263, 148, 20]))
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611], atol=5e-5)


def test_wilson_never_leaves_zero_to_one() -> None:
    low, high = wilson(np.array([0.0, 1.0, 0.5]), np.array([1, 1, 2]))
    assert (low >= 0).all()
    assert (high <= 1).all()


def test_bars_reach_to_the_ends() -> None:
    value = Interval(value=0.5, low=0.25, high=1.0)
    bars = error_bars([value], "#000000")
    assert (bars["array"], bars["arrayminus"]) == ([0.5], [0.25])
    assert interval_text("a", value) == "a: 0.500 (0.250 – 1.000)"
