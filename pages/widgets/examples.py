"""Best, worst and random validation examples beside the curves, as the pictures, rows or texts they are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine import api
from engine.specs import Modality
from engine.specs.records import ExampleRecord, RunRecord
from pages.widgets import layout, numbers
from pages.widgets.text import _, plain, say, say_raw, shorten

SHOWN = 6  # of each group
THUMBNAIL_PX = 96
VALUES = 5  # columns of a row that are shown at once


def draw_examples(run: RunRecord, examples: Sequence[ExampleRecord], *, key: str) -> None:
    """Three tabs of examples with truth and prediction; a sentence while there are none yet."""
    layout.section(_("Validation examples"), _("Predictions of the newest weights, from before the first step on."))
    if not examples:
        st.caption(_("They appear as soon as the model is built."))
        return
    groups = {"worst": _("Worst"), "best": _("Best"), "random": _("Random")}
    for group, place in layout.open_tabs(groups, key=f"{key}_tabs"):
        chosen = [example for example in examples if example.group == group][:SHOWN]
        with place, st.container(key=f"{key}_{group}"):
            if run.spec.data.task.modality is Modality.IMAGE:
                _images(run, chosen)
            elif run.spec.data.task.modality is Modality.TEXT:
                _texts(chosen)
            else:
                _rows(chosen)


def verdict(example: ExampleRecord) -> str:
    """Truth and prediction in one line, with a sign for right and wrong."""
    probability = "" if example.probability is None else f" ({numbers.percent(example.probability, 0)})"
    if example.probability is None:  # a number: there is no right and wrong, only a distance
        prediction, truth = answer(example, example.prediction), answer(example, example.truth)
        return say("{prediction} for {truth}", prediction=prediction, truth=truth)
    if example.truth == example.prediction:
        return f":green[:material/check:] {plain(example.truth)}{probability}"
    text = say("{prediction}, is {truth}", prediction=example.prediction, truth=example.truth)
    return f":red[:material/close:] {text}{probability}"


def answer(example: ExampleRecord, text: str) -> str:
    """A number with the digits that people can use; the name of a class as it is."""
    return text if example.probability is not None else numbers.figure(float(text))


def _images(run: RunRecord, chosen: Sequence[ExampleRecord]) -> None:
    pictures = _thumbnails(run.spec.data.dataset, tuple(example.row for example in chosen))
    for start in range(0, len(chosen), 3):
        for column, index in zip(st.columns(3), range(start, min(start + 3, len(chosen))), strict=False):
            with column:
                st.image(pictures[index], width=THUMBNAIL_PX, alt=say_raw("Row {row}", row=chosen[index].row))
                st.caption(verdict(chosen[index]))


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _thumbnails(dataset_id: str, rows: tuple[int, ...]) -> list[bytes]:
    return api.images(dataset_id, rows, size_px=THUMBNAIL_PX)


def _texts(chosen: Sequence[ExampleRecord]) -> None:
    for example in chosen:
        with st.container(border=True, gap="xxsmall"):
            st.caption(verdict(example))
            st.text(shorten(example.text, 280))


def _rows(chosen: Sequence[ExampleRecord]) -> None:
    rows = [
        {
            _("Truth"): answer(example, example.truth),
            _("Prediction"): answer(example, example.prediction),
            **({} if example.probability is None else {_("Sure"): numbers.percent(example.probability, 0)}),
            **dict(list(example.values.items())[:VALUES]),
        }
        for example in chosen
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
