"""One number column as a vector: standardised, by quantiles, or piecewise linear over quantile bins."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

NumberMethod = Literal["standard", "quantile", "piecewise_linear"]

# Standardised values beyond this are outliers that would only upset the first layer.
STANDARD_LIMIT = 10.0
# The outer bins go on as straight lines, one bin's width beyond the train range and no further.
OUTER_BINS = 1.0
QUANTILE_KNOTS = 100


class NumberColumn:
    """The encoding of one column, learned from its train values.

    "piecewise_linear" (Gorishniy et al. 2022, arXiv 2203.05556): with edges b₀ < … < b_T at quantiles, place t of the
    encoding is `(x - b_{t-1}) / (b_t - b_{t-1})`, cut to 0…1 but for the outer bins. A linear layer upon it is a
    piecewise linear function, so a network bends where a tree would split.
    """

    def __init__(self, method: NumberMethod, constants: dict[str, np.ndarray]) -> None:
        self.method: NumberMethod = method
        self.constants = constants  # float32 arrays; what they are depends on the method, see `fit`

    @classmethod
    def fit(cls, values: np.ndarray, method: NumberMethod, bins: int) -> NumberColumn:
        """Learn from train values `(rows,)`; missing and infinite ones are left aside."""
        values = np.asarray(values, np.float64)
        values = values[np.isfinite(values)]
        if values.size == 0:
            values = np.zeros(1)
        origin = float(np.median(values)) if method != "standard" else float(values.mean())
        # Differences from the origin keep their digits in float32 where the numbers themselves would not.
        centred = values - origin
        if method == "standard":
            constants = {"scale": float(values.std()) or 1.0, "limit": STANDARD_LIMIT}
        elif method == "quantile":
            constants = _knots(centred)
        else:
            constants = _bins(centred, bins)
        arrays = {name: np.asarray(value, np.float32) for name, value in constants.items()}
        return cls(method, {"origin": np.asarray(origin, np.float32), **arrays})

    @property
    def width(self) -> int:
        """How many numbers the encoding has."""
        return self.constants["edges"].size - 1 if self.method == "piecewise_linear" else 1

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Values `(rows,)` → float32 `(rows, width)`; zeros where missing."""
        x = np.asarray(values, np.float32)[:, None]
        missing = ~np.isfinite(x)
        kept = self.constants
        x = np.where(missing, np.float32(0), x - kept["origin"])
        if self.method == "standard":
            out = np.clip(x / kept["scale"], -kept["limit"], kept["limit"])
        elif self.method == "quantile":
            out = np.interp(x, kept["knots"], kept["values"])
        else:
            lower, upper = kept["edges"][:-1], kept["edges"][1:]
            out = np.clip((x - lower) / (upper - lower), kept["low"], kept["high"])
        return np.where(missing, np.float32(0), out).astype(np.float32)


def _knots(centred: np.ndarray) -> dict[str, Any]:
    from scipy.stats import norm

    shares = (np.arange(QUANTILE_KNOTS) + 0.5) / QUANTILE_KNOTS
    quantiles = np.quantile(centred, shares)
    distinct, first, count = np.unique(quantiles.astype(np.float32), return_index=True, return_counts=True)
    scores = norm.ppf(shares)
    middle = np.array([scores[i : i + c].mean() for i, c in zip(first, count, strict=True)])
    if distinct.size == 1:
        return {"knots": [distinct[0], distinct[0] + 1], "values": [0.0, 0.0]}
    return {"knots": distinct, "values": middle}


def _bins(centred: np.ndarray, bins: int) -> dict[str, Any]:
    edges = bin_edges(centred, bins).astype(np.float32)
    edges = np.unique(edges)
    if edges.size == 1:
        edges = np.array([edges[0], edges[0] + 1], np.float32)
    low, high = np.zeros(edges.size - 1), np.ones(edges.size - 1)
    low[0], high[-1] = -OUTER_BINS, 1.0 + OUTER_BINS
    return {"edges": edges, "low": low, "high": high}


def bin_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """At most `bins + 1` ascending edges at quantiles of `values`.

    Where one value is so frequent that several quantiles fall upon it (capital gains: nine in ten are 0), the edges
    saved are spent on the quantiles of the other values.
    """
    distinct = np.unique(values)
    if distinct.size <= bins + 1:
        return distinct
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)))
    while edges.size < bins + 1:
        others = values[~np.isin(values, edges)]
        if others.size == 0:
            break
        more = bins + 1 - edges.size
        added = np.unique(np.quantile(others, np.linspace(0.0, 1.0, more + 2)[1:-1], method="nearest"))
        edges = np.unique(np.concatenate([edges, added]))
    return edges
