"""Checks of a split: do the parts resemble each other, and does nothing leak from one into another or from the answer.

Two samples are compared by Kolmogorov and Smirnov's test (numbers) and by chi-square (categories). With many rows
any difference is significant, so one counts only where it is large as well. No model is trained but for the leak check,
which asks of each column alone whether a small tree on it gives the answer away.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from engine.data.association import as_codes, cramers_v, crosstab
from engine.data.duplicates import across, exact_groups, example_keys, near_image_groups, near_text_groups, sketches_of
from engine.specs.records import CheckRecord
from engine.specs.split import GroupedSplit, TimeSplit
from engine.specs.task import ColumnKind, Modality, Part
from engine.store.datasets import FILES, PART_COLUMN, get_dataset, read_table
from engine.store.home import dataset_dir
from engine.text import N_

if TYPE_CHECKING:
    from engine.data.load import Prepared

SIGNIFICANT = 0.001  # of all comparisons together (Bonferroni)
LARGE_DISTANCE = 0.1  # Kolmogorov-Smirnov distance below which a difference does not matter
LARGE_V = 0.1  # Cramér's V, likewise
GIVEN_AWAY_ACCURACY = 0.99  # balanced accuracy of one column alone from which it is suspect
GIVEN_AWAY_R2 = 0.999
MANY_REPEATED = 0.01  # share of the held-out rows that may stand in train too; coarse tables repeat by nature
FEW_ROWS = 30  # below this a part says little
_MOST_ROWS = 20_000  # looked at in the costly checks
_MOST_IMAGE_FILES = 4_000
_MOST_COLUMNS = 200
_NAMES_SHOWN = 5
_GROUP_NAME = re.compile(
    r"(^|[_\W])(id|patient|subject|person|user|customer|client|speaker|session|group|household|family|site)($|[_\W])"
    r"|[a-z]I[dD]$|编号|患者|病人|用户|客户|组",
    re.IGNORECASE,
)


def check_parts(prepared: "Prepared") -> tuple[CheckRecord, ...]:
    """All checks of a division, the weightier ones first."""
    checks = [_leak(prepared), _exact(prepared), _near(prepared), _groups(prepared)]
    checks += [_target(prepared), _columns(prepared), _sizes(prepared), _time(prepared)]
    return tuple(check for check in checks if check is not None)


def _pairs(prepared: "Prepared") -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Train beside each other part that has rows."""
    for part in (Part.VALIDATION, Part.TEST):
        if len(prepared.parts[part]):
            yield prepared.parts[Part.TRAIN], prepared.parts[part]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > _NAMES_SHOWN else "")


# ---- do the parts resemble each other -------------------------------------------------------------------------------
def differ(left: pd.Series, right: pd.Series, kind: ColumnKind, comparisons: int = 1) -> bool:
    """Whether two samples of a column come from clearly different populations."""
    if kind is ColumnKind.NUMBER:
        a, b = left.dropna().to_numpy(np.float64), right.dropna().to_numpy(np.float64)
        if min(len(a), len(b)) < 2:
            return False
        found = stats.ks_2samp(a, b, method="asymp")
        return bool(found.pvalue < SIGNIFICANT / comparisons and found.statistic > LARGE_DISTANCE)
    codes = as_codes(pd.concat([left, right], ignore_index=True), ColumnKind.CATEGORY)
    table = crosstab(np.repeat([0, 1], [len(left), len(right)]), codes)
    table = table[:, table.sum(axis=0) >= 5]  # the usual rule: chi-square needs some of each
    if min(table.shape) < 2 or not table.sum(axis=1).all():
        return False
    found = stats.chi2_contingency(table)
    return bool(found.pvalue < SIGNIFICANT / comparisons and cramers_v(table) > LARGE_V)


def _target(prepared: "Prepared") -> CheckRecord:
    kind = ColumnKind.CATEGORY if prepared.classes else ColumnKind.NUMBER
    target = pd.Series(prepared.target)
    apart = any(differ(target.iloc[train], target.iloc[other], kind, 2) for train, other in _pairs(prepared))
    message = N_("The target is distributed alike in all parts.")
    if apart:
        message = N_("The target is distributed differently in the parts. A stratified split would keep it alike.")
    return CheckRecord(name="target_resemblance", ok=not apart, message=message)


