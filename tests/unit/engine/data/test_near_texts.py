import numpy as np
import pytest

from engine.data.near_texts import _shingle_hashes, _signatures, fold, jaccard, near_text_groups, shingles

WORDS = [f"word{number}" for number in range(400)]


def random_texts(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 30)) for _ in range(count)]


def test_case_and_punctuation_do_not_count():
    assert fold("Don't  STOP,  now!") == fold("don t stop now")
    assert fold("Ｆｕｌｌ width") == "full width"


def test_all_pairs_above_the_bound_are_found_and_none_below():
    texts = random_texts(120)
    changed = [text.replace(" ", " , ", 1).replace("word1", "other", 1) for text in texts[:40]]
    longer = [text + " and quite a few more words that were never there before at all" for text in texts[40:60]]
    every = texts + changed + longer
    found = {frozenset(group.tolist()) for group in near_text_groups(every)}
    expected = {
        frozenset((i, j))
        for i in range(len(every))
        for j in range(i + 1, len(every))
        if jaccard(fold(every[i]), fold(every[j])) >= 0.8
    }
    assert len(expected) >= 40
    assert len(expected - found) <= 1  # the banding finds 98.5 % of the pairs at the bound itself
    assert found <= expected


def test_signatures_estimate_the_similarity():
    left, right = random_texts(2)
    right = left[: len(left) // 2] + right[len(right) // 2 :]
    a, b = _signatures([fold(left), fold(right)])
    assert np.mean(a == b) == pytest.approx(jaccard(fold(left), fold(right)), abs=0.25)  # 32 hashes: ± 3 × 0.088


def test_hashes_do_not_reach_over_the_end_of_a_text():
    texts = ["abcdefgh", "xy", "abcdefgh"]
    hashes, starts = _shingle_hashes(texts)
    assert starts.tolist() == [0, 4, 5]
    assert len(hashes) == sum(len(shingles(text)) for text in texts)
    np.testing.assert_array_equal(hashes[0:4], hashes[5:9])


def test_chinese_and_empty_texts():
    groups = near_text_groups(
        ["房间很大，床有2M宽，整体感觉经济实惠不错!", "", "房间很大 床有2M宽 整体感觉经济实惠不错", ""]
    )
    assert [group.tolist() for group in groups] == [[0, 2]]
