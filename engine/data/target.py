"""The column to be predicted: class codes in natural order, or numbers; and why it may not do."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.cleaning import Rows
from engine.data.values import natural_key, to_number, to_text
from engine.errors import EngineError, ErrorKind
from engine.specs.records import CheckRecord
from engine.specs.task import Task
from engine.store.datasets import PART_COLUMN
from engine.text import N_

_FEWEST_ROWS = 10  # below this no part says anything
_NAMES_SHOWN = 5


def drop_unlabelled(rows: Rows, task: Task) -> tuple[Rows, int]:
    """The rows that have a target, and how many have none.

    Raises:
        EngineError: BAD_INPUT where the target is not a column; BAD_DATA where no row or too few have a value in it.
    """
    if rows.target not in rows.frame.columns:
        names = [name for name in rows.frame.columns if name != PART_COLUMN]
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("The target “{target}” is not a column of the data."),
            hint=N_("Choose one of: {columns}."),
            target=rows.target,
            columns=", ".join(names[:12]) + (" …" if len(names) > 12 else ""),
        )
    values = rows.frame[rows.target]
    known = to_text(values).str.strip().fillna("") != "" if task.is_classification else values.notna()
    labelled = rows.keep(known)
    dropped = len(rows.frame) - len(labelled.frame)
    if len(labelled.frame) == 0:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("No row has a value in the target “{target}”."),
            hint=N_("Choose another target, or bring labelled data."),
            target=rows.target,
        )
    if len(labelled.frame) < _FEWEST_ROWS:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("Only {count} rows have a value in the target “{target}”; at least {fewest} are needed."),
            hint=N_("Bring more rows, or loosen the cleaning steps that drop rows."),
            count=len(labelled.frame),
            target=rows.target,
            fewest=_FEWEST_ROWS,
        )
    return labelled, dropped


def read_target(rows: Rows, task: Task) -> tuple[npt.NDArray[Any], tuple[str, ...], list[CheckRecord]]:
    """Codes and classes, or numbers, of labelled rows; with remarks.

    Raises:
        EngineError: BAD_DATA where there is one class only, each row is its own class, or text stands among numbers.
    """
    values = rows.frame[rows.target]
    if not task.is_classification:
        return _numbers(values, rows.target), (), []
    texts = to_text(values).str.strip()
    counts = texts.value_counts()
    classes = tuple(sorted((str(name) for name in counts.index), key=natural_key))
    if len(classes) < 2:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("The target “{target}” has one class only (“{name}”): there is nothing to tell apart."),
            hint=N_("Choose another target, or bring examples of a second class."),
            target=rows.target,
            name=classes[0],
        )
    alone = sorted((str(name) for name, count in counts.items() if count == 1), key=natural_key)
    if len(alone) == len(classes):
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("Each of the {count} values of the target “{target}” stands in one row only."),
            hint=N_("Choose another target; if it is a number, choose regression."),
            count=len(classes),
            target=rows.target,
        )
    return class_codes(values, classes), classes, [_single_examples(alone)] if alone else []


def class_codes(values: pd.Series, classes: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """`(rows,)` position of each label in `classes`; -1 where it is missing or none of them."""
    code_of = {name: code for code, name in enumerate(classes)}
    return to_text(values).str.strip().map(code_of).fillna(-1).to_numpy().astype(np.int32)


def _single_examples(names: list[str]) -> CheckRecord:
    return CheckRecord(
        name="single_examples",
        ok=False,
        message=N_("{count} classes have a single example, which goes to train ({names}). Merge, drop or add to them."),
        values={"count": len(names), "names": ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > 5 else "")},
    )


def _numbers(values: pd.Series, target: str) -> npt.NDArray[np.float64]:
    numbers = to_number(values)
    bad = values[numbers.isna()]
    if len(bad):
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("The target “{target}” should hold numbers, but {count} rows hold something else, such as “{example}”."),
            hint=N_("Set its type to number to leave those rows out, or choose classification."),
            target=target,
            count=len(bad),
            example=str(bad.iloc[0])[:60],
        )
    if numbers.nunique() < 2:
        raise EngineError(
            ErrorKind.BAD_DATA,
            N_("Every row has the same value in the target “{target}”: there is nothing to predict."),
            hint=N_("Choose another target."),
            target=target,
        )
    return numbers.to_numpy()
