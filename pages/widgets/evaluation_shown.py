"""What the views of Evaluate share: the rows that they draw, and the filters by click and by keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine.specs.records import EvaluationRecord
from pages.widgets import evaluation_filter as filters
from pages.widgets.text import _, plain

THRESHOLD = "threshold"  # address
PICKER_WIDTH_PX = 320


@dataclass(frozen=True)
class Shown:
    """What the views draw.

    Args:
        record: the evaluation.
        rows: the predictions that pass the filters.
        active: the filters.
    """

    record: EvaluationRecord
    rows: pd.DataFrame
    active: Sequence[filters.Filter]

    @property
    def truth(self) -> np.ndarray:
        """Class codes or numbers."""
        return self.rows["truth"].to_numpy()

    @property
    def predicted(self) -> np.ndarray:
        """Class codes or numbers."""
        return self.rows["prediction"].to_numpy()

    @property
    def probabilities(self) -> np.ndarray:
        """`(rows, classes)`."""
        return self.rows[[f"p_{label}" for label in range(len(self.record.classes))]].to_numpy()

    def key(self, name: str) -> str:
        """A widget's key that changes with the filters, so that an old click does not come back."""
        return f"evaluate_{name}~{';'.join(map(str, self.active))}"


def number_in_address(key: str, otherwise: float) -> float:
    """A number from the address; `otherwise` where there is none."""
    try:
        value = float(st.query_params.get(key, otherwise))
    except ValueError:
        return otherwise
    if not np.isfinite(value) or value < 0:
        return otherwise
    return min(value, 1.0) if key == THRESHOLD else value


def filter_by(kind: str, points: Sequence[dict[str, object]], shown: Shown) -> None:
    """Take a click on a figure as a filter."""
    one = filters.clicked(kind, points)
    if one is not None and one not in shown.active:
        filters.add(shown.active, one)


def pick_class(shown: Shown) -> None:
    """By keyboard: a class to look at."""
    active = next((int(one.values[0]) for one in shown.active if one.kind == filters.CLASS), None)
    picked = st.selectbox(
        _("Show one class only"),
        list(range(len(shown.record.classes))),
        index=active,
        format_func=lambda label: plain(shown.record.classes[label]),
        placeholder=_("All classes"),
        key=shown.key("class"),
        width=PICKER_WIDTH_PX,
    )
    if picked is not None and picked != active:
        filters.add(shown.active, filters.Filter(filters.CLASS, (float(picked),)))


def pick_one(found: Mapping[filters.Filter, int], kind: str, label: str, everything: str, shown: Shown) -> None:
    """What a click on a figure does, by keyboard: a list of its cells or bars.

    Args:
        found: the conditions that can be chosen → the rows behind each.
        kind: of these conditions.
        label: of the list, translated.
        everything: what it says where none is chosen, translated.
        shown: what the view draws.
    """
    active = next((one for one in shown.active if one.kind == kind), None)
    choices = list(found)
    picked = st.selectbox(
        label,
        choices,
        index=choices.index(active) if active in choices else None,
        format_func=lambda one: f"{filters.describe(one, shown.record)} ({found[one]:,})",
        placeholder=everything,
        key=shown.key(f"pick_{kind}"),
        width=PICKER_WIDTH_PX,
    )
    if picked is not None and picked != active:
        filters.add(shown.active, picked)


def bars_of(figure: go.Figure, kind: str) -> dict[filters.Filter, int]:
    """The bars of a figure that hold rows, as conditions."""
    found: dict[filters.Filter, int] = {}
    for trace in figure.data:
        if trace.type == "bar" and trace.customdata is not None:
            for ends, rows in zip(trace.customdata, trace.y, strict=True):
                if rows:
                    one = filters.Filter(kind, (float(ends[0]), float(ends[1])))
                    found[one] = found.get(one, 0) + int(rows)
    return dict(sorted(found.items(), key=lambda pair: pair[0].values))
