"""fANOVA against functions whose variances are known."""

import math

import numpy as np
import pytest
from search_cases import DROPOUT, RATE, document

from engine.specs.search_records import TrialRecord, TrialStatus
from engine.tuning.importance import FEWEST_TRIALS, fanova, importance_of

UNIT = [(0.0, 1.0)] * 3


def test_an_additive_function_with_one_interaction() -> None:
    # f = 4a + 2b + 6(a - ½)(b - ½): by hand, the variances are 16/12, 4/12, 0 and 36/144.
    x = np.random.default_rng(0).uniform(0, 1, (500, 3))
    y = 4 * x[:, 0] + 2 * x[:, 1] + 6 * (x[:, 0] - 0.5) * (x[:, 1] - 0.5)
    total = 16 / 12 + 4 / 12 + 36 / 144
    single, pairs, r2 = fanova(x, y, UNIT, trees=24)
    assert single[0] == pytest.approx(16 / 12 / total, abs=0.04)
    assert single[1] == pytest.approx(4 / 12 / total, abs=0.04)
    assert single[2] < 0.01
    assert pairs[0, 1] == pytest.approx(36 / 144 / total, abs=0.04)
    assert pairs[0, 2] < 0.01
    assert r2 is not None
    assert r2 > 0.95


def test_an_interaction_alone_is_not_given_to_its_fields() -> None:
    x = np.random.default_rng(1).uniform(0, 1, (600, 3))
    y = np.sign((x[:, 0] - 0.5) * (x[:, 1] - 0.5))  # no field alone says anything
    single, pairs, _ = fanova(x, y, UNIT, trees=24)
    assert max(single) < 0.1
    assert pairs[0, 1] > 0.75


def test_shares_of_one_tree_add_up_to_its_variance() -> None:
    x = np.random.default_rng(2).uniform(0, 1, (300, 2))
    single, pairs, _ = fanova(x, np.sin(5 * x[:, 0]) * x[:, 1], UNIT[:2], trees=1)
    assert sum(single) + sum(pairs.values()) == pytest.approx(1.0, abs=1e-6)  # two fields: nothing else is left


def trial(number: int, rate: float, dropout: float, score: float | None) -> TrialRecord:
    values = {RATE["path"]: rate, DROPOUT["path"]: dropout}
    return TrialRecord(search_id="s", number=number, status=TrialStatus.COMPLETED, values=values, score=score)


def test_the_importance_of_a_search_is_measured_on_its_own_scales() -> None:
    drawn = np.random.default_rng(3)
    rates, dropouts = 10 ** drawn.uniform(-4, -1, 80), drawn.uniform(0, 0.5, 80)
    trials = [
        trial(i, rate, dropout, -((math.log10(rate) + 2.5) ** 2) + 0.05 * dropout)
        for i, (rate, dropout) in enumerate(zip(rates, dropouts, strict=True))
    ]
    record = importance_of(document(), trials)
    assert record.reliable
    assert record.single[RATE["path"]] > 0.8 > 0.1 > record.single[DROPOUT["path"]]


def test_it_says_what_keeps_it_from_being_computed() -> None:
    few = [trial(i, 0.01, 0.1 * i, 0.5 + 0.01 * i) for i in range(FEWEST_TRIALS - 1)]
    assert "too few" in importance_of(document(), few).notice
    level = [trial(i, 0.01, 0.01 * i, 0.5) for i in range(30)]
    assert "same score" in importance_of(document(), level).notice
