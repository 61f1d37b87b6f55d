import numpy as np
import pandas as pd
import pytest

from engine.data.profile.texts import log_odds, telling_words, words_of


def test_log_odds_by_the_formula_of_the_paper():
    """Monroe et al. 2008, eq. 16 (the estimate), 20 (its variance) and 21 (the z-score), for the first word."""
    mine, others, prior = np.array([12.0, 88.0]), np.array([5.0, 195.0]), np.array([2.0, 8.0])
    delta = np.log(14 / (100 + 10 - 14)) - np.log(7 / (200 + 10 - 7))
    assert log_odds(mine, others, prior)[0] == pytest.approx(delta / np.sqrt(1 / 14 + 1 / 7))


def test_words_that_all_classes_share_tell_nothing():
    texts = pd.Series(["the good film"] * 50 + ["the bad film"] * 50)
    labels = pd.Series(["1"] * 50 + ["0"] * 50)
    found = telling_words(texts, labels, chinese=False)
    assert [word for word, _ in found["1"]] == ["good"]
    assert [word for word, _ in found["0"]] == ["bad"]


def test_chinese_is_cut_into_pairs():
    assert words_of("房间很大, ok 好", chinese=True) == ["房间", "间很", "很大"]
    assert words_of("Don't stop 2nd", chinese=False) == ["don't", "stop", "nd"]
