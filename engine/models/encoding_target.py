"""How the target becomes what the model learns: class codes, or a number scaled to mean 0 and deviation 1.

A network starts with outputs near 0 ± 1; a target in dollars would cost it thousands of steps just to get there.
"""

from typing import Any, Literal

import numpy as np

TargetMethod = Literal["standard", "log", "quantile_normal"]

# More knots than this follow the sample rather than the distribution.
MAX_KNOTS = 1000


class TargetScaler:
    """An invertible scaling of one number, learned from the train part.

    - "standard": `(y - mean) / deviation`.
    - "log": the same of `log(y + shift)`; `shift` is 0 where every train value is positive.
    - "quantile_normal": the value's rank as a normal deviate, linear between the knots and beyond them, hence
      invertible for every number (the normal scores of van der Waerden, 1952).
    """

    def __init__(self, method: TargetMethod, numbers: dict[str, Any]) -> None:
        self.method: TargetMethod = method
        self.numbers = numbers  # plain floats and lists of them, for JSON and for the exported model's config

    @classmethod
    def fit(cls, values: np.ndarray, method: TargetMethod) -> "TargetScaler":
        """Learn the scaling from train values `(rows,)`; missing ones are left aside."""
        values = np.asarray(values, np.float64)
        values = values[np.isfinite(values)]
        if method == "quantile_normal":
            return cls(method, _normal_knots(values))
        shift = 0.0
        if method == "log":
            lowest = float(values.min(initial=1.0))
            shift = 0.0 if lowest > 0 else 1.0 - lowest
            values = np.log(values + shift)
        deviation = float(values.std()) if values.size else 1.0
        mean = float(values.mean()) if values.size else 0.0
        return cls(method, {"mean": mean, "deviation": deviation or 1.0, "shift": shift})

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Numbers in their own unit `(rows,)` → scaled float32 `(rows, 1)`."""
        y = np.asarray(values, np.float64)
        n = self.numbers
        if self.method == "quantile_normal":
            scaled = _interpolate(y, np.array(n["values"]), np.array(n["scores"]))
        else:
            if self.method == "log":  # below the range of the train part the logarithm may not be defined
                y = np.log(np.maximum(y + n["shift"], 1e-12))
            scaled = (y - n["mean"]) / n["deviation"]
        return scaled.astype(np.float32)[:, None]

    def decode(self, scaled: np.ndarray) -> np.ndarray:
        """The way back: scaled `(rows, 1)` or `(rows,)` → float64 `(rows,)` in their own unit."""
        z = np.asarray(scaled, np.float64).reshape(-1)
        n = self.numbers
        if self.method == "quantile_normal":
            return _interpolate(z, np.array(n["scores"]), np.array(n["values"]))
        y = z * n["deviation"] + n["mean"]
        return np.exp(y) - n["shift"] if self.method == "log" else y


def _normal_knots(values: np.ndarray) -> dict[str, Any]:
    from scipy.stats import norm

    if values.size == 0 or np.ptp(values) == 0:  # nothing to rank: shift only
        centre = float(values[0]) if values.size else 0.0
        return {"values": [centre, centre + 1.0], "scores": [0.0, 1.0]}
    knots = min(MAX_KNOTS, max(values.size, 2))
    shares = (np.arange(knots) + 0.5) / knots
    quantiles = np.quantile(values, shares)
    scores = norm.ppf(shares)
    distinct, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    # Equal values get the mean of their scores, so that the curve stays a function in both directions.
    middle = np.array([scores[i : i + c].mean() for i, c in zip(first, count, strict=True)])
    if distinct.size == 1:
        return {"values": [float(distinct[0]), float(distinct[0]) + float(values.std())], "scores": [0.0, 1.0]}
    return {"values": distinct.tolist(), "scores": middle.tolist()}


def _interpolate(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Piecewise linear through the knots; the outermost pieces go on beyond them."""
    piece = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, knots.size - 2)
    slope = (values[piece + 1] - values[piece]) / (knots[piece + 1] - knots[piece])
    return values[piece] + (x - knots[piece]) * slope
