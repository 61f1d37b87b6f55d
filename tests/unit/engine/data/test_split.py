import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from engine.data.split import SplitInput, share_of_train, split_rows, stratified_cut
from engine.errors import EngineError, ErrorKind
from engine.specs import Part
from engine.specs.split import GivenSplit, GroupedSplit, KFoldSplit, RandomSplit, StratifiedSplit, TimeSplit

COUNT = 1003
RNG = np.random.default_rng(5)
CLASSES = RNG.choice(4, COUNT, p=[0.6, 0.3, 0.07, 0.03]).astype(np.int32)
NUMBERS = RNG.lognormal(size=COUNT)
FRAME = pd.DataFrame(
    {
        "group": RNG.integers(0, 90, COUNT),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.permutation(COUNT), "D"),
    }
)
GIVEN = pd.Series(np.where(np.arange(COUNT) < 800, "train", "test"))
SPLITS = [
    RandomSplit(seed=3),
    StratifiedSplit(seed=3),
    GroupedSplit(group_column="group", seed=3),
    TimeSplit(time_column="day"),
    KFoldSplit(folds=4, fold=2, seed=3),
    GivenSplit(seed=3),
]


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.kind)
@pytest.mark.parametrize("target", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_every_row_is_in_exactly_one_part_and_the_seed_decides(split, target):
    rows = SplitInput(target, FRAME, GIVEN)
    parts = split_rows(split, rows)
    together = np.concatenate([parts[part] for part in Part])
    np.testing.assert_array_equal(np.sort(together), np.arange(COUNT))
    assert all((np.diff(positions) > 0).all() for positions in parts.values())
    again = split_rows(split, rows)
    for part in Part:
        np.testing.assert_array_equal(parts[part], again[part])
    if split.kind != "time":
        other = split_rows(split.model_copy(update={"seed": 4}), rows)
        assert not np.array_equal(parts[Part.VALIDATION], other[Part.VALIDATION])


@pytest.mark.parametrize("split", [RandomSplit(), StratifiedSplit(), TimeSplit(time_column="day")])
def test_counts_are_exact(split):
    parts = split_rows(split, SplitInput(CLASSES, FRAME))
    assert len(parts[Part.TEST]) == len(parts[Part.VALIDATION]) == round(0.15 * COUNT)


def test_stratified_counts_are_those_of_scikit_learn():
    size = 150
    mine = np.bincount(CLASSES[stratified_cut(CLASSES.astype(np.int64), size, np.random.default_rng(0))])
    [(_, theirs)] = StratifiedShuffleSplit(1, test_size=size, random_state=0).split(CLASSES, CLASSES)
    assert mine.sum() == size
    assert np.abs(mine - np.bincount(CLASSES[theirs])).max() <= 1  # equal remainders are broken by chance in both


def test_a_number_keeps_its_deciles():
    parts = split_rows(StratifiedSplit(), SplitInput(NUMBERS, FRAME))
    deciles = np.searchsorted(np.quantile(NUMBERS, np.linspace(0, 1, 11)[1:-1]), NUMBERS)
    counts = np.bincount(deciles[parts[Part.TEST]], minlength=10)
    assert counts.max() - counts.min() <= 2


def test_a_class_with_one_example_trains():
    target = np.array([0] * 50 + [1] * 50 + [2], dtype=np.int32)
    for split in (StratifiedSplit(), KFoldSplit(folds=5, fold=0), KFoldSplit(folds=5, fold=4)):
        assert 100 in split_rows(split, SplitInput(target, FRAME))[Part.TRAIN]


def test_more_classes_than_held_out_rows_still_split():
    target = np.repeat(np.arange(40), 2).astype(np.int32)
    parts = split_rows(StratifiedSplit(), SplitInput(target, FRAME))
    assert len(parts[Part.TEST]) == 12
    assert set(target[parts[Part.TRAIN]]) == set(range(40))


def test_groups_stay_together():
    parts = split_rows(GroupedSplit(group_column="group"), SplitInput(CLASSES, FRAME))
    groups = [set(FRAME["group"].iloc[parts[part]]) for part in Part]
    assert sum(len(group) for group in groups) == FRAME["group"].nunique()
    assert abs(len(parts[Part.TEST]) - 0.15 * COUNT) < 20


def test_rows_without_a_group_are_groups_of_their_own():
    frame = FRAME.assign(group=FRAME["group"].where(FRAME["group"] > 10))
    parts = split_rows(GroupedSplit(group_column="group"), SplitInput(CLASSES, frame))
    alone = np.flatnonzero(frame["group"].isna())
    assert 0 < len(np.intersect1d(alone, parts[Part.TEST])) < len(alone)


def test_time_goes_forward():
    parts = split_rows(TimeSplit(time_column="day"), SplitInput(CLASSES, FRAME))
    day = FRAME["day"]
    assert day.iloc[parts[Part.TRAIN]].max() < day.iloc[parts[Part.VALIDATION]].min()
    assert day.iloc[parts[Part.VALIDATION]].max() < day.iloc[parts[Part.TEST]].min()


def test_folds_share_the_test_part_and_divide_the_rest():
    folds = [split_rows(KFoldSplit(folds=5, fold=fold), SplitInput(CLASSES, FRAME)) for fold in range(5)]
    for parts in folds[1:]:
        np.testing.assert_array_equal(parts[Part.TEST], folds[0][Part.TEST])
    held_out = np.concatenate([parts[Part.VALIDATION] for parts in folds])
    rest = np.setdiff1d(np.arange(COUNT), folds[0][Part.TEST])
    np.testing.assert_array_equal(np.sort(held_out), rest)


def test_given_parts_are_kept_and_validation_is_cut_from_train():
    parts = split_rows(GivenSplit(validation_fraction=0.1), SplitInput(CLASSES, FRAME, GIVEN))
    np.testing.assert_array_equal(parts[Part.TEST], np.arange(800, COUNT))
    assert len(parts[Part.VALIDATION]) == 80
    assert parts[Part.VALIDATION].max() < 800


def test_a_missing_test_part_is_cut_from_train():
    given = pd.Series(np.where(np.arange(COUNT) < 900, "train", "validation"))
    parts = split_rows(GivenSplit(test_fraction=0.2), SplitInput(CLASSES, FRAME, given))
    np.testing.assert_array_equal(parts[Part.VALIDATION], np.arange(900, COUNT))
    assert len(parts[Part.TEST]) == 180


def test_no_test_part_where_none_is_wanted():
    parts = split_rows(RandomSplit(test_fraction=0.0), SplitInput(CLASSES, FRAME))
    assert len(parts[Part.TEST]) == 0


@pytest.mark.parametrize(
    ("split", "kind"),
    [
        (GroupedSplit(group_column="nowhere"), ErrorKind.BAD_INPUT),
        (GivenSplit(), ErrorKind.BAD_DATA),
        (TimeSplit(time_column="word"), ErrorKind.BAD_DATA),
        (GroupedSplit(group_column="word"), ErrorKind.BAD_DATA),
    ],
)
def test_what_cannot_be_divided_says_so(split, kind):
    with pytest.raises(EngineError) as caught:
        split_rows(split, SplitInput(CLASSES, FRAME.assign(word="same")))
    assert caught.value.kind is kind
    assert str(caught.value)


def test_a_share_of_train_keeps_the_classes_and_the_other_parts():
    parts = split_rows(StratifiedSplit(), SplitInput(CLASSES, FRAME))
    half = share_of_train(parts, CLASSES, 0.5, seed=0)
    assert len(half[Part.TRAIN]) == round(len(parts[Part.TRAIN]) / 2)
    np.testing.assert_array_equal(half[Part.TEST], parts[Part.TEST])
    np.testing.assert_allclose(
        np.bincount(CLASSES[half[Part.TRAIN]]) * 2, np.bincount(CLASSES[parts[Part.TRAIN]]), atol=2
    )


@pytest.mark.parametrize("target", [CLASSES, np.linspace(0.0, 1.0, len(CLASSES))], ids=["classes", "numbers"])
def test_a_smaller_share_of_train_lies_within_a_larger_one(target):
    parts = split_rows(StratifiedSplit(), SplitInput(target, pd.DataFrame(index=range(len(target)))))
    before: set[int] = set()
    for fraction in np.linspace(0.01, 1.0, 41):
        train = share_of_train(parts, target, float(fraction), seed=3)[Part.TRAIN]
        assert len(train) == max(1, round(len(parts[Part.TRAIN]) * fraction))
        assert list(train) == sorted(train)
        assert before <= set(train)
        before = set(train)
