import numpy as np
import pytest

from engine.tuning.pareto import front_of


def dominates(a: np.ndarray, b: np.ndarray, signs: np.ndarray) -> bool:
    a, b = a * signs, b * signs
    return bool((a <= b).all() and (a < b).any())


@pytest.mark.parametrize("directions", [("max", "min"), ("min", "min"), ("max", "max")])
def test_the_front_is_what_no_point_dominates(directions: tuple[str, str]) -> None:
    points = np.random.default_rng(0).integers(0, 12, (200, 2)).astype(float)  # many equal values
    signs = np.array([-1.0 if direction == "max" else 1.0 for direction in directions])
    expected = [i for i, p in enumerate(points) if not any(dominates(q, p, signs) for q in points)]
    assert front_of(points, directions) == expected


def test_points_that_are_no_numbers_are_left_out() -> None:
    assert front_of([(np.nan, 1.0), (0.5, 2.0), (0.9, np.inf)], ["max", "min"]) == [1]
    assert front_of([], ["max", "min"]) == []


def test_equal_points_are_on_the_front_together() -> None:
    assert front_of([(1.0, 1.0), (1.0, 1.0), (0.5, 2.0)], ["max", "min"]) == [0, 1]
