"""Linear CKA, held to the formulas of Kornblith et al. 2019."""

import math

import numpy as np
import pytest

from engine.finetuning.similarity import linear_cka


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Equation 3: tr(KHLH) / (n - 1)², with the centring matrix H."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return float(np.trace(k @ h @ m @ h) / (n - 1) ** 2)


@pytest.mark.parametrize(("rows", "widths"), [(40, (5, 8)), (12, (30, 7)), (10, (50, 60))])
def test_it_is_the_normalised_hsic_of_linear_kernels(rows: int, widths: tuple[int, int]) -> None:
    draw = np.random.default_rng(rows)
    x, y = (draw.normal(size=(rows, width)) + 3.0 for width in widths)
    y[:, : min(widths)] += x[:, : min(widths)]
    k, m = x @ x.T, y @ y.T
    assert linear_cka(x, y) == pytest.approx(hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m)))


def test_a_rotation_a_scale_and_a_shift_change_nothing() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(50, 6))
    rotation, _ = np.linalg.qr(draw.normal(size=(6, 6)))
    assert linear_cka(x, 3.0 * x @ rotation + 7.0) == pytest.approx(1.0)


def test_what_has_nothing_in_common_is_near_zero_and_a_constant_is_undefined() -> None:
    draw = np.random.default_rng(0)
    assert linear_cka(draw.normal(size=(4000, 3)), draw.normal(size=(4000, 3))) < 0.01
    assert math.isnan(linear_cka(np.ones((5, 2)), draw.normal(size=(5, 2))))
