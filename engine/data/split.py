"""Divides rows into train, validation and test: seeded, exact in its counts, each row in exactly one part.

The test part is always cut first, so that it is the same whatever is done with validation afterwards. Stratified cuts
share the rows out by the largest remainder and never take the last row of a class away from train; scikit-learn's
`StratifiedShuffleSplit` does the same but refuses classes with a single row.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

from engine.errors import EngineError, ErrorKind
from engine.specs.data import DataSpec
from engine.specs.records import SplitReport
from engine.specs.split import GivenSplit, GroupedSplit, KFoldSplit, RandomSplit, SplitSpec, TimeSplit
from engine.specs.task import Part
from engine.text import N_

Positions = npt.NDArray[np.int64]
Parts = dict[Part, Positions]

_STRATA_OF_A_NUMBER = 10  # deciles
_FEWEST_GROUPS = 3


@dataclass(frozen=True)
class SplitInput:
    """What a split may look at, one entry a row.

    Args:
        target: class codes (integers) or numbers, `(rows,)`.
        columns: the cleaned rows, for the group or time column.
        given: the part that each row came with, or None.
    """

    target: npt.NDArray[Any]
    columns: pd.DataFrame
    given: pd.Series | None = None

    def strata(self) -> npt.NDArray[np.int64]:
        """The class of each row, or the decile of its number."""
        return strata_of(self.target)


def strata_of(target: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Classes as they are; numbers by decile."""
    if np.issubdtype(target.dtype, np.integer):
        return target.astype(np.int64)
    ranks = pd.Series(target).rank(method="first").to_numpy() - 1
    return (ranks * _STRATA_OF_A_NUMBER // max(len(target), 1)).astype(np.int64)


def split_rows(split: SplitSpec, rows: SplitInput) -> Parts:
    """Divide rows.

    Args:
        split: how.
        rows: what the split may look at.

    Returns:
        For each part the ascending positions of its rows; the test part is empty where none is wanted.

    Raises:
        EngineError: BAD_DATA where the rows cannot be divided like this; BAD_INPUT where a named column is not there.
    """
    count = len(rows.target)
    rng = np.random.default_rng(split.seed)
    if isinstance(split, GivenSplit):
        parts = _given(split, rows, rng)
    elif isinstance(split, GroupedSplit):
        parts = _grouped(split, _column(rows, split.group_column), rng)
    elif isinstance(split, TimeSplit):
        parts = _by_time(split, _column(rows, split.time_column))
    elif isinstance(split, KFoldSplit):
        parts = _k_fold(split, rows, rng)
    else:
        strata = np.zeros(count, np.int64) if isinstance(split, RandomSplit) else rows.strata()
        parts = _cut_both(split, strata, rng)
    if not len(parts[Part.TRAIN]) or not len(parts[Part.VALIDATION]):
        raise _too_few(count)
    return {part: np.sort(positions) for part, positions in parts.items()}


def sizes(split: SplitSpec, count: int) -> tuple[int, int]:
    """How many rows validation and test get: rounded, at least one where a share is wanted at all."""
    validation = max(1, round(count * split.validation_fraction))
    test = max(1, round(count * split.test_fraction)) if split.test_fraction > 0 else 0
    return validation, test


def stratified_cut(strata: npt.NDArray[np.int64], size: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw exactly `size` rows, each stratum by its share, by largest remainder; each keeps a row of its own.

    Args:
        strata: `(rows,)` stratum of each row.
        size: how many to draw; fewer are drawn only where that would leave strata empty.
        rng: the source of chance; equal remainders are broken by it.

    Returns:
        `(rows,)` mask of the drawn rows.
    """
    names, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    most = counts - 1  # a class with a single row stays in train
    exact = counts * (size / max(len(strata), 1))
    take = np.minimum(np.floor(exact).astype(np.int64), most)
    order = rng.permutation(len(names))
    order = order[np.argsort(-(exact - np.floor(exact))[order], kind="stable")]
    while take.sum() < min(size, most.sum()):
        for stratum in order:
            if take.sum() >= size:
                break
            take[stratum] += take[stratum] < most[stratum]
    shuffled = rng.permutation(len(strata))
    by_stratum = shuffled[np.argsort(codes[shuffled], kind="stable")]
    rank = np.arange(len(strata)) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn = np.zeros(len(strata), dtype=bool)
    drawn[by_stratum[rank < take[codes[by_stratum]]]] = True
    return drawn


def _cut_both(split: SplitSpec, strata: npt.NDArray[np.int64], rng: np.random.Generator) -> Parts:
    validation, test = sizes(split, len(strata))
    parts = {Part.TRAIN: np.arange(len(strata))}
    for part, size in ((Part.TEST, test), (Part.VALIDATION, validation)):
        _cut(parts, part, strata, size, rng)
    return parts


def _cut(parts: Parts, part: Part, strata: npt.NDArray[np.int64], size: int, rng: np.random.Generator) -> None:
    """Move `size` rows of train to another part."""
    rows = parts[Part.TRAIN]
    drawn = stratified_cut(strata[rows], size, rng)
    parts[part], parts[Part.TRAIN] = rows[drawn], rows[~drawn]


def _k_fold(split: KFoldSplit, rows: SplitInput, rng: np.random.Generator) -> Parts:
    strata = rows.strata()
    parts: Parts = {Part.TRAIN: np.arange(len(strata))}
    _cut(parts, Part.TEST, strata, sizes(split, len(strata))[1], rng)
    rest = parts[Part.TRAIN]
    if len(rest) < 2 * split.folds:
        raise _too_few(len(strata))
    _, codes, counts = np.unique(strata[rest], return_inverse=True, return_counts=True)
    alone = counts[codes] == 1  # trains in every fold
    shared = rest[~alone]
    splitter: Any = StratifiedKFold(split.folds, shuffle=True, random_state=split.seed)
    if counts.max() < split.folds:  # no class is large enough to stand in every fold
        splitter = KFold(split.folds, shuffle=True, random_state=split.seed)
    with (
        warnings.catch_warnings()
    ):  # classes smaller than the number of folds are missing in some; that is said elsewhere
        warnings.simplefilter("ignore", UserWarning)
        folds = list(splitter.split(shared, strata[shared]))
    train, validation = folds[split.fold]
    parts[Part.TRAIN] = np.concatenate([shared[train], rest[alone]])
    parts[Part.VALIDATION] = shared[validation]
    return parts


def _grouped(split: GroupedSplit, groups: pd.Series, rng: np.random.Generator) -> Parts:
    # A row without a group is a group of its own: nothing says that it belongs to another.
    codes, names = pd.factorize(groups)
    lonely = codes < 0
    codes[lonely] = len(names) + np.arange(lonely.sum())
    counts = np.bincount(codes)
    if len(counts) < _FEWEST_GROUPS:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("“{column}” has {count} groups; a grouped split needs at least {fewest}."),
            hint=N_("Choose another group column, or another split."),
            column=split.group_column,
            count=len(counts),
            fewest=_FEWEST_GROUPS,
        )
    validation, test = sizes(split, len(codes))
    part_of = np.full(len(counts), Part.TRAIN, dtype=object)
    order = rng.permutation(len(counts))
    for part, size in ((Part.TEST, test), (Part.VALIDATION, validation)):
        free = [group for group in order if part_of[group] == Part.TRAIN]
        for group in _fill(free, counts, size):
            part_of[group] = part
    return {part: np.flatnonzero(part_of[codes] == part) for part in Part}


def _fill(groups: list[Any], counts: npt.NDArray[np.int64], size: int) -> list[Any]:
    """Groups, in their order, whose rows together come near `size` without going over; at least the smallest one."""
    if size == 0:
        return []
    taken: list[Any] = []
    room = size
    for group in groups:
        if counts[group] <= room:
            taken.append(group)
            room -= counts[group]
    return taken or [min(groups, key=lambda group: counts[group])]


def _by_time(split: TimeSplit, times: pd.Series) -> Parts:
    from engine.data.values import to_date, to_number

    moments = times if pd.api.types.is_numeric_dtype(times) else to_date(times)
    numbers = to_number(moments)
    if numbers.isna().all():
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("“{column}” holds no date and no number to order the rows by."),
            hint=N_("Choose another time column, or another split."),
            column=split.time_column,
        )
    order = np.argsort(numbers.fillna(-np.inf).to_numpy(), kind="stable")  # rows without a time count as the oldest
    validation, test = sizes(split, len(order))
    end = len(order) - test
    start = max(end - validation, 0)
    return {Part.TRAIN: order[:start], Part.VALIDATION: order[start:end], Part.TEST: order[end:]}


def _given(split: GivenSplit, rows: SplitInput, rng: np.random.Generator) -> Parts:
    if rows.given is None:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("The data came without parts of their own."),
            hint=N_("Choose another split, such as stratified."),
        )
    names = rows.given.fillna(Part.TRAIN.value).to_numpy()
    parts = {part: np.flatnonzero(names == part.value) for part in Part}
    strata = rows.strata()
    came_with = len(parts[Part.TRAIN])
    wanted = dict(zip((Part.VALIDATION, Part.TEST), sizes(split, came_with), strict=True))
    for part in (Part.TEST, Part.VALIDATION):
        if not len(parts[part]):
            _cut(parts, part, strata, wanted[part], rng)
    return parts


def _column(rows: SplitInput, name: str) -> pd.Series:
    if name in rows.columns:
        return rows.columns[name]
    raise EngineError(
        ErrorKind.BAD_INPUT,
        N_("The split names the column “{column}”, which is not there."),
        hint=N_("Choose another column or another split."),
        column=name,
    )


def _too_few(count: int) -> EngineError:
    return EngineError(
        ErrorKind.BAD_DATA,
        N_("{count} rows are too few for this split: a part would stay empty."),
        hint=N_("Bring more rows, ask for fewer folds, or choose a random split."),
        count=count,
    )


def share_of_train(parts: Parts, target: npt.NDArray[Any], fraction: float, seed: int) -> Parts:
    """The same parts with only a share of the train rows (each class by its share), to see what more data brings.

    The rows of a smaller share are among those of a larger one: a curve over the share shows what the rows that came
    to it brought, not what another draw did.
    """
    train = parts[Part.TRAIN]
    size = max(1, round(len(train) * fraction))
    if size >= len(train):
        return parts
    _, codes, counts = np.unique(strata_of(target)[train], return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng([seed, 1]).permutation(len(train))
    by_stratum = shuffled[np.argsort(codes[shuffled], kind="stable")]
    rank = np.arange(len(train)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Rows come in evenly from each stratum, the first of each before all others.
    due = np.where(rank == 0, -1.0, (rank + 0.5) / counts[codes[by_stratum]])
    kept = by_stratum[np.argsort(due, kind="stable")[:size]]
    return {**parts, Part.TRAIN: train[np.sort(kept)]}


def split_report(data: DataSpec) -> SplitReport:
    """The counts and the class balance of each part, and whether the parts resemble each other and leak nothing."""
    from engine.data.checks import check_parts
    from engine.data.load import load

    prepared = load(data)
    counts = {part: len(prepared.parts[part]) for part in Part}
    balance: dict[str, dict[Part, int]] = {}
    if prepared.classes:
        tallies: Mapping[Part, Any] = {
            part: np.bincount(prepared.target[prepared.parts[part]], minlength=len(prepared.classes)) for part in Part
        }
        balance = {
            name: {part: int(tallies[part][code]) for part in Part} for code, name in enumerate(prepared.classes)
        }
    return SplitReport(counts=counts, balance=balance, checks=(*prepared.warnings, *check_parts(prepared)))