def _columns(prepared: "Prepared") -> CheckRecord | None:
    looked_at = _described(prepared)
    if looked_at is None:
        return None
    comparisons = 2 * len(looked_at)
    apart = [
        name
        for name, (values, kind) in looked_at.items()
        if any(differ(values.iloc[a], values.iloc[b], kind, comparisons) for a, b in _pairs(prepared))
    ]
    if not apart:
        return CheckRecord(
            name="column_resemblance", ok=True, message=N_("The inputs are distributed alike in all parts.")
        )
    return CheckRecord(
        name="column_resemblance",
        ok=False,
        message=N_("{count} inputs are distributed differently in the parts ({names}): results may not carry over."),
        values={"count": len(apart), "names": _listed(apart)},
    )


def _described(prepared: "Prepared") -> dict[str, tuple[pd.Series, ColumnKind]] | None:
    """The inputs of a table; of texts their length."""
    frame = prepared.frame
    modality = prepared.spec.task.modality
    if modality is Modality.TABLE:
        return {name: (frame[name], kind) for name, kind in list(prepared.columns.items())[:_MOST_COLUMNS]}
    if modality is Modality.TEXT:
        return {"length": (frame.iloc[:, 0].str.len().fillna(0).astype("float64"), ColumnKind.NUMBER)}
    return None


def _sizes(prepared: "Prepared") -> CheckRecord | None:
    counts = {part: len(prepared.parts[part]) for part in (Part.VALIDATION, Part.TEST)}
    small = {part: count for part, count in counts.items() if 0 < count < FEW_ROWS}
    if small:
        count = min(small.values())
        return CheckRecord(
            name="part_sizes",
            ok=False,
            message=N_("A part has {count} rows only: its figures will jump with every other split seed."),
            values={"count": count},
        )
    lacking = sorted({prepared.classes[code] for _, other in _pairs(prepared) for code in _absent(prepared, other)})
    if lacking:
        return CheckRecord(
            name="part_sizes",
            ok=False,
            message=N_("{count} classes are missing from validation or test ({names}): nothing will be known of them."),
            values={"count": len(lacking), "names": _listed(lacking)},
        )
    return None


def _absent(prepared: "Prepared", positions: npt.NDArray[Any]) -> list[int]:
    seen = np.bincount(prepared.target[positions], minlength=len(prepared.classes)) if prepared.classes else np.ones(0)
    return [int(code) for code in np.flatnonzero(seen == 0)]


# ---- does anything leak ---------------------------------------------------------------------------------------------
def _leak(prepared: "Prepared") -> CheckRecord | None:
    if prepared.spec.task.modality is not Modality.TABLE:
        return None
    found = [name for name in list(prepared.columns)[:_MOST_COLUMNS] if _gives_away(prepared, name)]
    if not found:
        return CheckRecord(name="target_leak", ok=True, message=N_("No single input gives the answer away."))
    return CheckRecord(
        name="target_leak",
        ok=False,
        message=N_("{names} alone predicts the target nearly perfectly. Would it be known before the answer is?"),
        values={"names": _listed(found)},
    )


def _gives_away(prepared: "Prepared", name: str) -> bool:
    """Whether a small tree on one column, grown on train, is right nearly everywhere on validation."""
    from sklearn.metrics import balanced_accuracy_score, r2_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    train, other = prepared.parts[Part.TRAIN][:_MOST_ROWS], prepared.parts[Part.VALIDATION][:_MOST_ROWS]
    values, kind = prepared.frame[name], prepared.columns[name]
    inputs = values.to_numpy(np.float64) if kind is ColumnKind.NUMBER else as_codes(values, kind).astype(np.float64)
    column = inputs[:, None]
    classes = bool(prepared.classes)
    if len(other) < 10 or (classes and len(np.unique(prepared.target[other])) < 2):
        return False
    tree: Any = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(max_leaf_nodes=64, random_state=0)
    tree.fit(column[train], prepared.target[train])
    answers, truth = tree.predict(column[other]), prepared.target[other]
    if classes:
        known = np.isin(answers, truth)  # a class that only train has would make the measure undefined
        return bool(known.all() and balanced_accuracy_score(truth, answers) >= GIVEN_AWAY_ACCURACY)
    return bool(r2_score(truth, answers) >= GIVEN_AWAY_R2)


def _part_of(prepared: "Prepared") -> npt.NDArray[Any]:
    """`(rows,)` the part of each row, None for rows in none."""
    part_of = np.full(len(prepared.frame), None, dtype=object)
    for part, positions in prepared.parts.items():
        part_of[positions] = part
    return part_of


