"""Values with their 95 % intervals, drawn and written the same everywhere."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.specs.records import Interval

Z_95 = 1.96  # half of a 95 % interval in standard deviations of the normal distribution


def error_bars(values: Sequence[Interval], colour: str, *, thickness: float = 1.2, width: float = 3) -> dict[str, Any]:
    """Plotly's error bars from the values to the ends of their intervals; `thickness` and `width` in px."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [value.high - value.value for value in values],
        "arrayminus": [value.value - value.low for value in values],
        "color": colour,
        "thickness": thickness,
        "width": width,
    }


def interval_text(name: str, value: Interval, form: str = ".3f") -> str:
    """`Class 3: 0.912 (0.870 – 0.951)`, for a hover box."""
    return f"{name}: {value.value:{form}} ({value.low:{form}} – {value.high:{form}})"


def wilson(shares: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The ends of the 95 % intervals of shares, which never leave 0 to 1 (Wilson 1927).

    Args:
        shares: of successes `(n,)`.
        rows: trials behind each share `(n,)`, at least 1.
    """
    spread = 1 + Z_95**2 / rows
    centre = (shares + Z_95**2 / (2 * rows)) / spread
    half = Z_95 / spread * np.sqrt(shares * (1 - shares) / rows + Z_95**2 / (4 * rows**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
