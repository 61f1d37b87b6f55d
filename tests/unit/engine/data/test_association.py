import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from engine.data.association import as_codes, association, correlation_ratio, cramers_v, crosstab, explained_entropy
from engine.specs import ColumnKind

RNG = np.random.default_rng(0)
A = RNG.integers(0, 4, 3000)
B = np.where(RNG.random(3000) < 0.5, A, RNG.integers(0, 4, 3000))


def test_cramers_v_is_scipys_but_for_the_correction():
    table = crosstab(A, B)
    assert cramers_v(table) == pytest.approx(stats.contingency.association(table, method="cramer"), abs=0.01)
    np.testing.assert_array_equal(table, pd.crosstab(A, B))


def test_cramers_v_of_chance_is_nothing():
    noise = crosstab(RNG.integers(0, 40, 500), RNG.integers(0, 5, 500))
    assert stats.contingency.association(noise, method="cramer") > 0.2  # uncorrected, many values look telling
    assert cramers_v(noise) < 0.1


def test_correlation_ratio_is_the_root_of_the_f_tests_share():
    groups = [RNG.normal(mean, 1, 100) for mean in (0, 0.5, 2)]
    codes = np.repeat([0, 1, 2], 100)
    f = stats.f_oneway(*groups).statistic
    expected = np.sqrt(2 * f / (2 * f + 297))  # eta² = dfb F / (dfb F + dfw)
    assert correlation_ratio(codes, np.concatenate(groups)) == pytest.approx(expected)


def test_explained_entropy_against_scikit_learn():
    table = crosstab(A, B)
    entropy = stats.entropy(np.bincount(B))
    assert explained_entropy(table) == pytest.approx(mutual_info_score(A, B) / entropy, abs=0.005)
    assert explained_entropy(crosstab(A, A)) == pytest.approx(1.0, abs=0.005)


def test_a_bent_but_steady_relation_counts():
    x = pd.Series(RNG.normal(size=500))
    found = association(x, ColumnKind.NUMBER, np.exp(3 * x), target_is_class=False)
    assert found["association"] == pytest.approx(1.0)
    assert found["correlation"] == pytest.approx(x.corr(np.exp(3 * x)))


@pytest.mark.parametrize("kind", [ColumnKind.NUMBER, ColumnKind.CATEGORY])
@pytest.mark.parametrize("target_is_class", [True, False])
def test_every_pair_of_kinds_is_between_nothing_and_all(kind, target_is_class):
    column = pd.Series(A, dtype="float64") if kind is ColumnKind.NUMBER else pd.Series(A).astype(str)
    column = column.where(RNG.random(3000) > 0.1)  # with gaps
    target = pd.Series(B).astype(str) if target_is_class else pd.Series(B, dtype="float64")
    found = association(column, kind, target, target_is_class)
    assert 0.3 < found["association"] < 0.7
    assert 0.05 < found["mutual_information"] < 0.5


def test_an_empty_column_says_nothing():
    found = association(pd.Series([np.nan] * 10), ColumnKind.NUMBER, pd.Series(list("ab") * 5), target_is_class=True)
    assert found["association"] == found["mutual_information"] == 0.0


def test_codes_tell_gaps_from_values():
    codes = as_codes(pd.Series(["b", None, "b", "a"]), ColumnKind.CATEGORY)
    assert codes[0] == codes[2]
    assert len({codes[0], codes[1], codes[3]}) == 3
