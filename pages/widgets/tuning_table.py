"""The leaderboard: the trials in the order of their scores, one of which can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.specs.search_records import TrialRecord, TrialStatus
from engine.text import N_
from pages.widgets import numbers
from pages.widgets.text import _, language
from pages.widgets.tuning_board import Board, metric_name

TRIAL = "trial"  # in the address: the number of the chosen trial
ROWS_SHOWN = 11
KEPT_FRAMES, KEPT_S = 24, 600.0
MOST_COURSES, COURSE_POINTS = 100, 60  # a thousand little curves are half a megabyte
SIGNS = {
    TrialStatus.WAITING: "◌",
    TrialStatus.RUNNING: "▶",
    TrialStatus.JUDGING: "?",
    TrialStatus.COMPLETED: "✓",
    TrialStatus.STOPPED: "■",
    TrialStatus.FAILED: "✕",
    TrialStatus.WITHDRAWN: "–",
}
ORIGINS = {"start": N_("starting point"), "hand": N_("by hand"), "earlier": N_("earlier run")}


def chosen() -> int | None:
    """The trial in the address."""
    text = str(st.query_params.get(TRIAL) or "")
    return int(text) if text.isdigit() else None


def choose(number: int | None) -> None:
    """Set the trial in the address."""
    if number is None:
        st.query_params.pop(TRIAL, None)
    else:
        st.query_params[TRIAL] = str(number)


def draw(board: Board, through: Sequence[bool], *, key: str) -> None:
    """Draw the leaderboard; a click on a row chooses its trial."""
    stays = dict(zip(board.numbers, through, strict=True))
    rows = [trial for trial in board.ranked() if stays[trial.number]]
    if not rows:
        st.info(_("No trial fits this filter."), icon=":material/filter_alt_off:")
        return
    order = [trial.number for trial in rows]
    now = chosen()
    # rows are chosen by their place: where the order changes, the table is a new one with the same trial chosen
    place = f"{key}~{hash(tuple(order))}~{now}"

    def pick() -> None:
        picked = st.session_state[place]["selection"]["rows"]
        choose(order[picked[0]] if picked else None)

    st.dataframe(
        _frame(board.stamp, hash(tuple(order)), language(), board, rows),
        key=place,
        hide_index=True,
        on_select=pick,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [order.index(now)]}} if now in order else None,
        placeholder="–",
        height=min(36 * (len(rows) + 1) + 2, 36 * ROWS_SHOWN),
        column_config=columns_of(board),
    )


@st.cache_resource(max_entries=KEPT_FRAMES, ttl=KEPT_S, show_spinner=False)
def _frame(stamp: str, order: int, language: str, _board: Board, _rows: Sequence[TrialRecord]) -> pd.DataFrame:
    """`frame_of`, made once for what it shows: the words of a thousand states take longer than all else."""
    return frame_of(_board, _rows)


def frame_of(board: Board, rows: Sequence[TrialRecord]) -> pd.DataFrame:
    """The trials as a table; cells draw no markdown, so a name shows as it is."""
    places = places_of(board)
    second = board.search.objectives[1][0] if len(board.search.objectives) > 1 else ""
    table: dict[str, list[Any]] = {
        "rank": [places.get(trial.number) for trial in rows],
        "trial": [trial.number for trial in rows],
        "state": [state_text(trial) for trial in rows],
        "score": [trial.score for trial in rows],
    }
    if any(trial.spread is not None for trial in rows):
        table["spread"] = [trial.spread for trial in rows]
    if second:
        table["second"] = [trial.objectives.get(second) for trial in rows]
    for axis in board.dimensions:
        values = [trial.values.get(axis.path) for trial in rows]
        numeric = axis.scale != "choice"
        table[axis.path] = values if numeric else [board.value_text(axis.path, value) for value in values]
    table["epochs"] = [len(trial.curve) + trial.first_curve_epoch - 1 if trial.curve else None for trial in rows]
    table["time"] = [numbers.duration(trial.seconds) if trial.seconds else "" for trial in rows]
    if len(rows) <= MOST_COURSES:
        table["course"] = [list(trial.curve[:COURSE_POINTS]) or None for trial in rows]
    return pd.DataFrame(table)


def places_of(board: Board) -> dict[int, int]:
    """Number of a trial → its place among all trials with a score: 1, 2, 3…"""
    scored = [trial.number for trial in board.ranked() if trial.score is not None]
    return {number: place + 1 for place, number in enumerate(scored)}


def state_text(trial: TrialRecord) -> str:
    """The state of a trial with its sign, and where it came from unless the algorithm proposed it."""
    text = f"{SIGNS[trial.status]} {_(trial.status.label)}"
    return f"{text} · {_(ORIGINS[trial.origin])}" if trial.origin in ORIGINS else text


def columns_of(board: Board) -> dict[str, Any]:
    """Titles, formats and widths."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns: dict[str, Any] = {
        "rank": number(_("Place"), width=60),
        "trial": number(_("Trial"), width=60),
        "state": text(_("State"), width=130),
        "score": number(metric_name(board.metric), format="%.4g", width=110),
        "spread": number("±", format="%.2g", width=60, help=_("Standard deviation over its seeds or folds.")),
        "epochs": number(_("Epochs"), width=65),
        "time": text(_("Time"), width=85),
        "course": st.column_config.LineChartColumn(_("Course"), width=90),
    }
    if len(board.search.objectives) > 1:
        columns["second"] = number(metric_name(board.search.objectives[1][0]), format="%.4g", width=110)
    for axis in board.dimensions:
        numeric = axis.scale != "choice"
        columns[axis.path] = number(axis.title, format="%.4g", width=105) if numeric else text(axis.title, width=105)
    return columns
