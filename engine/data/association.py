"""How much one column says about another: 0 (nothing) to 1 (all).

Two numbers: Pearson's correlation, or Spearman's where that is larger (a bent but steady relation). Two categories:
Cramér's V, corrected for chance (Bergsma 2013). A number and a category: the correlation ratio (Fisher 1925).
Beside each, the share of the target's entropy that the column explains (Theil's uncertainty coefficient).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.specs.task import ColumnKind

Codes = npt.NDArray[np.int64]
_BINS = 16  # quantile bins of a number where its entropy is needed
_MOST_VALUES = 200  # of a category; the rarer ones are put together


def as_codes(values: pd.Series, kind: ColumnKind) -> Codes:
    """`(rows,)` code of each value: numbers by quantile bin, categories by frequency; missing is a value of its own."""
    if kind is ColumnKind.NUMBER:
        numbers = values.to_numpy(dtype=np.float64)
        known = numbers[np.isfinite(numbers)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
        codes = np.searchsorted(edges, numbers, side="right").astype(np.int64)
        codes[~np.isfinite(numbers)] = len(edges) + 1
        return codes
    found, distinct = pd.factorize(values)  # missing: -1
    counts = np.bincount(found[found >= 0], minlength=len(distinct))
    rank = np.empty(len(distinct) + 1, dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(distinct))
    rarer = min(len(distinct), _MOST_VALUES)
    return np.where(found < 0, rarer + 1, np.minimum(rank[found], rarer)).astype(np.int64)


def crosstab(left: Codes, right: Codes) -> npt.NDArray[np.int64]:
    """`(left values, right values)` how often each pair occurs; rows and columns without any are left out."""
    width = int(right.max(initial=0)) + 1
    height = int(left.max(initial=0)) + 1
    table = np.bincount(left * width + right, minlength=height * width).reshape(height, width)
    return table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]


def cramers_v(table: npt.NDArray[np.int64]) -> float:
    """Bias-corrected Cramér's V of a crosstab (Bergsma 2013)."""
    rows, columns = table.shape
    count = table.sum()
    if count < 2 or min(rows, columns) < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / count
    phi2 = float((((table - expected) ** 2) / expected).sum()) / count
    phi2 = max(0.0, phi2 - (columns - 1) * (rows - 1) / (count - 1))
    smaller = min(columns - (columns - 1) ** 2 / (count - 1), rows - (rows - 1) ** 2 / (count - 1))
    return min(1.0, float(np.sqrt(phi2 / (smaller - 1)))) if smaller > 1 else 0.0


def correlation_ratio(codes: Codes, numbers: npt.NDArray[np.float64]) -> float:
    """Eta: root of the share of a number's variance that lies between the groups."""
    known = np.isfinite(numbers)
    codes, numbers = codes[known], numbers[known]
    if len(numbers) < 2:
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, numbers) / np.maximum(counts, 1)
    total = float(((numbers - numbers.mean()) ** 2).sum())
    between = float((counts * (means - numbers.mean()) ** 2).sum())
    return float(np.sqrt(min(between / total, 1.0))) if total > 0 else 0.0


def explained_entropy(table: npt.NDArray[np.int64]) -> float:
    """I(column; target) / H(target) of a `(column, target)` crosstab, corrected for chance (Miller 1955)."""
    count = table.sum()
    if count == 0 or table.shape[1] < 2:
        return 0.0
    joint = table / count
    column, target = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    information = float((joint[seen] * np.log(joint[seen] / (column @ target)[seen])).sum())
    information -= max(0.0, (table.shape[0] - 1) * (table.shape[1] - 1) / (2 * count))
    entropy = float(-(target[target > 0] * np.log(target[target > 0])).sum())
    return min(1.0, max(0.0, information / entropy)) if entropy > 0 else 0.0


def association(column: pd.Series, kind: ColumnKind, target: pd.Series, target_is_class: bool) -> dict[str, Any]:
    """The figures for one column: `association`, `association_method`, `mutual_information`, and `correlation`.

    Args:
        column: numbers as float64, categories as text.
        kind: NUMBER or CATEGORY.
        target: class names, or numbers.
        target_is_class: which of the two.
    """
    target_codes = as_codes(target, ColumnKind.CATEGORY if target_is_class else ColumnKind.NUMBER)
    table = crosstab(as_codes(column, kind), target_codes)
    result: dict[str, Any] = {"mutual_information": explained_entropy(table)}
    if kind is ColumnKind.NUMBER and not target_is_class:
        pair = pd.DataFrame({"a": column.to_numpy(np.float64), "b": target.to_numpy(np.float64)}).dropna()
        spread = len(pair) > 2 and pair["a"].nunique() > 1 and pair["b"].nunique() > 1
        pearson = float(pair["a"].corr(pair["b"])) if spread else 0.0
        spearman = float(pair["a"].rank().corr(pair["b"].rank())) if spread else 0.0
        score = min(1.0, max(abs(pearson), abs(spearman)))
        return {**result, "association": score, "association_method": "correlation", "correlation": pearson}
    if kind is ColumnKind.NUMBER:
        score = correlation_ratio(target_codes, column.to_numpy(dtype=np.float64))
        return {**result, "association": score, "association_method": "correlation_ratio"}
    if not target_is_class:
        score = correlation_ratio(as_codes(column, kind), target.to_numpy(dtype=np.float64))
        return {**result, "association": score, "association_method": "correlation_ratio"}
    return {**result, "association": cramers_v(table), "association_method": "cramers_v"}
