"""The worst errors as the pictures, texts or rows they are, and the predictions as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from engine import api
from engine.specs import Modality
from engine.specs.records import EvaluationRecord, RunRecord
from pages.widgets import layout, numbers
from pages.widgets.evaluation_filter import confidence
from pages.widgets.text import _, plain, say, say_raw, shorten

SHOWN = 12
PICTURES_A_ROW = 6
THUMBNAIL_PX = 128
COLUMNS = 8  # of a row of a table
TEXT_LENGTH = 500
ROW_PX = 34
NAMES_CACHED = 20_000


def draw(run: RunRecord, record: EvaluationRecord, rows: pd.DataFrame, dataset_id: str) -> None:
    """The rows with the largest loss, worst first."""
    layout.section(_("Worst errors"), _("The examples that cost most: sure and wrong, or far from the truth."))
    if rows.empty:
        st.caption(_("No example passes the filters."))
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    order = left.segmented_control(
        _("Order"),
        ["worst", "best"],
        default="worst",
        required=True,
        key="evaluate_order",
        format_func=lambda name: {"worst": _("Worst first"), "best": _("Best first")}[name],
        label_visibility="collapsed",
    )
    pages = -(-len(rows) // SHOWN)
    page = right.number_input(_("Page"), 1, pages, 1, key=f"evaluate_page~{len(rows)}") if pages > 1 else 1
    ordered = rows.sort_values("loss", ascending=order == "best", kind="stable")
    chosen = examples_of(record, ordered.iloc[(int(page) - 1) * SHOWN : int(page) * SHOWN])
    modality = record.task.modality
    if modality is Modality.IMAGE:
        _pictures(record, chosen, dataset_id)
    elif modality is Modality.TEXT:
        _texts(run, record, chosen, dataset_id)
    else:
        _table(run, record, chosen, dataset_id)


@dataclass(frozen=True)
class Example:
    """One row of predictions; `sure` is the probability of the predicted class."""

    row: int
    truth: float
    prediction: float
    sure: float | None


def examples_of(record: EvaluationRecord, rows: pd.DataFrame) -> list[Example]:
    """Rows of predictions, one by one."""
    columns = (rows[name].to_numpy() for name in ("row", "truth", "prediction"))
    sure = confidence(rows, len(record.classes)) if record.classes else [None] * len(rows)
    return [
        Example(int(row), float(truth), float(prediction), None if chance is None else float(chance))
        for row, truth, prediction, chance in zip(*columns, sure, strict=True)
    ]


def verdict(record: EvaluationRecord, example: Example) -> str:
    """Truth and prediction in one line, with a sign for right and wrong; safe in markdown."""
    truth, prediction = example.truth, example.prediction
    if not record.classes:
        return say("{prediction}, is {truth}", prediction=numbers.figure(prediction), truth=numbers.figure(truth))
    true, said = record.classes[int(truth)], record.classes[int(prediction)]
    chance = f" ({numbers.percent(example.sure, 0)})"
    if int(truth) == int(prediction):
        return f":green[:material/check:] {plain(true)}{chance}"
    return f":red[:material/close:] {say('{prediction}, is {truth}', prediction=said, truth=true)}{chance}"


def download(record: EvaluationRecord, rows: pd.DataFrame, name: str) -> None:
    """The shown predictions as CSV, written when the button is pressed."""
    st.download_button(
        _("Predictions as CSV"),
        lambda: as_csv(record, rows),
        file_name=name,
        mime="text/csv",
        icon=":material/download:",
        key="evaluate_download",
    )


def as_csv(record: EvaluationRecord, rows: pd.DataFrame) -> bytes:
    """Rows with class names instead of codes; with a byte order mark, so that Excel reads Chinese."""
    table = rows.copy()
    if record.classes:
        names = dict(enumerate(record.classes))
        table["truth"], table["prediction"] = table["truth"].map(names), table["prediction"].map(names)
        table = table.rename(columns={f"p_{label}": f"p_{name}" for label, name in names.items()})
    text: str = table.to_csv(index=False)
    return text.encode("utf-8-sig")


def _pictures(record: EvaluationRecord, chosen: Sequence[Example], dataset_id: str) -> None:
    pictures = _thumbnails(dataset_id, tuple(example.row for example in chosen))
    for start in range(0, len(chosen), PICTURES_A_ROW):
        places = range(start, min(start + PICTURES_A_ROW, len(chosen)))
        for column, place in zip(st.columns(PICTURES_A_ROW), places, strict=False):
            with column:
                st.image(pictures[place], width=THUMBNAIL_PX, alt=say_raw("Row {row}", row=chosen[place].row))
                st.caption(verdict(record, chosen[place]))


def _texts(run: RunRecord, record: EvaluationRecord, chosen: Sequence[Example], dataset_id: str) -> None:
    for example in chosen:
        values = _values(dataset_id, example.row)
        text = "\n".join(values[name] for name in _input_names(run, values))
        with st.container(border=True, gap="xxsmall"):
            st.caption(f"{verdict(record, example)} · {say('row {row}', row=example.row)}")
            st.text(shorten(text, TEXT_LENGTH))


def _table(run: RunRecord, record: EvaluationRecord, chosen: Sequence[Example], dataset_id: str) -> None:
    table = []
    for example in chosen:
        values = _values(dataset_id, example.row)
        inputs = {name: values[name] for name in _input_names(run, values)[:COLUMNS]}
        table.append({_("Row"): example.row, **_answer(record, example), **inputs})
    height = ROW_PX * (len(table) + 1) + 3  # all of them: a table that scrolls inside a page hides its last rows
    st.dataframe(pd.DataFrame(table), hide_index=True, key="evaluate_worst", row_height=ROW_PX, height=height)


def _answer(record: EvaluationRecord, example: Example) -> dict[str, str]:
    if not record.classes:
        error = example.prediction - example.truth
        return {
            _("True"): numbers.figure(example.truth),
            _("Predicted"): numbers.figure(example.prediction),
            _("Error"): f"{'+' if error > 0 else ''}{numbers.figure(error)}",
        }
    return {
        _("True"): record.classes[int(example.truth)],
        _("Predicted"): record.classes[int(example.prediction)],
        _("Sure"): numbers.percent(example.sure, 0),
    }


def _input_names(run: RunRecord, values: dict[str, str]) -> Sequence[str]:
    """The columns that the model was shown, as far as they are in the data; else all but the answer."""
    data = run.spec.data
    named = [name for name in data.inputs if name in values]
    return named or [name for name in values if name != data.target and not name.startswith("__")]


@st.cache_data(max_entries=NAMES_CACHED, ttl=3600, show_spinner=False)
def _values(dataset_id: str, row: int) -> dict[str, str]:
    """One row as it was imported."""
    frame = api.rows(dataset_id, offset=row, limit=1)
    return {str(name): _cell(frame[name].iloc[0]) for name in frame.columns}


def _cell(value: object) -> str:
    """A value as a cell shows it: nothing where it is missing, whole numbers without a point."""
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def _thumbnails(dataset_id: str, rows: tuple[int, ...]) -> list[bytes]:
    return api.images(dataset_id, rows, size_px=THUMBNAIL_PX)
