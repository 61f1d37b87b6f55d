"""McNemar's exact test and the paired bootstrap, held to SciPy and to a count by hand."""

from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.finetuning.paired import before_and_after, mcnemar


def outcomes(only_before: int, only_after: int, both: int = 20, neither: int = 5) -> tuple[np.ndarray, np.ndarray]:
    before = [True] * only_before + [False] * only_after + [True] * both + [False] * neither
    after = [False] * only_before + [True] * only_after + [True] * both + [False] * neither
    return np.array(before), np.array(after)


@pytest.mark.parametrize(("only_before", "only_after"), [(0, 1), (1, 9), (12, 30), (59, 121), (7, 7)])
def test_mcnemar_is_the_binomial_test_of_the_rows_on_which_they_differ(only_before: int, only_after: int) -> None:
    found = mcnemar(*outcomes(only_before, only_after))
    rows = only_before + only_after
    assert found[:2] == (only_before, only_after)
    assert found[2] == pytest.approx(binomtest(only_after, rows, 0.5).pvalue)
    tail = sum(comb(rows, k) for k in range(min(only_before, only_after) + 1)) / 2**rows
    assert found[2] == pytest.approx(min(1.0, 2 * tail))


def test_models_that_agree_on_every_row_do_not_differ() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same) == (0, 0, 1.0)


def probabilities(right: np.ndarray, truth: np.ndarray) -> np.ndarray:
    said = np.where(right, truth, 1 - truth)
    return np.eye(2)[said] * 0.8 + 0.1


def test_a_clear_gain_is_better_and_counts_the_rows_behind_it() -> None:
    right_before, right_after = outcomes(10, 60, both=200, neither=30)
    truth = np.random.default_rng(0).integers(0, 2, len(right_before))
    found = before_and_after(
        truth,
        probabilities(right_before, truth),
        probabilities(right_after, truth),
        2,
        part="test",
        rows_there=300,
        fitted_rows=100,
        train_rows=100,
    )
    assert found.verdict == "better"
    assert found.difference.value == pytest.approx(50 / 300)
    assert found.before.value == pytest.approx(210 / 300)
    assert found.difference.low < 50 / 300 < found.difference.high
    # The paired interval is that of the difference of the rows (normal approximation), not of two free models.
    half = 1.96 * np.sqrt((70 - 50**2 / 300) / 300**2)
    assert found.difference.high - found.difference.low == pytest.approx(2 * half, rel=0.1)
    assert (found.only_before, found.only_after) == (10, 60)


def test_numbers_are_compared_by_their_error_and_lower_is_better() -> None:
    draw = np.random.default_rng(1)
    truth = draw.normal(size=400)
    close, far = truth + 0.1 * draw.normal(size=400), truth + 0.5 * draw.normal(size=400)
    shared = {"part": "test", "rows_there": 400, "fitted_rows": 9, "train_rows": 9}
    assert before_and_after(truth, far, close, 0, **shared).verdict == "better"
    assert before_and_after(truth, close, far, 0, **shared).verdict == "worse"
    level = before_and_after(truth, far, far, 0, **shared)
    assert (level.verdict, level.difference.value, level.p_value) == ("level", 0.0, None)