def _held_out(groups: list[npt.NDArray[np.int64]], part_of: npt.NDArray[Any]) -> int:
    """Rows of validation and test that stand in train too."""
    return sum(int((part_of[group] != Part.TRAIN).sum()) for group in groups if (part_of[group] == Part.TRAIN).any())


def _exact(prepared: "Prepared") -> CheckRecord:
    part_of = _part_of(prepared)
    if prepared.spec.task.modality is Modality.IMAGE:
        positions = _looked_at(prepared)
        frame = prepared.frame.iloc[positions]
        keys = example_keys(frame, ["image"], {"image": ColumnKind.IMAGE}, prepared.spec.dataset)
        part_of = part_of[positions]
    else:
        keys = example_keys(prepared.frame, list(prepared.frame.columns), prepared.columns)
    repeated = _held_out(across(exact_groups(keys), part_of), part_of)
    share = repeated / max(int(sum(part not in (None, Part.TRAIN) for part in part_of)), 1)
    limit = MANY_REPEATED if prepared.spec.task.modality is Modality.TABLE else 0.0
    return CheckRecord(
        name="exact_duplicates",
        ok=share <= limit,
        message=N_("No held-out example stands in train as well.")
        if not repeated
        else N_("{count} held-out examples ({share}) stand in train as well. “Remove duplicates” leaves one of each."),
        values={"count": repeated, "share": f"{share:.1%}"} if repeated else {},
    )


def _looked_at(prepared: "Prepared") -> npt.NDArray[np.int64]:
    """Positions of the rows that costly checks compare, evenly over all."""
    files = prepared.spec.task.modality is Modality.IMAGE and (dataset_dir(prepared.spec.dataset) / FILES).is_dir()
    most = _MOST_IMAGE_FILES if files else _MOST_ROWS
    count = len(prepared.frame)
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def _near(prepared: "Prepared") -> CheckRecord | None:
    modality = prepared.spec.task.modality
    if modality is Modality.TABLE:
        return None
    positions = _looked_at(prepared)
    if modality is Modality.TEXT:
        groups = near_text_groups(prepared.texts(positions))
    else:
        groups = near_image_groups(sketches_of(prepared.spec.dataset, prepared.frame["image"].iloc[positions].tolist()))
    part_of = _part_of(prepared)[positions]
    repeated = _held_out(across(groups, part_of), part_of)
    share = repeated / max(int(sum(part not in (None, Part.TRAIN) for part in part_of)), 1)
    return CheckRecord(
        name="near_duplicates",
        ok=share <= MANY_REPEATED,
        message=N_("No held-out example is nearly the same as one of train.")
        if not repeated
        else N_("{count} of the held-out examples looked at ({share}) are nearly the same as one of train."),
        values={"count": repeated, "share": f"{share:.1%}"} if repeated else {},
    )


def _groups(prepared: "Prepared") -> CheckRecord | None:
    """Hint at a column such as `patient_id` whose values stand in several parts."""
    if isinstance(prepared.spec.split, GroupedSplit | TimeSplit) or prepared.spec.task.modality is Modality.IMAGE:
        return None
    names = [
        column.name
        for column in get_dataset(prepared.spec.dataset).columns
        if _GROUP_NAME.search(column.name) and column.name not in (prepared.spec.target, PART_COLUMN)
    ]
    part_of = _part_of(prepared)
    for name in names:
        values = read_table(prepared.spec.dataset, [name])[name].iloc[prepared.frame.index]
        distinct = values.nunique()
        if not 20 <= distinct <= len(values) / 2:  # neither a few kinds of something nor unique to each row
            continue
        groups = exact_groups(pd.util.hash_pandas_object(values, index=False).to_numpy().astype(np.uint64))
        shared = len(across(groups, part_of))
        if shared:
            return CheckRecord(
                name="groups",
                ok=False,
                message=N_(
                    "Rows with the same “{column}” stand in several parts. If they belong together, split by it."
                ),
                values={"column": name, "shared": shared},
            )
    return None


def _time(prepared: "Prepared") -> CheckRecord | None:
    split = prepared.spec.split
    dates = [c.name for c in get_dataset(prepared.spec.dataset).columns if c.kind is ColumnKind.DATE]
    if isinstance(split, TimeSplit) or not dates:
        return None
    return CheckRecord(
        name="time",
        ok=True,
        message=N_("The parts mix old and new rows. To predict what comes later, split by time (“{column}”)."),
        values={"column": dates[0]},
    )
