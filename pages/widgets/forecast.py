"""How a run at work will end, in a sentence and as a curve drawn on; the same predictor gives the time left."""

from __future__ import annotations

import math
import time

import streamlit as st

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.figures.prediction import run_forecast
from engine.specs import RunStatus
from engine.specs.prediction import Band, Forecast
from engine.specs.records import RunRecord
from pages.widgets import layout
from pages.widgets.charts import live_chart
from pages.widgets.text import _, say

ASK_S = 0.15  # a live screen is drawn every second; an answer that is late comes with the next drawing
KEPT = "forecast_kept"


def ask(run: RunRecord) -> Forecast | None:
    """The newest forecast of a run at work; that of an earlier epoch while a new one is worked out; None: none yet."""
    if run.status is not RunStatus.RUNNING:
        return None
    kept: Forecast | None = st.session_state.get(KEPT)
    if kept is not None and kept.run_id != run.id:
        kept = None
    try:
        kept = api.forecast(run.id, timeout_s=ASK_S)
    except EngineError as error:
        if error.kind is not ErrorKind.UNAVAILABLE:
            raise
    st.session_state[KEPT] = kept
    return kept


def with_time_left(run: RunRecord, forecast: Forecast | None) -> RunRecord:
    """The run with the time left by the predictor, which knows of patience; as it is where nothing is foretold."""
    if forecast is None or forecast.seconds_left is None or run.seconds_left is None:
        return run
    left = max(forecast.seconds_left.value - (time.time() - forecast.made_at), 0.0)
    return run.model_copy(update={"seconds_left": min(left, run.seconds_left) if left > 0 else run.seconds_left})


def sentence(forecast: Forecast) -> str:
    """`Accuracy · Validation will end near 0.913 (90 %: 0.905 to 0.921).`, or why nothing can be said."""
    if forecast.end is None or forecast.last_epoch is None:
        return say(forecast.notice["message"], **forecast.notice.get("values", {})) if forecast.notice else ""
    band, last = forecast.end, round(forecast.last_epoch.value)
    words = {
        "metric": layout.metric_title_raw(forecast.metric),
        "value": figure_of(forecast, band.value),
        "low": figure_of(forecast, band.low),
        "high": figure_of(forecast, band.high),
    }
    text = say("{metric} will end near {value} (90 %: {low} to {high}).", **words)
    if forecast.last_epoch.high < forecast.planned_epochs - 0.5:  # nineteen in twenty
        text += " " + say(
            "Early stopping is likely after epoch {epoch} ({range}).", epoch=last, range=_epochs(forecast.last_epoch)
        )
    return text


def figure_of(forecast: Forecast, value: float) -> str:
    """With the decimals that the interval is worth: `0.913`, `47,600`."""
    width = forecast.end.high - forecast.end.low if forecast.end is not None else 0.0
    decimals = 1 - math.floor(math.log10(width)) if width > 0 else 4 - len(str(int(abs(value))))
    return f"{value:,.{min(max(decimals, 0), 6)}f}"


def draw(forecast: Forecast | None, *, key: str) -> None:
    """The sentence, and on request the curve drawn on."""
    if forecast is None or forecast.over:
        return
    text = sentence(forecast)
    if not text:
        return
    st.markdown(f":material/trending_up: {text}" if forecast.end else f":gray[:material/trending_up: {text}]")
    if not forecast.course:
        return
    with st.expander(_("How it may go on"), icon=":material/query_stats:", key=f"{key}_expander"):
        title = layout.metric_title_raw(forecast.metric)
        figure = run_forecast(forecast, title, translate=_)
        live_chart(figure, key=f"{key}_chart", alt=_("The curve so far and how it may go on"))
        st.caption(_("An average over families of learning curves, weighted by how well each fits what was measured."))


def _epochs(band: Band) -> str:
    low, high = round(band.low), round(band.high)
    return f"{low}" if low == high else f"{low}–{high}"
