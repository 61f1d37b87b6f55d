"""Which examples every view of Evaluate shows: what was clicked, kept in the address and drawn as chips.

`filter=cell:3,5;sure:0.9,0.95` means: examples of class 3 taken for class 5, with a confidence of 0.9 to 0.95.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.specs.records import EvaluationRecord
from pages.widgets import numbers
from pages.widgets.text import _, say

ADDRESS_KEY = "filter"
CELL, CLASS, SURE, PROMISED, RESIDUAL = "cell", "class", "sure", "promised", "residual"
CLASSIFYING = (CELL, CLASS, SURE, PROMISED)


@dataclass(frozen=True)
class Filter:
    """One condition: a cell of the matrix, a class, or a stretch of a bar."""

    kind: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.kind}:{','.join(_exact(value) for value in self.values)}"


def _exact(value: float) -> str:
    """The shortest text that reads back as the same number: the largest residual must stay inside of its own bar."""
    return str(int(value)) if value == int(value) else repr(float(value))


def read(record: EvaluationRecord) -> list[Filter]:
    """The conditions in the address; what does not fit this evaluation is passed over."""
    found = []
    for text in str(st.query_params.get(ADDRESS_KEY, "")).split(";"):
        kind, _colon, rest = text.partition(":")
        try:
            one = Filter(kind, tuple(float(value) for value in rest.split(",")))
        except ValueError:
            continue
        if _fits(one, record):
            found.append(one)
    return found


def write(filters: Sequence[Filter]) -> None:
    """Put conditions into the address."""
    if filters:
        st.query_params[ADDRESS_KEY] = ";".join(str(one) for one in filters)
    else:
        st.query_params.pop(ADDRESS_KEY, None)


def add(filters: Sequence[Filter], one: Filter) -> None:
    """Take a condition into the address, in place of one of the same kind, and draw the page again."""
    write([*(other for other in filters if other.kind != one.kind), one])
    st.rerun()


def apply(rows: pd.DataFrame, filters: Sequence[Filter], record: EvaluationRecord) -> pd.DataFrame:
    """The rows for which all conditions hold."""
    keep = np.ones(len(rows), dtype=bool)
    for one in filters:
        keep &= _CONDITIONS[one.kind](rows, one.values, len(record.classes))
    return rows[keep]


def clicked(kind: str, points: Sequence[Mapping[str, Any]]) -> Filter | None:
    """The condition behind a click on a figure; None where nothing with a meaning was clicked."""
    for point in points:
        data = point.get("customdata")
        if isinstance(data, list | tuple) and len(data) == 2:
            return Filter(kind, (float(data[0]), float(data[1])))
    return None


def chips(filters: Sequence[Filter], record: EvaluationRecord, *, shown: int, total: int) -> None:
    """What is filtered, each with a button that takes it away."""
    if not filters:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="evaluate_chips"):
        st.markdown(
            f":material/filter_alt: {say('{shown} of {total} examples', shown=f'{shown:,}', total=f'{total:,}')}",
            width="content",
        )
        for one in filters:
            label = say("Filter: {what} ×", what=describe(one, record))
            if st.button(label, key=f"evaluate_chip_{one.kind}", help=_("Take this filter away")):
                write([other for other in filters if other != one])
                st.rerun()
        if len(filters) > 1 and st.button(_("Clear all"), key="evaluate_chips_clear", type="tertiary"):
            write([])
            st.rerun()


def describe(one: Filter, record: EvaluationRecord) -> str:
    """A condition in words; class names as they are, not yet safe in markdown."""
    if one.kind == CELL:
        true, said = (record.classes[int(value)] for value in one.values)
        return (
            _("{true} taken for {said}").format(true=true, said=said)
            if true != said
            else _("{true}, right").format(true=true)
        )
    if one.kind == CLASS:
        return _("class {name}").format(name=record.classes[int(one.values[0])])
    low, high = one.values
    if one.kind == RESIDUAL:
        return _("residual {low} to {high}").format(low=numbers.figure(low), high=numbers.figure(high))
    stretch = f"{100 * low:.0f} – {100 * high:.0f} %"
    if one.kind == SURE:
        return _("confidence {stretch}").format(stretch=stretch)
    return _("promised {stretch}").format(stretch=stretch)


def confidence(rows: pd.DataFrame, classes: int) -> np.ndarray:
    """The probability of the predicted class."""
    return rows[[f"p_{label}" for label in range(classes)]].to_numpy().max(axis=1)


def promised(rows: pd.DataFrame, classes: int) -> np.ndarray:
    """What the calibration curve looks at: of two classes the second one's probability, else the confidence."""
    return rows["p_1"].to_numpy() if classes == 2 else confidence(rows, classes)


def _between(values: np.ndarray, ends: Sequence[float]) -> np.ndarray:
    """Both ends count: a bar's last value must not be lost."""
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _residuals(rows: pd.DataFrame) -> np.ndarray:
    return (rows["truth"] - rows["prediction"]).to_numpy()


_CONDITIONS: dict[str, Callable[[pd.DataFrame, tuple[float, ...], int], np.ndarray]] = {
    CELL: lambda rows, values, _k: ((rows["truth"] == values[0]) & (rows["prediction"] == values[1])).to_numpy(),
    CLASS: lambda rows, values, _k: (rows["truth"] == values[0]).to_numpy(),
    SURE: lambda rows, values, k: _between(confidence(rows, k), values),
    PROMISED: lambda rows, values, k: _between(promised(rows, k), values),
    RESIDUAL: lambda rows, values, _k: _between(_residuals(rows), values),
}


def _fits(one: Filter, record: EvaluationRecord) -> bool:
    if one.kind not in _CONDITIONS or not all(np.isfinite(one.values)):
        return False
    if (one.kind in CLASSIFYING) != bool(record.classes) or len(one.values) != (1 if one.kind == CLASS else 2):
        return False
    codes = one.values if one.kind in (CELL, CLASS) else ()
    return all(value == int(value) and 0 <= value < len(record.classes) for value in codes)
