"""How good a run is, in figures and in a plain sentence against simple models."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from engine import api
from engine.figures.comparison import metric_bars
from engine.specs.records import BaselineRecord, EvaluationRecord, Interval
from pages.widgets import layout, numbers
from pages.widgets.charts import chart
from pages.widgets.text import _, say

SHARES = frozenset(
    {"accuracy", "roc_auc", "pr_auc"}
    | {f"{average}_{name}" for average in ("macro", "micro", "weighted") for name in ("precision", "recall", "f1")}
)  # drawn in percent
HEADLINES = ("accuracy", "macro_f1", "roc_auc", "log_loss", "rmse", "mae", "r2", "median_absolute_error")
COMPARED = ("accuracy", "macro_f1", "roc_auc", "log_loss", "brier", "calibration_error", "rmse", "mae", "r2")


def value_text(name: str, value: float) -> str:
    """A metric as people read it."""
    return numbers.percent(value) if name in SHARES else numbers.figure(value)


def interval_text(name: str, value: Interval) -> str:
    """The ends of a 95 % interval."""
    low, high = value.low, value.high
    return (
        f"{100 * low:.1f} – {100 * high:.1f} %" if name in SHARES else f"{numbers.figure(low)} – {numbers.figure(high)}"
    )


def value_and_interval(name: str, value: Interval) -> str:
    """Both, for a cell of a table."""
    return f"{value_text(name, value.value)}  ({interval_text(name, value)})"


def headlines(record: EvaluationRecord) -> None:
    """The metrics that matter most, each with its interval."""
    with st.grid(columns="auto", min_column_width=140, gap="small"):
        for name in HEADLINES:
            if name in record.metrics:
                found = record.metrics[name]
                st.metric(
                    layout.metric_title(name),
                    value_text(name, found.value),
                    delta=interval_text(name, found),
                    delta_color="off",
                    delta_arrow="off",
                    help=_("Below: the 95 % bootstrap interval, which shows how much chance there is in the figure."),
                )


def filtered_headlines(record: EvaluationRecord, rows: pd.DataFrame) -> None:
    """The same of the filtered rows, without intervals."""
    values = api.subset_metrics(record, rows)
    shown = [(layout.metric_title(name), value_text(name, values[name])) for name in HEADLINES if name in values]
    if shown:
        layout.metric_row(shown)


def classical(record: EvaluationRecord) -> BaselineRecord | None:
    """The best classical model beside the run."""
    rivals = [one for one in record.baselines if one.kind == "classical" and one.difference is not None]
    sign = 1 if record.objective == "accuracy" else -1
    return max(rivals, key=lambda one: sign * one.metrics[record.objective].value, default=None)


def verdict(record: EvaluationRecord) -> None:
    """One sentence: does the run beat the classical model, and is the difference more than chance."""
    rival = classical(record)
    if rival is None or rival.difference is None:
        st.info(_("There is no simple model to compare with on these data."), icon=":material/balance:")
        return
    sentence = verdict_text(record, rival, rival.difference)
    if record.verdict == "beats":
        st.success(sentence, icon=":material/trending_up:")
    elif record.verdict == "loses":
        st.warning(sentence, icon=":material/trending_down:")
    else:
        st.info(sentence, icon=":material/balance:")


def verdict_text(record: EvaluationRecord, rival: BaselineRecord, difference: Interval) -> str:
    """The sentence itself, translated and safe in markdown."""
    points = record.objective == "accuracy"
    sign = 1 if points else -1
    better = sign * difference.value
    low, high = sorted((sign * difference.low, sign * difference.high))
    names = {"model": _(rival.name), "unit": _("points") if points else _("in RMSE")}
    figures = {"by": _amount(abs(better), points), "low": _amount(low, points), "high": _amount(high, points)}
    if record.verdict == "beats":
        return say("**Beats {model}** by {by} {unit} (95 % interval {low} to {high}).", **names, **figures)
    if record.verdict == "loses":
        figures |= {"low": _amount(-high, points), "high": _amount(-low, points)}
        template = _(
            "**Loses to {model}** by {by} {unit} (95 % interval {low} to {high}). Take the simple model, or improve."
        )
        return say(template, **names, **figures)
    figures["by"] = _signed(better, points)
    return say(
        "**Level with {model}**: {by} {unit} (95 % interval {low} to {high}), which chance alone can bring.",
        **names,
        **figures,
    )


def comparison(record: EvaluationRecord) -> None:
    """The run beside its baselines, as a figure and as a table."""
    models = {_("This model"): record.metrics} | {_(one.name): one.metrics for one in record.baselines}
    metrics = [
        (layout.metric_title_raw(name), {model: values[name] for model, values in models.items() if name in values})
        for name in COMPARED
        if name in record.metrics
    ]
    chart(
        lambda: metric_bars(metrics, translate=_),
        key="evaluate_comparison",
        alt=_("Metrics of this model and of simple ones"),
        of=metrics,
    )
    table = {
        layout.metric_title_raw(name): {
            model: value_and_interval(name, values[name]) for model, values in models.items() if name in values
        }
        for name in record.metrics
    }
    with st.expander(_("All metrics with their 95 % intervals"), icon=":material/table:"):
        st.dataframe(pd.DataFrame.from_dict(table, orient="index"), key="evaluate_metrics")


def _amount(value: float, points: bool) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f}" if points else numbers.figure(value, 3)


def _signed(value: float, points: bool) -> str:
    return ("+" if value > 0 else "") + _amount(value, points)
