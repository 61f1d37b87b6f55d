"""Piecewise linear encoding after its paper's formula, quantiles after scikit-learn's transformer."""

import numpy as np
import pytest

from engine.models.encoding_numbers import NumberColumn, bin_edges


def paper_encoding(x: float, edges: np.ndarray) -> list[float]:
    """Equation 1 of arXiv 2203.05556, place by place."""
    bins = len(edges) - 1
    out = []
    for t in range(1, bins + 1):
        if x < edges[t - 1] and t > 1:
            out.append(0.0)
        elif x >= edges[t] and t < bins:
            out.append(1.0)
        else:
            out.append((x - edges[t - 1]) / (edges[t] - edges[t - 1]))
    return out


def test_piecewise_linear_is_the_papers_formula() -> None:
    values = np.random.default_rng(0).gamma(2.0, 3.0, 500)
    column = NumberColumn.fit(values, "piecewise_linear", 8)
    edges = np.quantile(values, np.linspace(0, 1, 9))
    rows = np.concatenate([values[:50], [edges[0], edges[3], edges[-1]]])
    expected = [paper_encoding(x, edges) for x in rows]
    np.testing.assert_allclose(column.encode(rows), expected, atol=1e-4)


def test_beyond_the_train_range_the_outer_bins_go_on_and_then_stay() -> None:
    column = NumberColumn.fit(np.linspace(0, 10, 101), "piecewise_linear", 5)
    last, first = column.encode(np.array([11.0, 1e9]))[:, -1], column.encode(np.array([-1.0, -1e9]))[:, 0]
    np.testing.assert_allclose(last, [1.5, 2.0], atol=1e-5)
    np.testing.assert_allclose(first, [-0.5, -1.0], atol=1e-5)


def test_edges_saved_on_a_frequent_value_are_spent_on_the_others() -> None:
    draw = np.random.default_rng(0)
    values = np.where(draw.random(5000) < 0.92, 0.0, draw.integers(1, 1000, 5000).astype(float))
    edges = bin_edges(values, 16)
    assert edges.size == 17
    assert (edges > 0).sum() >= 14
    assert edges[0] == 0.0


def test_few_distinct_values_are_the_edges() -> None:
    np.testing.assert_array_equal(bin_edges(np.array([3.0, 1.0, 1.0, 2.0]), 16), [1.0, 2.0, 3.0])


def test_quantiles_follow_scikit_learn() -> None:
    from sklearn.preprocessing import QuantileTransformer

    values = np.random.default_rng(1).exponential(2.0, 5000)
    column = NumberColumn.fit(values, "quantile", 16)
    reference = QuantileTransformer(output_distribution="normal").fit(values[:, None]).transform(values[:, None])
    inside = np.abs(reference[:, 0]) < 2.0
    np.testing.assert_allclose(column.encode(values)[inside, 0], reference[inside, 0], atol=0.05)


def test_standard_has_mean_0_and_deviation_1() -> None:
    values = np.random.default_rng(2).normal(1e6, 50.0, 4000)
    encoded = NumberColumn.fit(values, "standard", 16).encode(values)
    assert encoded.mean() == pytest.approx(0.0, abs=1e-3)
    assert encoded.std() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("method", ["standard", "quantile", "piecewise_linear"])
@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [5.0, 5.0, 5.0], [np.inf, 1.0, -np.inf]])
def test_columns_with_nothing_to_learn_give_finite_numbers(method: str, values: list[float]) -> None:
    column = NumberColumn.fit(np.array(values), method, 8)  # type: ignore[arg-type]
    assert np.isfinite(column.encode(np.array([0.0, 5.0, 1e30, np.nan, np.inf]))).all()


@pytest.mark.parametrize("method", ["standard", "quantile", "piecewise_linear"])
def test_missing_values_are_zeros(method: str) -> None:
    column = NumberColumn.fit(np.arange(100.0), method, 8)  # type: ignore[arg-type]
    assert not column.encode(np.array([np.nan])).any()
