"""How alike two representations are: linear CKA (Kornblith et al. 2019)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def linear_cka(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment of two representations of the same rows.

    ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) in Frobenius norms, of centred columns: 1 where they are the same up to a rotation and a
    scale, 0 where nothing of one is found in the other. It is worked out from whichever is smaller, the features or
    the rows (XXᵀ gives the same: ‖YᵀX‖² = ⟨XXᵀ, YYᵀ⟩).

    Args:
        first: `(rows, features)`.
        second: `(rows, other features)`.

    Returns:
        0 to 1; NaN where one of the two does not vary.
    """
    x, y = (_centred(values) for values in (first, second))
    rows = len(x)
    if max(x.shape[1], y.shape[1]) <= rows:
        cross = _square(y.T @ x)
        own = np.sqrt(_square(x.T @ x) * _square(y.T @ y))
    else:
        k, m = x @ x.T, y @ y.T
        cross = float((k * m).sum())
        own = np.sqrt(_square(k) * _square(m))
    return float(np.clip(cross / own, 0.0, 1.0)) if own > 0 else float("nan")


def _centred(values: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    return np.asarray(flat - flat.mean(axis=0))


def _square(matrix: NDArray[np.floating]) -> float:
    return float((matrix * matrix).sum())
